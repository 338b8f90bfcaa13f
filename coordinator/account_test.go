package coordinator_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
)

type linkJSON struct {
	URL      string    `json:"url"`
	Password bool      `json:"password"`
	Expires  time.Time `json:"expires"`
}

// link makes a sign-in link and gives its secret.
func (s *stage) link(u userJSON, body map[string]any) (secret string) {
	s.t.Helper()
	var made linkJSON
	b := s.admin()
	b.want(b.call(http.MethodPost, "/users/"+u.ID+"/sign-in-link", body, &made), http.StatusCreated)
	page, secret, ok := strings.Cut(made.URL, "#")
	if !ok || page != s.base+"/auth/link" || !strings.HasPrefix(secret, "tsil_") {
		s.t.Fatalf("R58: the secret belongs into the fragment: %s", made.URL)
	}
	return secret
}

func (b *browser) useLink(secret, password string) *http.Response {
	return b.post("/auth/link", url.Values{"code": {secret}, "confirm": {"yes"}, "password": {password}})
}

// R58: a link signs its bearer in once; reading it uses nothing up.
func TestSignInLink(t *testing.T) {
	s := newStage(t)
	u := s.reader()
	secret := s.link(u, map[string]any{})
	b := s.browser()
	page := b.get("/auth/link")
	if page.Header.Get("Referrer-Policy") != "no-referrer" || page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("R58: %v", page.Header)
	}
	for range 2 { // as a mail scanner does
		if body := b.want(b.post("/auth/link", url.Values{"code": {secret}}), http.StatusOK); !strings.Contains(body, "Rita Reader") {
			t.Error("the page does not say whom the link is for")
		}
	}
	old := s.browser()
	before := old.mustLogin(readerEmail, readerSecret)
	b.want(b.useLink(secret, "short"), http.StatusBadRequest)
	b.want(b.useLink(secret, "a new bone ground"), http.StatusSeeOther)
	if !s.knows(session.KindSession, session.HashOf(b.cookie("session"))) {
		t.Error("not signed in")
	}
	if s.knows(session.KindSession, before) {
		t.Error("a new password leaves an old session")
	}
	s.browser().want(s.browser().useLink(secret, "another bone ground"), http.StatusUnauthorized)
	s.browser().mustLogin(readerEmail, "a new bone ground")
	if strings.Contains(s.log.String(), secret) {
		t.Error("R58: the log has the secret")
	}
}

func TestSignInLinkWithoutPassword(t *testing.T) {
	s := newStage(t)
	u := s.reader()
	b := s.browser()
	b.want(b.useLink(s.link(u, map[string]any{"password": false}), "ignored for it"), http.StatusSeeOther)
	s.browser().mustLogin(readerEmail, readerSecret) // as before
	// R38: whatever cookie was planted before is worth nothing after.
	planted := session.HashOf(b.cookie("session"))
	b.want(b.useLink(s.link(u, map[string]any{"password": false}), ""), http.StatusSeeOther)
	if s.knows(session.KindSession, planted) {
		t.Error("R38: the session before lives on")
	}
}

func TestWorthlessLinks(t *testing.T) {
	s := newStage(t)
	u := s.reader()
	admin := s.admin()
	path := "/users/" + u.ID
	for name, end := range map[string]func(){
		"withdrawn": func() {
			admin.want(admin.call(http.MethodDelete, path+"/sign-in-link", nil, nil), http.StatusNoContent)
		},
		"replaced":        func() { s.link(u, map[string]any{}) },
		"expired":         func() { s.pass(24 * time.Hour); admin = s.admin() },
		"password is set": func() { admin.call(http.MethodPatch, path, map[string]any{"password": "set by somebody"}, nil) },
		"not active":      func() { admin.call(http.MethodPatch, path, map[string]any{"active": false}, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			admin.call(http.MethodPatch, path, map[string]any{"active": true}, nil)
			secret := s.link(u, map[string]any{})
			end()
			b := s.browser()
			b.want(b.post("/auth/link", url.Values{"code": {secret}}), http.StatusUnauthorized)
			b.want(b.useLink(secret, "a new bone ground"), http.StatusUnauthorized)
			if b.cookie("session") != "" {
				t.Error("R58: it opened a door")
			}
		})
	}
	admin.call(http.MethodPatch, path, map[string]any{"active": true}, nil)
	secret := s.link(u, map[string]any{})
	b := s.browser()
	b.want(b.do(http.MethodPost, "/auth/link", "application/x-www-form-urlencoded", "code="+secret+"&confirm=yes", "Origin", "https://evil.test"), http.StatusForbidden)
	for bearer, status := range map[string]int{secret: http.StatusUnauthorized} { // R37
		b.want(b.do(http.MethodGet, api+"/users", "", "", "Authorization", "Bearer "+bearer), status)
	}
	for _, kind := range []session.Kind{session.KindSession, session.KindIIIF, session.KindPersonal} {
		if s.knows(kind, session.HashOf(secret)) {
			t.Errorf("R37: a link is a %s", kind)
		}
	}
	for _, body := range []map[string]any{{"expires": "2020-01-01T00:00:00Z"}, {"expires": "2036-01-01T00:00:00Z"}} {
		admin.want(admin.call(http.MethodPost, path+"/sign-in-link", body, nil), http.StatusBadRequest)
	}
	admin.want(admin.call(http.MethodPost, "/users/nobody/sign-in-link", map[string]any{}, nil), http.StatusNotFound)
	admin.want(admin.call(http.MethodGet, path+"/sign-in-link", nil, nil), http.StatusOK)
	admin.want(admin.call(http.MethodDelete, path+"/sign-in-link", nil, nil), http.StatusNoContent)
	admin.want(admin.call(http.MethodGet, path+"/sign-in-link", nil, nil), http.StatusNotFound)
}

// R38: whoever changes her password proves that she is herself, gets a new session id,
// and ends every other session.
func TestOwnPassword(t *testing.T) {
	s := newStage(t)
	s.reader()
	b, other := s.browser(), s.browser()
	if to := b.get("/auth/password").Header.Get("Location"); !regexp.MustCompile(`^/auth/login\?next=`).MatchString(to) {
		t.Errorf("not signed in: to %q", to)
	}
	mine, theirs := b.mustLogin(readerEmail, readerSecret), other.mustLogin(readerEmail, readerSecret)
	b.want(b.get("/auth/password"), http.StatusOK)
	change := func(current, text string, header ...string) *http.Response {
		return b.post("/auth/password", url.Values{"current": {current}, "password": {text}}, header...)
	}
	b.want(change("wrong", "a new bone ground"), http.StatusUnauthorized)
	b.want(change(readerSecret, "short"), http.StatusBadRequest)
	b.want(change(readerSecret, "a new bone ground", "Origin", "https://evil.test"), http.StatusForbidden)
	if !s.knows(session.KindSession, mine) || !s.knows(session.KindSession, theirs) {
		t.Error("what was refused ended a session")
	}
	b.want(change(readerSecret, "a new bone ground"), http.StatusSeeOther)
	if s.knows(session.KindSession, mine) || s.knows(session.KindSession, theirs) {
		t.Error("R38: an old session lives on")
	}
	b.want(b.get("/auth/password?did=own-password-set"), http.StatusOK)
	s.browser().want(s.browser().login(readerEmail, readerSecret), http.StatusUnauthorized)
	s.browser().mustLogin(readerEmail, "a new bone ground")
}

// R61: guesses at the current password count like those at sign-in.
func TestOwnPasswordIsThrottled(t *testing.T) {
	s := newStage(t)
	s.reader()
	b := s.browser()
	b.mustLogin(readerEmail, readerSecret)
	last := 0
	for range 7 {
		last = b.post("/auth/password", url.Values{"current": {"wrong"}, "password": {"a new bone ground"}}).StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("R61: status %d", last)
	}
}
