package coordinator_test

import (
	"net/http"
	"testing"

	"github.com/tessera-iiif/tessera/internal/session"
)

// held is every kind of credential of the reader.
type held struct {
	b                       *browser
	user                    userJSON
	cookie, token, personal session.Hash
}

func (s *stage) held() held {
	s.t.Helper()
	h := held{user: s.reader("staff"), b: s.browser()}
	h.cookie = h.b.mustLogin(readerEmail, readerSecret)
	h.token = h.b.mustToken()
	var made struct{ Secret string }
	admin := s.admin()
	admin.call(http.MethodPost, "/tokens", map[string]any{"name": "x", "user": h.user.ID}, &made)
	h.personal = session.HashOf(made.Secret)
	return h
}

// Whatever takes a right away makes edges forget every credential it touches,
// and is announced before it is acknowledged.
func TestRevocation(t *testing.T) {
	type change struct {
		method, path string
		body         any
	}
	for name, test := range map[string]struct {
		change    func(h held, session string) change
		sessions  bool // live on
		personals bool // live on
		forgotten bool // the personal token, too
	}{
		"R24 session ended": {
			change: func(_ held, id string) change { return change{http.MethodDelete, "/sessions/" + id, nil} }, personals: true,
		},
		"user deleted": {
			change: func(h held, _ string) change { return change{http.MethodDelete, "/users/" + h.user.ID, nil} }, forgotten: true,
		},
		"shut out": {
			change: func(h held, _ string) change {
				return change{http.MethodPatch, "/users/" + h.user.ID, map[string]any{"active": false}}
			},
			forgotten: true,
		},
		"R38 made administrator": {
			change: func(h held, _ string) change {
				return change{http.MethodPatch, "/users/" + h.user.ID, map[string]any{"admin": true}}
			},
			personals: true, forgotten: true,
		},
		"password": {
			change: func(h held, _ string) change {
				return change{http.MethodPatch, "/users/" + h.user.ID, map[string]any{"password": "another secret"}}
			},
			personals: true,
		},
		"groups": {
			change: func(h held, _ string) change {
				return change{http.MethodPatch, "/users/" + h.user.ID, map[string]any{"groups": []string{}}}
			},
			sessions: true, personals: true, forgotten: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			h := s.held()
			admin := s.admin()
			found, err := s.c.Lookup(t.Context(), session.KindSession, h.cookie)
			if err != nil {
				t.Fatal(err)
			}
			since := s.revision()
			c := test.change(h, found.Session)
			if response := admin.call(c.method, c.path, c.body, nil); response.StatusCode >= 300 {
				t.Fatal(text(t, response))
			}
			if s.lastAnnounced() <= since {
				t.Error("acknowledged before edges are told")
			}
			ended := s.endedSince(since)
			if !ended[h.cookie] || !ended[h.token] || ended[h.personal] != test.forgotten {
				t.Errorf("edges forget %d credentials, the personal one: %v", len(ended), ended[h.personal])
			}
			if s.knows(session.KindSession, h.cookie) != test.sessions || s.knows(session.KindIIIF, h.token) != test.sessions {
				t.Errorf("sessions live on: %v", !test.sessions)
			}
			if s.knows(session.KindPersonal, h.personal) != test.personals {
				t.Errorf("personal tokens live on: %v", !test.personals)
			}
		})
	}
}

func TestNothingChangesNothing(t *testing.T) {
	s := newStage(t)
	h := s.held()
	admin := s.admin()
	since := s.revision()
	same := map[string]any{"email": "READER@example.org", "groups": []string{"staff", "staff"}, "active": true, "admin": false}
	admin.want(admin.call(http.MethodPatch, "/users/"+h.user.ID, same, nil), http.StatusOK)
	if s.revision() != since {
		t.Error("an equal user is a change")
	}
}

func TestGroupsReachCredentials(t *testing.T) {
	s := newStage(t)
	h := s.held()
	admin := s.admin()
	admin.want(admin.call(http.MethodPatch, "/users/"+h.user.ID, map[string]any{"groups": []string{"fellows"}}, nil), http.StatusOK)
	for kind, hash := range map[session.Kind]session.Hash{
		session.KindSession: h.cookie, session.KindIIIF: h.token, session.KindPersonal: h.personal,
	} {
		found, err := s.c.Lookup(t.Context(), kind, hash)
		if err != nil || len(found.Principal.Groups) != 1 || found.Principal.Groups[0] != "fellows" {
			t.Errorf("%s: %+v, %v", kind, found.Principal, err)
		}
	}
}

// R37: no kind of credential is taken for another.
func TestKindsOfCredential(t *testing.T) {
	s := newStage(t)
	h := s.held()
	kinds := map[session.Kind]session.Hash{
		session.KindSession: h.cookie, session.KindIIIF: h.token, session.KindPersonal: h.personal,
	}
	for of, hash := range kinds {
		for as := range kinds {
			if s.knows(as, hash) != (as == of) {
				t.Errorf("R37: %s as %s: %v", of, as, as != of)
			}
		}
		if s.knows("other", hash) {
			t.Errorf("R37: %s as a kind that is none", of)
		}
	}
}

func TestOwnPasswordKeepsOwnSession(t *testing.T) {
	s := newStage(t)
	here, there := s.admin(), s.admin()
	var found listJSON[userJSON]
	here.call(http.MethodGet, "/users?email="+adminEmail, nil, &found)
	here.want(here.call(http.MethodPatch, "/users/"+found.Items[0].ID, map[string]any{"password": "another secret"}, nil), http.StatusOK)
	here.want(here.call(http.MethodGet, "/users", nil, nil), http.StatusOK)
	there.want(there.call(http.MethodGet, "/users", nil, nil), http.StatusUnauthorized)
}

func TestLastAdministrator(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	var found listJSON[userJSON]
	b.call(http.MethodGet, "/users?email="+adminEmail, nil, &found)
	path := "/users/" + found.Items[0].ID
	refused := func() {
		t.Helper()
		for _, body := range []map[string]any{{"admin": false}, {"active": false}} {
			b.want(b.call(http.MethodPatch, path, body, nil), http.StatusConflict)
		}
		b.want(b.call(http.MethodDelete, path, nil, nil), http.StatusConflict)
	}
	refused()
	var second userJSON
	b.call(http.MethodPost, "/users", map[string]any{"email": "second@example.org", "admin": true, "active": false}, &second)
	refused() // one who cannot sign in does not count
	b.want(b.call(http.MethodPatch, "/users/"+second.ID, map[string]any{"active": true}, nil), http.StatusOK)
	b.want(b.call(http.MethodDelete, path, nil, nil), http.StatusNoContent)
	b.want(b.call(http.MethodGet, "/users", nil, nil), http.StatusUnauthorized)
}

func TestRevisionsOfTheFutureAndThePast(t *testing.T) {
	s := newStage(t)
	rights, err := s.c.Rights(t.Context(), 1<<40)
	if err != nil || rights.Complete {
		t.Errorf("a revision that never was: %+v, %v", rights, err)
	}
}

// A restart changes nothing about who is who.
func TestRestart(t *testing.T) {
	s := newStage(t)
	h := s.held()
	before := s.revision()
	s.open()
	if err := s.c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.c.Close()
	if s.lastAnnounced() != before {
		t.Errorf("announced %d at start, want %d", s.lastAnnounced(), before)
	}
	if !s.knows(session.KindSession, h.cookie) || !s.knows(session.KindIIIF, h.token) || !s.knows(session.KindPersonal, h.personal) {
		t.Error("credentials are lost")
	}
}
