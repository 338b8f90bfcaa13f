package coordinator

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// R31: what an edge says counts, what anybody else says does not, in either direction.
func TestWhatEdgesSay(t *testing.T) {
	const site = "https://iiif.example.org"
	for _, row := range []struct {
		name   string
		sites  []string
		peer   string
		header []string // pairs
		status int
		seen   string // address, host, client
	}{
		{
			"an edge",
			[]string{site},
			"10.0.0.7:1234",
			[]string{"X-Forwarded-For", "198.51.100.4", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "iiif.example.org"},
			200, site + " iiif.example.org 198.51.100.4:0",
		},
		{
			"an edge for a person of IPv6",
			[]string{site},
			"10.0.0.7:1234",
			[]string{"X-Forwarded-For", "2001:db8::1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "iiif.example.org"},
			200, site + " iiif.example.org [2001:db8::1]:0",
		},
		{
			"a balancer between edge and coordinator",
			[]string{site},
			"10.0.0.7:1234",
			[]string{"X-Forwarded-For", "198.51.100.4, 10.0.0.9", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "iiif.example.org"},
			200, site + " iiif.example.org 198.51.100.4:0",
		},
		{
			"what stands before the first stranger is forged",
			[]string{site},
			"10.0.0.7:1234",
			[]string{"X-Forwarded-For", "127.0.0.1, 198.51.100.4", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "iiif.example.org"},
			200, site + " iiif.example.org 198.51.100.4:0",
		},
		{
			"an edge that says no client",
			[]string{site},
			"10.0.0.7:1234",
			[]string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "iiif.example.org"},
			200, site + " iiif.example.org 0.0.0.0:0",
		},
		{
			"another public name",
			[]string{site, "https://images.example.org"},
			"10.0.0.7:1234",
			[]string{"X-Forwarded-For", "198.51.100.4", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "images.example.org"},
			200, "https://images.example.org images.example.org 198.51.100.4:0",
		},
		{
			"loopback where there is no public name", nil, "10.0.0.7:1234",
			[]string{"X-Forwarded-For", "127.0.0.1", "X-Forwarded-Proto", "http", "X-Forwarded-Host", "localhost:8080"},
			200, "http://localhost:8080 localhost:8080 127.0.0.1:0",
		},
		{
			"poisoned host",
			[]string{site},
			"10.0.0.7:1234",
			[]string{"X-Forwarded-For", "198.51.100.4", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example"},
			421, "",
		},
		{
			"poisoned host where there is no public name", nil, "10.0.0.7:1234",
			[]string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example"},
			421, "",
		},
		{
			"poisoned scheme",
			[]string{site},
			"10.0.0.7:1234",
			[]string{"X-Forwarded-Proto", "javascript", "X-Forwarded-Host", "iiif.example.org"},
			421, "",
		},
		{"an edge that says nothing", []string{site}, "10.0.0.7:1234", nil, 421, ""},
		{
			"a stranger who plays an edge",
			[]string{site},
			"203.0.113.9:1234",
			[]string{"X-Forwarded-For", "127.0.0.1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "iiif.example.org"},
			403, "",
		},
		{
			"a stranger who claims an edge's address",
			[]string{site},
			"203.0.113.9:1234",
			[]string{"X-Forwarded-For", "10.0.0.7", "Forwarded", "for=10.0.0.7", "X-Real-Ip", "10.0.0.7"},
			403, "",
		},
		{"no address", []string{site}, "@", nil, 403, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := &Edges{
				trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, log: slog.New(slog.DiscardHandler),
				next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.WriteString(w, r.URL.Scheme+"://"+r.URL.Host+" "+r.Host+" "+r.RemoteAddr)
					for name := range r.Header {
						t.Errorf("the header %s came through", name)
					}
				}),
			}
			for _, s := range row.sites {
				o, err := parseOrigin(s)
				if err != nil {
					t.Fatal(err)
				}
				e.sites = append(e.sites, o)
			}
			// The absolute form puts a host of the sender's choice into the URL.
			r := httptest.NewRequest(http.MethodGet, "http://evil.example/auth/login", nil)
			r.RemoteAddr = row.peer
			for i := 0; i < len(row.header); i += 2 {
				r.Header.Set(row.header[i], row.header[i+1])
			}
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			if w.Code != row.status || row.seen != "" && w.Body.String() != row.seen {
				t.Errorf("got %d %q", w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "evil") {
				t.Errorf("a poisoned host came through: %q", w.Body)
			}
		})
	}
}

func TestAlive(t *testing.T) {
	e := &Edges{trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, log: slog.New(slog.DiscardHandler)}
	ask := func() int {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, AlivePath, nil)) // from 192.0.2.1
		return w.Code
	}
	if got := ask(); got != http.StatusNoContent {
		t.Errorf("alive: %d", got)
	}
	e.Drain()
	if got := ask(); got != http.StatusServiceUnavailable {
		t.Errorf("about to stop: %d", got)
	}
}

// What is odd is told once a minute, each kind for itself: nobody can keep the operator
// from learning of the one by causing the other.
func TestWhatIsToldOfEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told bytes.Buffer
		site, err := parseOrigin("https://iiif.example.org")
		if err != nil {
			t.Fatal(err)
		}
		e := &Edges{
			trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, sites: []origin{site},
			log: slog.New(slog.NewTextHandler(&told, nil)),
		}
		ask := func(peer string) {
			r := httptest.NewRequest(http.MethodGet, "/auth/login", nil)
			r.RemoteAddr = peer
			r.Header.Set("X-Forwarded-Proto", "https")
			r.Header.Set("X-Forwarded-Host", "images.example.org")
			e.ServeHTTP(httptest.NewRecorder(), r)
		}
		want := func(strangers, addresses int) {
			t.Helper()
			got := told.String()
			if n := strings.Count(got, "turned away who is no edge"); n != strangers {
				t.Errorf("strangers are told of %d times, want %d", n, strangers)
			}
			if n := strings.Count(got, `asked=https://images.example.org served=[https://iiif.example.org]`); n != addresses {
				t.Errorf("the wrong address is told of %d times, want %d: %s", n, addresses, got)
			}
		}
		ask("203.0.113.9:1")
		want(1, 0)
		ask("10.0.0.7:1")
		want(1, 1)
		ask("203.0.113.9:1")
		ask("10.0.0.7:1")
		want(1, 1)
		if !strings.Contains(told.String(), "address=203.0.113.9") {
			t.Errorf("nobody learns who it was: %s", told.String())
		}
		time.Sleep(time.Minute)
		ask("10.0.0.7:1")
		ask("203.0.113.9:1")
		want(2, 2)
	})
}

func FuzzWhatEdgesSay(f *testing.F) {
	f.Add("198.51.100.4, 10.0.0.9", "https", "iiif.example.org")
	site, _ := parseOrigin("https://iiif.example.org")
	f.Fuzz(func(t *testing.T, client, proto, host string) {
		e := &Edges{
			trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, sites: []origin{site}, log: slog.New(slog.DiscardHandler),
			next: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.Host != "iiif.example.org" || r.URL.Scheme != "https" {
					t.Errorf("%q, %q became %s://%s", proto, host, r.URL.Scheme, r.Host)
				}
				if _, err := netip.ParseAddrPort(r.RemoteAddr); err != nil {
					t.Errorf("%q became the client %s", client, r.RemoteAddr)
				}
			}),
		}
		r := httptest.NewRequest(http.MethodGet, "/auth/login", nil)
		r.RemoteAddr = "10.0.0.7:1"
		r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"], r.Header["X-Forwarded-Host"] = []string{client}, []string{proto}, []string{host}
		e.ServeHTTP(httptest.NewRecorder(), r)
	})
}
