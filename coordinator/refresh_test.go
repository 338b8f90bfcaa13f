package coordinator_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/coordinator/oidc/oidctest"
	"github.com/tessera-iiif/tessera/coordinator/seal"
	"github.com/tessera-iiif/tessera/internal/session"
)

func hourly(p *coordinator.Provider) { p.Refresh, p.Grace = time.Hour, 3*time.Hour }

// signedIn is a browser of Alice, by the provider.
func (s *campus) signedIn() *browser {
	s.t.Helper()
	b := s.browser()
	b.want(b.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
	return b
}

// later passes time in steps that keep sessions from idling.
func (s *campus) later(b *browser, d time.Duration) {
	s.t.Helper()
	for ; d > 0; d -= 30 * time.Minute {
		s.pass(min(d, 30*time.Minute))
		s.knows(session.KindSession, b.hash())
	}
}

// R42
func TestRefresh(t *testing.T) {
	t.Run("R42 rotated, and followed", func(t *testing.T) {
		s := newCampus(t, hourly)
		b := s.signedIn()
		s.idp.Knows("alice", map[string]any{"name": "Alice B.", "groups": []string{"emeriti"}})
		s.c.AskDue(t.Context())
		if n := s.idp.Asked("/token"); n != 1 {
			t.Fatalf("asked before its time: %d", n)
		}
		since := s.revision()
		for range 3 {
			s.later(b, time.Hour)
			s.c.AskDue(t.Context())
		}
		if n := s.idp.Asked("/token"); n != 4 {
			t.Errorf("asked %d times in three hours", n-1)
		}
		if c := s.who(b.hash()).Principal; c.Name != "Alice B." || strings.Join(c.Groups, " ") != "emeriti" {
			t.Errorf("is still %+v", c)
		}
		if !s.endedSince(since)[b.hash()] {
			t.Error("edges go on with what was")
		}
	})
	t.Run("R42 ended there", func(t *testing.T) {
		s := newCampus(t, hourly)
		b := s.signedIn()
		s.idp.Knows("alice", nil)
		s.later(b, time.Hour)
		since := s.revision()
		s.c.AskDue(t.Context())
		if s.knows(session.KindSession, b.hash()) || !s.endedSince(since)[b.hash()] {
			t.Error("the session lives on")
		}
	})
	t.Run("R42 out of reach", func(t *testing.T) {
		s := newCampus(t, hourly)
		b := s.signedIn()
		s.idp.Lie(oidctest.Lies{Serve: func(w http.ResponseWriter, path string) bool {
			if path == "/token" {
				w.WriteHeader(http.StatusBadGateway)
			}
			return path == "/token"
		}})
		s.later(b, 2*time.Hour)
		s.c.AskDue(t.Context())
		s.later(b, 2*time.Hour)
		s.c.AskDue(t.Context())
		if !s.knows(session.KindSession, b.hash()) {
			t.Fatal("ended before the grace is over")
		}
		s.later(b, 10*time.Minute)
		s.c.AskDue(t.Context())
		if s.knows(session.KindSession, b.hash()) {
			t.Error("nobody vouched for the session for more than the grace")
		}
	})
	t.Run("R42 back again", func(t *testing.T) {
		s := newCampus(t, hourly)
		b := s.signedIn()
		s.idp.Lie(oidctest.Lies{Serve: func(w http.ResponseWriter, _ string) bool { w.WriteHeader(http.StatusBadGateway); return true }})
		s.later(b, time.Hour)
		s.c.AskDue(t.Context())
		s.idp.Lie(oidctest.Lies{})
		s.later(b, 3*time.Minute)
		s.c.AskDue(t.Context())
		s.later(b, 6*time.Hour)
		if !s.knows(session.KindSession, b.hash()) {
			t.Error("an outage ended a session")
		}
	})
	t.Run("idle sessions are nobody's business", func(t *testing.T) {
		s := newCampus(t, hourly)
		s.signedIn()
		s.pass(9 * time.Hour)
		s.c.AskDue(t.Context())
		if n := s.idp.Asked("/token"); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
	t.Run("R42 sealed by another key", func(t *testing.T) {
		s := newCampus(t, hourly)
		b := s.signedIn()
		s.open(s.configure, func(c *coordinator.Config) { c.SignInBy.Key = seal.Key{8} })
		s.later(b, time.Hour)
		s.c.AskDue(t.Context())
		if !s.knows(session.KindSession, b.hash()) || s.idp.Asked("/token") != 1 {
			t.Error("a coordinator with another key did something")
		}
	})
}

// R42: sessions of a provider that is asked no more are in nobody's way, however many there
// are, and are asked about again once the operator wants it so.
func TestRefreshIsNotStarved(t *testing.T) {
	s := newCampus(t, hourly)
	quiet := s.signedIn()
	s.idp.Knows("alice", nil)
	const many = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) `
	for _, statement := range []string{
		`INSERT INTO sessions (id, hash, user_id, provider, network, agent, created, seen, expires)
			SELECT id || '-' || i, substr(hash, 1, 60) || CAST(1000 + i AS TEXT), user_id, provider, network, agent, created, seen, expires FROM sessions, n WHERE provider = 'campus'`,
		`INSERT INTO provider_sessions (session_id, issuer, subject, sid, id_token, refresh, due, confirmed)
			SELECT session_id || '-' || i, issuer, subject, sid, id_token, refresh, due, confirmed FROM provider_sessions, n`,
	} {
		dbtest.Exec(t, s.source, many+statement)
	}
	s.pass(time.Minute)
	both := func(campus time.Duration) func(*coordinator.Config) {
		return func(c *coordinator.Config) {
			s.configure(c)
			c.SignInBy.Providers[0].Refresh, c.SignInBy.Providers[1].Refresh = campus, time.Hour
		}
	}
	s.open(both(0))
	s.partner.Knows("bob", map[string]any{"name": "Bob"})
	b := s.browser()
	b.want(b.by(s.partner, "partner", "bob", ""), http.StatusSeeOther)
	s.partner.Knows("bob", nil)
	s.later(b, 2*time.Hour)
	s.c.AskDue(t.Context())
	if s.knows(session.KindSession, b.hash()) {
		t.Error("R42 a session that its provider ended lives on")
	}
	if !s.knows(session.KindSession, quiet.hash()) {
		t.Fatal("a provider that is not to be asked was")
	}
	s.open(both(time.Hour))
	for range 2 {
		s.c.AskDue(t.Context())
	}
	if s.knows(session.KindSession, quiet.hash()) {
		t.Error("R42 never asked about again")
	}
}

// R42: a refresh token is used once, however many coordinators there are; a second use
// would have the provider end the session.
func TestRefreshByOne(t *testing.T) {
	s := newCampus(t, hourly)
	b := s.signedIn()
	s.later(b, time.Hour)
	config := coordinator.Config{DB: s.db, Now: s.time}
	s.configure(&config)
	another, err := coordinator.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer another.Close()
	var both sync.WaitGroup
	for _, c := range []*coordinator.Coordinator{s.c, another, s.c, another} {
		both.Go(func() { c.AskDue(t.Context()) })
	}
	both.Wait()
	if n := s.idp.Asked("/token"); n != 2 {
		t.Errorf("the token was used %d times", n-1)
	}
	if !s.knows(session.KindSession, b.hash()) {
		t.Error("the session ended")
	}
}

// R42: a copy of the database gives no token of a provider away.
func TestTokensAreSealed(t *testing.T) {
	s := newCampus(t, hourly)
	var tokens []string
	s.idp.Lie(oidctest.Lies{Token: func(a map[string]any) {
		for _, name := range []string{"access_token", "refresh_token", "id_token"} {
			tokens = append(tokens, a[name].(string))
		}
	}})
	s.signedIn()
	held, err := s.db.SessionsOfSubject(t.Context(), s.idp.URL, "alice")
	if err != nil || len(held) != 1 || held[0].Refresh == "" || held[0].IDToken == "" {
		t.Fatalf("%+v, %v", held, err)
	}
	for _, token := range tokens {
		if strings.Contains(held[0].Refresh+held[0].IDToken, token) || strings.Contains(s.log.String(), token) {
			t.Error("a token can be read")
		}
	}
}
