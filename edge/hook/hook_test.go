package hook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/edge/hook"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	now      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	rita     = authz.Principal{ID: "u1", Name: "Rita", Groups: []string{"staff", "readers"}, Addr: netip.MustParseAddr("192.0.2.7")}
)

// system is a rights system on the loopback.
func system(t *testing.T, timeout time.Duration, answer http.HandlerFunc) *hook.Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	c, err := hook.New(hook.Config{URL: server.URL + "/decide", Egress: loopback, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, body)
	}
}

func TestQuestion(t *testing.T) {
	var got struct {
		Principal struct {
			ID, Name, Address string
			Groups            []string
		}
		Image string
		Now   time.Time
	}
	var request *http.Request
	c := system(t, 0, func(w http.ResponseWriter, r *http.Request) {
		request = r.Clone(context.Background())
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		says(`{"access":"allow"}`)(w, r)
	})
	if o, err := c.Ask(t.Context(), rita, "maps/1", now); o != authz.Allow || err != nil {
		t.Fatalf("%s, %v", o, err)
	}
	if request.Method != http.MethodPost || request.URL.Path != "/decide" || request.Header.Get("Authorization") != "" {
		t.Errorf("%s %s %v", request.Method, request.URL, request.Header)
	}
	if got.Principal.ID != "u1" || got.Principal.Name != "Rita" || got.Principal.Address != "192.0.2.7" || len(got.Principal.Groups) != 2 ||
		got.Image != "maps/1" || !got.Now.Equal(now) {
		t.Errorf("asked %+v", got)
	}
	got.Principal.Groups = nil
	// Groups without a signed-in person behind them count for nothing there either.
	if _, err := c.Ask(t.Context(), authz.Principal{Groups: []string{"staff"}}, "maps/1", now); err != nil || len(got.Principal.Groups) != 0 {
		t.Errorf("asked %+v, %v", got, err)
	}
}

func TestAnswers(t *testing.T) {
	for body, want := range map[string]authz.Outcome{
		`{"access":"allow","ttl":30}`: authz.Allow, `{"access":"login"}`: authz.NeedLogin,
		`{"access":"deny","reason":"sealed until 2040"}`: authz.Forbidden, `{"access":"hidden"}`: authz.NotFound,
	} {
		if o, err := system(t, 0, says(body)).Ask(t.Context(), rita, "a", now); o != want || err != nil {
			t.Errorf("%s: %s, %v", body, o, err)
		}
	}
}

// Whatever is no answer opens nothing.
func TestLies(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"another word":    says(`{"access":"open"}`),
		"no word":         says(`{}`),
		"nothing":         says(``),
		"no object":       says(`"allow"`),
		"another field":   says(`{"access":"allow","groups":["staff"]}`),
		"two answers":     says(`{"access":"allow"}{"access":"deny"}`),
		"huge":            says(`{"access":"allow","reason":"` + strings.Repeat("x", 1<<20) + `"}`),
		"time as text":    says(`{"access":"allow","ttl":"forever"}`),
		"a page":          func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"access":"allow"}`) },
		"another status":  func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(201); says(`{"access":"allow"}`)(w, r) },
		"an error":        func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) },
		"somewhere else":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"a broken answer": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			if o, err := system(t, 0, answer).Ask(t.Context(), rita, "a", now); err == nil || o == authz.Allow {
				t.Errorf("%s, %v", o, err)
			}
		})
	}
}

func TestDown(t *testing.T) {
	server := httptest.NewServer(says(`{"access":"allow"}`))
	c, err := hook.New(hook.Config{URL: server.URL, Egress: loopback})
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	if o, err := c.Ask(t.Context(), rita, "a", now); err == nil || o == authz.Allow {
		t.Errorf("%s, %v", o, err)
	}
}

func TestSlow(t *testing.T) {
	c := system(t, 50*time.Millisecond, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice that the client left
		<-r.Context().Done()
	})
	if o, err := c.Ask(t.Context(), rita, "a", now); err == nil || o == authz.Allow {
		t.Errorf("%s, %v", o, err)
	}
}

// Answers are remembered for as long as they say, by reader and image, and errors never.
func TestMemory(t *testing.T) {
	var asked atomic.Int64
	fail := false
	c := system(t, 0, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if fail {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		says(`{"access":"allow","ttl":30}`)(w, r)
	})
	ask := func(who authz.Principal, image string, at time.Time) (authz.Outcome, int64) {
		before := asked.Load()
		o, _ := c.Ask(t.Context(), who, image, at)
		return o, asked.Load() - before
	}
	moved, fewer := rita, rita
	moved.Addr = netip.MustParseAddr("198.51.100.7")
	fewer.Groups = fewer.Groups[:1]
	for _, row := range []struct {
		name  string
		who   authz.Principal
		image string
		at    time.Time
		costs int64
	}{
		{"first", rita, "a", now, 1},
		{"again", rita, "a", now.Add(29 * time.Second), 0},
		{"R55 from elsewhere", moved, "a", now, 1},
		{"a group less", fewer, "a", now, 1},
		{"nobody", authz.Principal{}, "a", now, 1},
		{"another image", rita, "b", now, 1},
		{"its time is over", rita, "a", now.Add(30 * time.Second), 1},
	} {
		if o, costs := ask(row.who, row.image, row.at); o != authz.Allow || costs != row.costs {
			t.Errorf("%s: %s after %d questions, want %d", row.name, o, costs, row.costs)
		}
	}
	fail = true
	for range 2 {
		if o, costs := ask(rita, "a", now.Add(time.Hour)); o == authz.Allow || costs != 1 {
			t.Errorf("%s after %d questions once the system fails", o, costs)
		}
	}
}

// However long it says, an answer is asked for again after a while.
func TestMemoryIsBounded(t *testing.T) {
	var asked atomic.Int64
	c := system(t, 0, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		says(`{"access":"allow","ttl":1e300}`)(w, r)
	})
	for _, at := range []time.Duration{0, hook.MaxTTL - 1, hook.MaxTTL} {
		if _, err := c.Ask(t.Context(), rita, "a", now.Add(at)); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
}

// Equal questions at the same moment are one; of different ones there is a bound.
func TestQuestionsAreBounded(t *testing.T) {
	hold := make(chan struct{})
	var asked, most atomic.Int64
	arrived := make(chan struct{}, 1000)
	c := system(t, 30*time.Second, func(w http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), asked.Add(1)))
		arrived <- struct{}{}
		<-hold
		says(`{"access":"allow"}`)(w, r)
	})
	var wg sync.WaitGroup
	for i := range 64 {
		for range 3 {
			wg.Go(func() {
				if o, err := c.Ask(t.Context(), rita, fmt.Sprint(i), now); o != authz.Allow || err != nil {
					t.Errorf("%s, %v", o, err)
				}
			})
		}
	}
	for range 64 {
		<-arrived
	}
	if _, err := c.Ask(t.Context(), rita, "one more", now); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("one more: %v", err)
	}
	close(hold)
	wg.Wait()
	if n := most.Load(); n > 64*2 { // who came after the first answers asked again
		t.Errorf("%d questions", n)
	}
}

// R27: the system is where the setting says, whatever its name is made to mean.
func TestEgress(t *testing.T) {
	server := httptest.NewServer(says(`{"access":"allow"}`))
	defer server.Close()
	for name, egress := range map[string][]netip.Prefix{"public alone": nil, "elsewhere": {netip.MustParsePrefix("10.0.0.0/8")}} {
		c, err := hook.New(hook.Config{URL: strings.Replace(server.URL, "127.0.0.1", "localhost", 1), Egress: egress})
		if err != nil {
			t.Fatal(err)
		}
		if o, err := c.Ask(t.Context(), rita, "a", now); err == nil || o == authz.Allow || !strings.Contains(err.Error(), "--decision-hook-egress") {
			t.Errorf("%s: %s, %v", name, o, err)
		}
		c.Close()
	}
	for _, bad := range []string{"", "rights.example.org", "ftp://x/", "https://user:secret@x/"} {
		if _, err := hook.New(hook.Config{URL: bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{`{"access":"allow","ttl":30}`, `{"access":"deny"}`, `{"ttl":-1}`, `[]`, `{"access":"allow"} x`, `{"access":"Allow"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		outcome, ttl, err := hook.Parse([]byte(body))
		if err == nil && (outcome == 0 || ttl < 0 || ttl > hook.MaxTTL) {
			t.Errorf("%q: %s for %s", body, outcome, ttl)
		}
	})
}
