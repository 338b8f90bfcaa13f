package coordinator_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// beside is another coordinator on the same database.
func (s *stage) beside(change ...func(*coordinator.Config)) *stage {
	s.t.Helper()
	other := &stage{t: s.t, base: s.base, source: s.source, log: s.log, now: s.time()}
	other.open(change...)
	return other
}

// die ends a coordinator and its connections.
func (s *stage) die() {
	s.t.Helper()
	s.c.Close()
	if err := s.db.Close(); err != nil {
		s.t.Error(err)
	}
}

// at is the same browser, whose requests now reach another coordinator.
func (b *browser) at(s *stage) *browser {
	return &browser{stage: s, jar: b.jar, addr: b.addr, header: b.header}
}

func openTo(name string) map[string]any {
	return map[string]any{"items": []map[string]any{{"name": name, "images": []string{name}, "access": "open"}}}
}

// One of two coordinators dies; the other goes on with all that the first did.
func TestOneOfTwoCoordinatorsDies(t *testing.T) {
	one := newStage(t)
	two := one.beside()
	h := one.held()
	admin := one.admin()
	admin.want(admin.call(http.MethodPut, "/rules", openTo("first"), nil, "If-Match", `"0"`), http.StatusOK)
	one.die()

	for kind, hash := range map[session.Kind]session.Hash{
		session.KindSession: h.cookie, session.KindIIIF: h.token, session.KindPersonal: h.personal,
	} {
		if !two.knows(kind, hash) {
			t.Errorf("the %s of the first is unknown to the second", kind)
		}
	}
	h.b.at(two).mustToken()
	two.browser().mustLogin(readerEmail, readerSecret)
	rights, err := two.c.Rights(t.Context(), 0)
	if err != nil || len(rights.Rules) != 1 || rights.Rules[0].Name != "first" {
		t.Errorf("%+v, %v", rights, err)
	}
	var rules rulesJSON
	response := admin.at(two).call(http.MethodGet, "/rules", nil, &rules)
	admin.at(two).want(admin.at(two).call(http.MethodPut, "/rules", openTo("second"), nil, "If-Match", response.Header.Get("ETag")), http.StatusOK)
	admin.at(two).want(admin.at(two).call(http.MethodDelete, "/users/"+h.user.ID, nil, nil), http.StatusNoContent)
	if two.knows(session.KindSession, h.cookie) || !two.endedSince(rights.Revision)[h.cookie] {
		t.Error("a session of the first cannot be ended at the second")
	}
}

// post is a coordinator's place at the bus.
type post struct {
	*stage
	authority *bus.AuthorityServer
}

func (s *stage) serve(e *bus.Embedded, name string) post {
	s.t.Helper()
	conn, err := e.Connect(bus.RoleCoordinator, name)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(conn.Close)
	authority, err := bus.ServeAuthority(conn, s.c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.tell = authority.Announce
	s.mu.Unlock()
	return post{stage: s, authority: authority}
}

// edge is what an edge knows, over the bus.
func (s *stage) edge(e *bus.Embedded) *session.Keeper {
	s.t.Helper()
	conn, err := e.Connect(bus.RoleEdge, "edge")
	if err != nil {
		s.t.Fatal(err)
	}
	client := bus.NewAuthority(conn)
	k := session.NewKeeper(session.Config{
		Authority: client, Lease: time.Minute, Fallback: authz.Login, Now: s.time, Log: slog.New(slog.DiscardHandler),
	})
	ctx, stop := context.WithCancel(s.t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- k.Run(ctx, client.Revisions()) }()
	s.t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			s.t.Error(err)
		}
		conn.Close()
	})
	s.eventually("a first snapshot", k.Ready)
	return k
}

func (s *stage) eventually(what string, f func() bool) {
	s.t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("%s: never", what)
		}
	}
}

// R24 with several coordinators: an edge obeys whichever takes a right away, also
// when the other is dead, and when the one that did died before it could say so.
func TestEdgesObeyEitherCoordinator(t *testing.T) {
	e, err := bus.StartEmbedded(bus.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	first := newStage(t)
	first.reader()
	one, two := first.serve(e, "coordinator"), first.beside().serve(e, "coordinator")
	t.Cleanup(func() { two.authority.Close() })
	k := first.edge(e)
	// signIn gives a session that the edge knows.
	signIn := func(at post) (secret, id string) {
		b := at.browser()
		b.mustLogin(readerEmail, readerSecret)
		secret = b.cookie("session")
		known, err := k.Find(t.Context(), session.KindSession, secret)
		if err != nil {
			t.Fatal(err)
		}
		return secret, known.Session
	}
	refused := func(what, secret string) {
		t.Helper()
		first.eventually(what, func() bool {
			_, err := k.Find(t.Context(), session.KindSession, secret)
			return errors.Is(err, session.ErrUnknown)
		})
	}
	end := func(at post, id string) {
		t.Helper()
		admin := at.admin()
		admin.want(admin.call(http.MethodDelete, "/sessions/"+id, nil, nil), http.StatusNoContent)
	}
	secret, id := signIn(one)
	end(two, id)
	refused("signed in at one, ended at two", secret)

	secret, id = signIn(two)
	one.authority.Close()
	one.die()
	end(two, id)
	refused("ended at two, with one dead", secret)

	secret, id = signIn(two)
	_, err = dbtest.Open(t, first.source).Update(t.Context(), first.time(), func(tx *db.Tx) error {
		return tx.EndSession(t.Context(), id)
	})
	if err != nil {
		t.Fatal(err)
	}
	refused("ended by one that died before it could say so", secret)
}

// Without its database a coordinator refuses in words, claims nothing about
// credentials, and goes on by itself when the database is back.
func TestDatabaseAway(t *testing.T) {
	if !dbtest.IsPostgres() {
		return // SQLite has no server
	}
	server := dbtest.NewServer(t)
	s := newStageOn(t, server.Source(t))
	b := s.browser()
	hash := b.mustLogin(adminEmail, adminPassword)
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	for what, response := range map[string]*http.Response{
		"page": s.browser().login(adminEmail, adminPassword), "API": b.call(http.MethodGet, "/users", nil, nil),
	} {
		b.want(response, http.StatusServiceUnavailable)
		if response.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", what)
		}
	}
	if _, err := s.c.Lookup(t.Context(), session.KindSession, hash); err == nil || errors.Is(err, session.ErrUnknown) {
		t.Errorf("a credential is taken for unknown: %v", err)
	}
	if _, err := s.c.Revision(t.Context()); err == nil {
		t.Error("a revision that nobody can know")
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	s.browser().mustLogin(adminEmail, adminPassword)
	if !s.knows(session.KindSession, hash) {
		t.Error("the session is lost")
	}
}
