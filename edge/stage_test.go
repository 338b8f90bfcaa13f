package edge_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const base = "https://iiif.test"

// rules of the stage: a folder for each kind of access, everything else by default.
var rules = []authz.Rule{
	{Name: "open", Images: []string{"open/**", "SQ", "W", "ark:/**", "http://**", "a b", "x%41", "ü", "a/b"}, Access: authz.Open},
	{Name: "members", Images: []string{"members/**"}, Access: authz.Login},
	{Name: "staff", Images: []string{"staff/**"}, Access: authz.Groups, Groups: []string{"staff"}},
	{Name: "secret", Images: []string{"secret/**"}, Access: authz.Hidden, Groups: []string{"staff"}},
	{Name: "closed", Images: []string{"closed/**"}, Access: authz.Deny},
}

// The people of the stage. Each has a session cookie "cookie-NAME", an access token
// "iiif-NAME" and a personal access token "tpat_NAME".
var people = []authz.Principal{
	{ID: "alice", Name: "Alice"},
	{ID: "sam", Name: "Sam", Groups: []string{"staff"}},
	{ID: "root", Name: "Root", Admin: true},
}

// stage is an edge with everything around it.
type stage struct {
	t         testing.TB
	edge      *edge.Edge
	clock     *clock
	authority *authority
	keeper    *session.Keeper
	revisions chan int64
	studio    *studio
	shelf     *shelf
	log       *lockedBuffer
}

// lockedBuffer is a log that many may write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// echo tells what a handler behind the edge gets to see.
func (s *stage) echo(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Handler", name)
		fmt.Fprintf(w, "%s %s %s%s from %s reader %q forwarded %q",
			name, r.Method, r.URL.Scheme+"://"+r.URL.Host, r.URL.Path, r.RemoteAddr, s.edge.Principal(r).ID,
			strings.Join(append(r.Header.Values("X-Forwarded-For"), r.Header.Values("Forwarded")...), ";"))
	})
}

func always(h http.Handler) func(*edge.Edge) http.Handler {
	return func(*edge.Edge) http.Handler { return h }
}

func newStage(t testing.TB, adjust ...func(*edge.Config)) *stage {
	t.Helper()
	s := &stage{
		t: t, clock: newClock(), studio: newStudio(), revisions: make(chan int64), log: &lockedBuffer{},
		shelf: &shelf{documents: map[string]tile.Document{}},
	}
	s.authority = newAuthority(s.clock.Now)
	s.startKeeper()
	cfg := edge.Config{
		Renderer: s.studio, Library: s.shelf, Keeper: s.keeper,
		Coordinator: s.echo("coordinator"), Pages: always(s.echo("pages")),
		PublicURLs: []string{base}, Formats: func() []string { return []string{"jpg", "png", "webp", "gif", "tif"} },
		Limits: iiifurl.Limits{MaxArea: 128_000_000},
		Now:    s.clock.Now, Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range adjust {
		f(&cfg)
	}
	var err error
	if s.edge, err = edge.New(cfg); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) startKeeper() {
	s.keeper = session.NewKeeper(session.Config{
		Authority: s.authority, Lease: time.Minute, Fallback: authz.Login, Now: s.clock.Now,
		Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.keeper.Run(ctx, s.revisions)
	}()
	s.t.Cleanup(func() {
		cancel()
		<-done
	})
	s.announce(1)
	eventually(s.t, "the keeper is ready", func() bool { return s.keeper.Ready() && s.keeper.Fresh() })
}

func (s *stage) announce(revision int64) {
	s.t.Helper()
	select {
	case s.revisions <- revision:
	case <-time.After(10 * time.Second):
		s.t.Fatal("the keeper takes no revision")
	}
}

// setRules changes the rules and returns when the edge obeys them.
func (s *stage) setRules(r []authz.Rule) {
	s.t.Helper()
	s.setDocument(authz.Document{Items: r})
}

func (s *stage) setDocument(d authz.Document) {
	s.t.Helper()
	before := s.keeper.Policy()
	s.announce(s.authority.change(func(a *authority) { a.rules, a.definitions = d.Items, d.Definitions }))
	eventually(s.t, "the new rules are in force", func() bool { return s.keeper.Policy() != before })
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// with is a change to a request.
type with func(*http.Request)

func header(name, value string) with {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func cookieOf(name string) with { return header("Cookie", "__Host-tessera_session=cookie-"+name) }
func patOf(name string) with    { return header("Authorization", "Bearer tpat_"+name) }
func method(m string) with      { return func(r *http.Request) { r.Method = m } }
func from(addr string) with     { return func(r *http.Request) { r.RemoteAddr = addr } }
func host(h string) with        { return func(r *http.Request) { r.Host = h } }

// tokenOf is the access token of the flow to which what is asked belongs.
func tokenOf(name string) with {
	return func(r *http.Request) {
		token := "iiif-" + name
		if strings.HasPrefix(r.URL.Path, "/auth/probe/") {
			token = "iiif2-" + name
		}
		r.Header.Add("Authorization", "Bearer "+token)
	}
}

// answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string {
	body := a.body
	if len(body) > 300 {
		body = body[:300] + "…"
	}
	return fmt.Sprintf("%d %v %q", a.status, a.header, body)
}

// ask sends one request to the edge. path is the request target as on the wire.
func (s *stage) ask(path string, changes ...with) answer {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host, r.RemoteAddr = "iiif.test", "192.0.2.10:4711"
	for _, change := range changes {
		change(r)
	}
	w := httptest.NewRecorder()
	s.edge.ServeHTTP(w, r)
	return answer{w.Code, w.Result().Header, w.Body.String()}
}

// want checks a status and says what came instead.
func (s *stage) want(status int, path string, changes ...with) answer {
	s.t.Helper()
	a := s.ask(path, changes...)
	if a.status != status {
		s.t.Errorf("%s: got %v, want %d", path, a, status)
	}
	return a
}

// allOpen opens whatever no rule before it names.
var allOpen = authz.Rule{Name: "all", Images: []string{"**"}, Access: authz.Open}

// diffAnswers says how two answers differ, request ids aside; empty when they do not.
func diffAnswers(a, b answer) string {
	a.header, b.header = a.header.Clone(), b.header.Clone()
	a.header.Del("X-Request-Id")
	b.header.Del("X-Request-Id")
	if x, y := a.String(), b.String(); x != y {
		return fmt.Sprintf("\n%s\n%s", x, y)
	}
	if a.body != b.body {
		return "the bodies differ"
	}
	return ""
}
