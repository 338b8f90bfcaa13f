package coordinator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/oidc/oidctest"
	"github.com/tessera-iiif/tessera/internal/session"
)

// sendLogout is the provider's program calling.
func (s *campus) sendLogout(name, token string) *http.Response {
	s.t.Helper()
	b := s.browser()
	return b.do(http.MethodPost, "/auth/oidc/"+name+"/backchannel-logout", "application/x-www-form-urlencoded",
		url.Values{"logout_token": {token}}.Encode())
}

// sid is the name that the provider gave the session a browser got last.
func (s *campus) sid(b *browser) string {
	s.t.Helper()
	var sid string
	s.idp.Lie(oidctest.Lies{Claims: func(c map[string]any) { sid, _ = c["sid"].(string) }})
	defer s.idp.Lie(oidctest.Lies{})
	b.want(b.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
	return sid
}

// R40
func TestBackchannelLogout(t *testing.T) {
	s := newCampus(t)
	one, two := s.browser(), s.browser()
	sidOne := s.sid(one)
	s.sid(two)
	one.mustToken()
	since := s.revision()
	token := s.idp.LogoutToken("alice", sidOne, nil)
	response := s.sendLogout("campus", token)
	s.browser().want(response, http.StatusOK)
	if response.Header.Get("Cache-Control") != "no-store" {
		t.Error("R40 the answer may be kept")
	}
	if s.knows(session.KindSession, one.hash()) || !s.endedSince(since)[one.hash()] {
		t.Error("R40 the session lives on")
	}
	if !s.knows(session.KindSession, two.hash()) {
		t.Error("R40 another session ended: the sid names one")
	}
	t.Run("R40 replay", func(t *testing.T) { s.browser().want(s.sendLogout("campus", token), http.StatusBadRequest) })
	t.Run("R40 another person's sid", func(t *testing.T) {
		s.idp.Knows("mallory", map[string]any{})
		mallory := s.browser()
		mallory.want(mallory.by(s.idp, "campus", "mallory", ""), http.StatusSeeOther)
		s.browser().want(s.sendLogout("campus", s.idp.LogoutToken("mallory", s.sid(two), nil)), http.StatusOK)
		if !s.knows(session.KindSession, two.hash()) {
			t.Error("ended")
		}
	})
	t.Run("R40 forged", func(t *testing.T) {
		for name, token := range map[string]string{
			"nothing": "", "by another issuer": s.partner.LogoutToken("alice", "", nil),
			"for another client": s.idp.LogoutToken("alice", "", func(c map[string]any) { c["aud"] = "another" }),
			"unsigned":           oidctest.Unsigned([]byte(`{"iss":"` + s.idp.URL + `","sub":"alice"}`)),
		} {
			response := s.sendLogout("campus", token)
			if body := s.browser().want(response, http.StatusBadRequest); !strings.Contains(body, "invalid_request") {
				t.Errorf("%s: %s", name, body)
			}
		}
		if !s.knows(session.KindSession, two.hash()) {
			t.Error("ended")
		}
	})
	t.Run("R40 without sid: all of sub", func(t *testing.T) {
		three := s.browser()
		s.sid(three)
		s.browser().want(s.sendLogout("campus", s.idp.LogoutToken("alice", "", nil)), http.StatusOK)
		if s.knows(session.KindSession, two.hash()) || s.knows(session.KindSession, three.hash()) {
			t.Error("a session lives on")
		}
	})
	t.Run("at another provider's address", func(t *testing.T) {
		s.browser().want(s.sendLogout("partner", s.idp.LogoutToken("alice", "", nil)), http.StatusBadRequest)
		s.browser().want(s.sendLogout("nobody", "x"), http.StatusNotFound)
	})
	t.Run("keys cannot be read", func(t *testing.T) {
		s.partner.Rotate()
		s.pass(time.Minute)
		s.partner.Lie(oidctest.Lies{Serve: func(w http.ResponseWriter, _ string) bool { w.WriteHeader(http.StatusBadGateway); return true }})
		s.browser().want(s.sendLogout("partner", s.partner.LogoutToken("alice", "", nil)), http.StatusServiceUnavailable)
	})
}

// R40: Keycloak sends one sid where somebody signed out of everything.
func TestSidEndsAll(t *testing.T) {
	s := newCampus(t, func(p *coordinator.Provider) { p.SidEndsAll = true })
	one, two := s.browser(), s.browser()
	sid := s.sid(one)
	s.sid(two)
	s.browser().want(s.sendLogout("campus", s.idp.LogoutToken("", sid, nil)), http.StatusOK)
	if s.knows(session.KindSession, one.hash()) || s.knows(session.KindSession, two.hash()) {
		t.Error("a session lives on")
	}
}

// R41, C-102: to sign out there as well is offered once it is done here.
func TestSignOutThere(t *testing.T) {
	s := newCampus(t)
	b := s.browser()
	b.want(b.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
	hash := b.hash()
	page := b.want(b.get("/auth/logout", "Sec-Fetch-Dest", "document"), http.StatusOK)
	if s.knows(session.KindSession, hash) {
		t.Error("R41 the session lives on")
	}
	for _, piece := range []string{s.idp.URL + "/end?", "id_token_hint=ey", "post_logout_redirect_uri=https%3A%2F%2Fiiif.example.org%2Fauth%2Fsigned-out", "Sign out of The campus as well"} {
		if !strings.Contains(page, piece) {
			t.Errorf("R41 no %s on the page", piece)
		}
	}
	b.want(b.get("/auth/signed-out"), http.StatusOK)
	if page := b.want(b.get("/auth/logout"), http.StatusOK); strings.Contains(page, "/end?") {
		t.Error("offered to nobody in particular")
	}
	t.Run("not offered", func(t *testing.T) {
		s := newCampus(t, func(p *coordinator.Provider) { p.KeepSignOut = true })
		b := s.browser()
		b.want(b.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
		if page := b.want(b.get("/auth/logout"), http.StatusOK); strings.Contains(page, "/end?") {
			t.Error("offered although it is kept")
		}
	})
	t.Run("the provider is down", func(t *testing.T) {
		s := newCampus(t)
		b := s.browser()
		b.want(b.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
		hash := b.hash()
		s.idp.Lie(oidctest.Lies{Serve: func(w http.ResponseWriter, _ string) bool { w.WriteHeader(http.StatusBadGateway); return true }})
		s.pass(7 * time.Hour)
		b.want(b.get("/auth/logout"), http.StatusOK)
		if s.knows(session.KindSession, hash) {
			t.Error("R41 the session lives on")
		}
	})
}
