package coordinator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

var accessPaths = map[string]string{
	"C-050": "/auth/1/members/login", "D-030": "/auth/2/members/access", "alias": "/auth/iiif-login",
}

const closes = "window.close()"

func TestAccessBySigningIn(t *testing.T) {
	for name, path := range accessPaths {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			b := s.browser()
			response := b.get(path + "?origin=" + url.QueryEscape(foreign))
			page := b.want(response, http.StatusOK)
			if !strings.Contains(page, foreign) || !strings.Contains(page, `action="`+path+`"`) {
				t.Error("the page does not say who asks")
			}
			if h := response.Header; h.Get("Cross-Origin-Opener-Policy") != "" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("R48 H-020: headers %v", h)
			}
			form := url.Values{"origin": {foreign}, "email": {adminEmail}, "password": {"wrong"}}
			page = b.want(b.post(path, form), http.StatusUnauthorized) // C-056
			if !strings.Contains(page, `name="password"`) || !strings.Contains(page, foreign) {
				t.Error("C-056: the form is gone")
			}
			form.Set("password", adminPassword)
			response = b.post(path, form)
			b.want(response, http.StatusSeeOther)
			if b.cookie("session") == "" {
				t.Error("C-051 H-025: no cookie before the closing page")
			}
			page = b.want(b.get(response.Header.Get("Location")), http.StatusOK)
			if !strings.Contains(page, closes) || !strings.Contains(page, "Close this tab") {
				t.Error("D-031 H-022: the page does not close itself, or has no button for it")
			}
		})
	}
}

func TestAccessWhenSignedIn(t *testing.T) {
	for name, path := range accessPaths {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			b := s.browser()
			b.mustLogin(adminEmail, adminPassword)
			page := b.want(b.get(path+"?origin="+url.QueryEscape(sibling)), http.StatusOK)
			if !strings.Contains(page, closes) {
				t.Error("D-033: a viewer of the same site has to wait for a click")
			}
			page = b.want(b.get(path+"?origin="+url.QueryEscape(foreign)), http.StatusOK)
			if strings.Contains(page, closes) || strings.Contains(page, "<script") || !strings.Contains(page, `name="continue"`) {
				t.Error("D-032 C-058: a viewer of another site goes on without a click")
			}
			if strings.Contains(page, `type="password"`) {
				t.Error("C-058: asked for the password again")
			}
			if p := b.tokenPage("/auth/1/members/token", "1", foreign); p.message["error"] != "invalidOrigin" {
				t.Errorf("before the click: %v", p.message)
			}
			response := b.post(path, url.Values{"origin": {foreign}, "continue": {"yes"}})
			b.want(response, http.StatusSeeOther)
			if p := b.tokenPage("/auth/1/members/token", "1", foreign); p.message["accessToken"] == nil {
				t.Errorf("D-038: after the click: %v", p.message)
			}
		})
	}
}

// D-075: whoever is signed in, but not with the account that an image wants, can change
// accounts; a viewer of our own site is no exception.
func TestAccessOffersAnotherAccount(t *testing.T) {
	for name, path := range accessPaths {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			b := s.browser()
			offers := func(what, query string, want bool) {
				t.Helper()
				page := b.want(b.get(path+query), http.StatusOK)
				offered := strings.Contains(page, "Continue as Administrator") && strings.Contains(page, "Use another account") && !strings.Contains(page, closes)
				if offered != want || strings.Contains(page, closes) == want {
					t.Errorf("D-075: %s: offered %v", what, offered)
				}
			}
			ours := "?origin=" + url.QueryEscape(sibling)
			b.want(b.post(path, url.Values{"origin": {sibling}, "email": {adminEmail}, "password": {adminPassword}}), http.StatusSeeOther)
			offers("back although she signed in for this viewer", ours, true)
			b.mustLogin(adminEmail, adminPassword)
			offers("just signed in", ours, false)
			offers("back although it was let in", ours, true)
			offers("just signed in, a viewer that does not say where it is", "", false)
			s.pass(2 * time.Minute)
			offers("signed in a while ago, for another purpose", "?origin="+url.QueryEscape("https://other.example.org"), true)
			offers("signed in a while ago, a viewer that does not say where it is", "", true)
			b.want(b.post(path, url.Values{"origin": {""}, "continue": {"yes"}}), http.StatusSeeOther)
			page := b.want(b.get(path+"?switch=yes"), http.StatusOK)
			if !strings.Contains(page, `type="password"`) {
				t.Error("no form for another account")
			}
		})
	}
}

func TestContinueNeedsOurPage(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	form := url.Values{"origin": {foreign}, "continue": {"yes"}}
	b.want(b.post("/auth/2/members/access", form), http.StatusUnauthorized)
	b.mustLogin(adminEmail, adminPassword)
	b.want(b.post("/auth/2/members/access", form, "Origin", foreign), http.StatusForbidden)
	if p := b.tokenPage("/auth/1/members/token", "1", foreign); p.message["error"] != "invalidOrigin" {
		t.Errorf("R48: a page elsewhere clicked for the reader: %v", p.message)
	}
}

func TestAccessWithAnotherAccount(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	b.mustLogin(adminEmail, adminPassword)
	page := b.want(b.get("/auth/2/members/access?switch=yes&origin="+url.QueryEscape(sibling)), http.StatusOK)
	if !strings.Contains(page, `type="password"`) {
		t.Error("no form for another account")
	}
}

func TestAccessRefusals(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	b.want(b.get("/auth/2/strangers/access?origin="+url.QueryEscape(sibling)), http.StatusNotFound)
	for _, origin := range []string{"null", "ftp://viewer.test", "https://viewer.test/path", "https://u@viewer.test", "*", "viewer.test"} {
		page := b.want(b.get("/auth/2/members/access?origin="+url.QueryEscape(origin)), http.StatusBadRequest) // C-052
		if strings.Contains(page, `name="password"`) {
			t.Errorf("%s gets a form", origin)
		}
	}
}
