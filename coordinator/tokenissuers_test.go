package coordinator_test

import (
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/session"
)

// R23: an edge that goes by a provider's word for who somebody is obeys when she is
// blocked, by the same word of changed rights that ends her sessions.
func TestBlockedAtTheEdge(t *testing.T) {
	const issuer = "https://login.example.edu"
	e, err := bus.StartEmbedded(bus.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	s := newStage(t, func(c *coordinator.Config) { c.TokenIssuers = map[string]people.SignUp{issuer: people.Everyone} })
	post := s.serve(e, "coordinator")
	t.Cleanup(func() { post.authority.Close() })
	k := s.edge(e)
	find := func() (session.Credential, error) { return k.FindIdentity(t.Context(), issuer, "ada") }

	if c, err := find(); err != nil || c.Principal.ID != "" {
		t.Fatalf("a stranger whom nothing speaks against: %+v, %v", c, err)
	}
	signIns := people.New(people.Config{
		DB: s.db, Announce: s.announce, Now: s.time, SessionMax: time.Hour, SessionIdle: time.Hour, Log: slog.New(slog.DiscardHandler),
	})
	in, err := signIns.Arrive(t.Context(), people.Arrival{Provider: "campus", Issuer: issuer, Subject: "ada", Name: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	ada := in.Session.User.ID
	s.eventually("she is known", func() bool { c, err := find(); return err == nil && c.Principal.ID == ada })
	admin := s.admin()
	block := func(active bool) {
		admin.want(admin.call(http.MethodPatch, "/users/"+ada, map[string]any{"active": active}, nil), http.StatusOK)
	}
	block(false)
	s.eventually("she is shut out", func() bool { _, err := find(); return errors.Is(err, session.ErrUnknown) })
	block(true)
	s.pass(time.Minute) // that she is unknown is remembered briefly
	s.eventually("she is let in again", func() bool { c, err := find(); return err == nil && c.Principal.ID == ada })
}
