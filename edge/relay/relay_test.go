package relay

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a coordinator as far as the wire goes; that the real one understands is
// shown in tests/cluster.
func house(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == alivePath {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// nobodyAt is an address that refuses connections.
func nobodyAt(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// edge serves a relay as an edge hands requests to it.
func edge(t *testing.T, coordinators ...string) (url string, r *Relay) {
	t.Helper()
	r, err := New(Config{
		Coordinators: coordinators, Log: slog.New(slog.DiscardHandler),
		Away: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "away", http.StatusServiceUnavailable) }),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		q.URL.Scheme, q.URL.Host, q.Host = "https", "iiif.example.org", "iiif.example.org"
		q.RemoteAddr = cmp.Or(q.Header.Get("X-Test-Client"), "198.51.100.4") + ":0"
		q.Header.Set("X-Request-Id", "request-1")
		r.ServeHTTP(w, q)
	}))
	t.Cleanup(func() {
		s.Close()
		r.transport.CloseIdleConnections()
		r.checks.CloseIdleConnections()
	})
	return s.URL, r
}

func ask(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, reader)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

// R31: the coordinator is told what the edge found out, and nothing that a client made
// up.
func TestWhatTheCoordinatorIsTold(t *testing.T) {
	var got *http.Request
	c := house(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("Set-Cookie", "__Host-tessera_session=x; Path=/")
		w.Header().Set("Location", "/next")
		w.WriteHeader(http.StatusSeeOther)
	})
	url, _ := edge(t, c.URL)
	resp, _ := ask(t, http.MethodPost, url+"/auth/login%2Fx?a=1;b=2&c=%zz", "email=a", "Cookie", "k=v",
		"X-Forwarded-For", "127.0.0.1", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "http", "Forwarded", "for=127.0.0.1")
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/next" || resp.Header.Get("Set-Cookie") == "" {
		t.Errorf("the answer became %v", resp)
	}
	for name, want := range map[string]string{
		"X-Forwarded-For": "198.51.100.4", "X-Forwarded-Host": "iiif.example.org", "X-Forwarded-Proto": "https",
		"Forwarded": "", "X-Request-Id": "request-1", "Cookie": "k=v",
	} {
		if v := strings.Join(got.Header.Values(name), "|"); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	if got.Host != "iiif.example.org" || got.RequestURI != "/auth/login%2Fx?a=1;b=2&c=%zz" {
		t.Errorf("host %s, address %s", got.Host, got.RequestURI)
	}
}

func TestFailover(t *testing.T) {
	var served atomic.Int32
	good := house(t, func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append([]byte("good "), body...))
	})
	// It takes the request and hangs up: nobody can tell whether it has acted on it.
	rude := house(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, row := range []struct {
		name, method, body, other string
		ok                        bool
	}{
		{"reading, nobody there", http.MethodGet, "", nobodyAt(t), true},
		{"writing, nobody there", http.MethodPost, "form", nobodyAt(t), true},
		{"reading, hung up", http.MethodGet, "", rude.URL, true},
		{"writing, hung up", http.MethodPost, "form", rude.URL, false},
		{"deleting, hung up", http.MethodDelete, "", rude.URL, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			url, r := edge(t, good.URL, row.other)
			for range 2 { // each of the two is the first once
				for _, c := range r.coordinators {
					c.alive.Store(true)
				}
				served.Store(0)
				resp, body := ask(t, row.method, url+"/auth/x", row.body)
				switch {
				case resp.StatusCode == http.StatusOK:
					if body != "good "+row.body || served.Load() != 1 {
						t.Errorf("got %q, served %d times", body, served.Load())
					}
				case row.ok || resp.StatusCode != http.StatusServiceUnavailable || served.Load() != 0:
					t.Errorf("got %s, served %d times", resp.Status, served.Load())
				}
			}
			if r.Check(t.Context()) != nil {
				t.Error("one lost coordinator of two is no outage")
			}
		})
	}
}

func TestAway(t *testing.T) {
	url, r := edge(t, nobodyAt(t), nobodyAt(t))
	resp, body := ask(t, http.MethodPost, url+"/auth/login", "email=a")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "away") {
		t.Errorf("people get %s %q", resp.Status, body)
	}
	resp, body = ask(t, http.MethodGet, url+"/auth/admin/api/v1/users", "")
	var p struct{ Detail string }
	if err := json.Unmarshal([]byte(body), &p); err != nil || resp.StatusCode != http.StatusServiceUnavailable || p.Detail == "" || resp.Header.Get("Retry-After") == "" {
		t.Errorf("programs get %s %q", resp.Status, body)
	}
	if r.Check(t.Context()) == nil {
		t.Error("an outage is not noticed")
	}
}

// A coordinator that says it is to stop gets nothing more, and is found when it is back.
func TestHealth(t *testing.T) {
	var draining atomic.Bool
	var served atomic.Int32
	leaving := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != alivePath:
			served.Add(1)
		case draining.Load():
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer leaving.Close()
	staying := house(t, func(http.ResponseWriter, *http.Request) {})
	url, r := edge(t, leaving.URL, staying.URL)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.Run(ctx) }()
	defer func() { cancel(); <-done }()
	eventually := func(what string, holds func() bool) {
		t.Helper()
		deadline, tick := time.After(10*time.Second), time.NewTicker(10*time.Millisecond)
		defer tick.Stop()
		for !holds() {
			select {
			case <-deadline:
				t.Fatalf("never: %s", what)
			case <-tick.C:
			}
		}
	}
	draining.Store(true)
	eventually("it is known to leave", func() bool { return !r.coordinators[0].alive.Load() })
	served.Store(0)
	for range 4 {
		ask(t, http.MethodGet, url+"/auth/x", "")
	}
	if served.Load() != 0 {
		t.Errorf("%d requests went to who leaves", served.Load())
	}
	draining.Store(false)
	eventually("it is back", func() bool { return r.coordinators[0].alive.Load() })
}

// What a coordinator writes is there before it has written everything.
func TestStreaming(t *testing.T) {
	release := make(chan struct{})
	c := house(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		<-release
		_, _ = io.WriteString(w, "second\n")
	})
	url, _ := edge(t, c.URL)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/auth/events", nil)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "first" {
		t.Fatalf("got %q", lines.Text())
	}
	close(release)
	if !lines.Scan() || lines.Text() != "second" {
		t.Errorf("got %q, %v", lines.Text(), lines.Err())
	}
}
