package bus

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

type people struct {
	lookup   func(session.Kind, session.Hash) (session.Credential, error)
	identity func(issuer, subject string) (session.Credential, error)
	rights   func(since int64) (session.Rights, error)
}

func (p people) Lookup(_ context.Context, k session.Kind, h session.Hash) (session.Credential, error) {
	return p.lookup(k, h)
}

func (p people) Identity(_ context.Context, issuer, subject string) (session.Credential, error) {
	return p.identity(issuer, subject)
}

func (p people) Rights(_ context.Context, since int64) (session.Rights, error) {
	return p.rights(since)
}

func manyRules(n int) session.Rights {
	r := session.Rights{Revision: 41, Complete: true, Ended: []session.Hash{session.HashOf("gone")}}
	for i := range n {
		r.Rules = append(r.Rules, authz.Rule{
			Name: fmt.Sprintf("rule %d: %s", i, strings.Repeat("ü", 40)), Images: []string{fmt.Sprintf("collection-%d/**", i)},
			Access: authz.Groups, Groups: []string{"staff", fmt.Sprintf("group-%d", i)},
		})
	}
	return r
}

func serveAuthority(t *testing.T, c *Conn, a session.Authority) *AuthorityServer {
	t.Helper()
	s, err := ServeAuthority(c, a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestAuthorityOverTheBus(t *testing.T) {
	e := startServer(t)
	want := session.Credential{
		Kind: session.KindIIIF, Session: "s-1", Origin: "https://viewer.test", Service: "members", Flow: session.Auth2,
		Principal: authz.Principal{ID: "u1", Name: "Änne", Groups: []string{"staff"}, Admin: true},
		Expires:   time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	all := manyRules(10_000) // more than any inline reply
	serveAuthority(t, join(t, e, RoleCoordinator, "coordinator"), people{
		lookup: func(k session.Kind, h session.Hash) (session.Credential, error) {
			switch {
			case h == session.HashOf("broken"):
				return session.Credential{}, errors.New("disk on fire")
			case k != session.KindIIIF || h != session.HashOf("secret"):
				return session.Credential{}, fmt.Errorf("token: %w", session.ErrUnknown)
			}
			return want, nil
		},
		identity: func(issuer, subject string) (session.Credential, error) {
			if issuer != "https://login.example.edu" || subject != "ada" {
				return session.Credential{}, fmt.Errorf("identity: %w", session.ErrUnknown)
			}
			return want, nil
		},
		rights: func(since int64) (session.Rights, error) {
			if since == 40 {
				return session.Rights{Revision: 41}, nil
			}
			return all, nil
		},
	})
	client := NewAuthority(join(t, e, RoleEdge, "edge"))

	got, err := client.Lookup(t.Context(), session.KindIIIF, session.HashOf("secret"))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := client.Lookup(t.Context(), session.KindSession, session.HashOf("secret")); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("another kind: %v", err)
	}
	_, err = client.Lookup(t.Context(), session.KindIIIF, session.HashOf("broken"))
	if wantCode(t, err, tile.Internal); errors.Is(err, session.ErrUnknown) || strings.Contains(err.Error(), "fire") {
		t.Errorf("broken: %v", err)
	}
	_, err = client.Lookup(t.Context(), "cookie", session.HashOf("secret"))
	wantCode(t, err, tile.Invalid)

	if got, err := client.Identity(t.Context(), "https://login.example.edu", "ada"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := client.Identity(t.Context(), "https://login.example.edu", "eve"); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("somebody else: %v", err)
	}
	for _, subject := range []string{"", strings.Repeat("x", maxIdentity+1)} {
		_, err = client.Identity(t.Context(), "https://login.example.edu", subject)
		wantCode(t, err, tile.Invalid)
	}

	rights, err := client.Rights(t.Context(), 0)
	if err != nil || !reflect.DeepEqual(rights, all) {
		t.Errorf("revision %d with %d rules, %v", rights.Revision, len(rights.Rules), err)
	}
	if rights, err := client.Rights(t.Context(), 40); err != nil || rights.Revision != 41 || rights.Complete {
		t.Errorf("got %+v, %v", rights, err)
	}
}

func TestSilentAuthorityIsNotUnknown(t *testing.T) {
	client := NewAuthority(join(t, startServer(t), RoleEdge, "edge"))
	_, err := client.Lookup(t.Context(), session.KindSession, session.HashOf("x"))
	wantCode(t, err, tile.Unavailable)
	if errors.Is(err, session.ErrUnknown) {
		t.Error("nobody there was taken for a credential that does not exist")
	}
}

func TestRevisionsAreAnnounced(t *testing.T) {
	e := startServer(t)
	client := NewAuthority(join(t, e, RoleEdge, "edge"))
	s := serveAuthority(t, join(t, e, RoleCoordinator, "coordinator"), people{
		rights: func(int64) (session.Rights, error) { return session.Rights{Revision: 7}, nil },
	})
	want := func(what string, revision int64) {
		t.Helper()
		deadline := time.After(patience)
		for {
			select {
			case got := <-client.Revisions():
				if got == revision {
					return
				}
			case <-deadline:
				t.Fatalf("%s: revision %d not heard", what, revision)
			}
		}
	}
	want("at the start", 7)
	s.Announce(9)
	want("at once", 9)
	want("by itself", 9)
	s.Announce(8) // committed earlier, announced later
	want("the newest, whatever the order", 9)
}

func TestOnlyTheNewestRevisionWaits(t *testing.T) {
	e := startServer(t)
	edge, conn := join(t, e, RoleEdge, "edge"), join(t, e, RoleCoordinator, "coordinator")
	client := NewAuthority(edge)
	// Nothing here is said twice: the edge must be heard to listen before the first.
	if err := edge.tiles.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{"1", "2", "x", "", "99999999999999999999", "3"} {
		if err := conn.tiles.nc.Publish(revisionSubject, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "revision 3", func() bool {
		select {
		case got := <-client.Revisions():
			return got == 3
		default:
			return false
		}
	})
	if len(client.Revisions()) != 0 {
		t.Error("an older revision was left behind")
	}
}

func TestAuthorityThatCannotReadDoesNotServe(t *testing.T) {
	broken := people{rights: func(int64) (session.Rights, error) { return session.Rights{}, errors.New("no database") }}
	if s, err := ServeAuthority(join(t, startServer(t), RoleCoordinator, "coordinator"), broken); err == nil {
		s.Close()
		t.Error("serves without knowing its revision")
	}
}

// TestKeeperOverTheBus is R24 end to end: a credential that is taken away is refused
// within a second of its being announced.
func TestKeeperOverTheBus(t *testing.T) {
	e := startServer(t)
	var ended atomic.Bool
	s := serveAuthority(t, join(t, e, RoleCoordinator, "coordinator"), people{
		lookup: func(k session.Kind, _ session.Hash) (session.Credential, error) {
			if ended.Load() {
				return session.Credential{}, session.ErrUnknown
			}
			return session.Credential{Kind: k, Session: "s", Expires: time.Now().Add(time.Hour)}, nil
		},
		rights: func(int64) (session.Rights, error) {
			r := session.Rights{Revision: 1, Complete: true}
			if ended.Load() {
				r.Revision, r.Ended = 2, []session.Hash{session.HashOf("secret")}
			}
			return r, nil
		},
	})
	client := NewAuthority(join(t, e, RoleEdge, "edge"))
	k := session.NewKeeper(session.Config{Authority: client, Lease: time.Minute, Fallback: authz.Login, Now: time.Now, Log: quiet})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- k.Run(ctx, client.Revisions()) }()
	eventually(t, "a first snapshot", k.Ready)
	if _, err := k.Find(ctx, session.KindSession, "secret"); err != nil {
		t.Fatal(err)
	}
	ended.Store(true)
	s.Announce(2)
	eventually(t, "the credential is refused", func() bool {
		_, err := k.Find(ctx, session.KindSession, "secret")
		return errors.Is(err, session.ErrUnknown)
	})
	if !k.Fresh() {
		t.Error("not fresh although the authority speaks")
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
