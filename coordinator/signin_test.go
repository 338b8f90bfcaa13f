package coordinator_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/internal/session"
)

func TestSignIn(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	page := b.want(b.get("/auth/login?next=/view/map"), http.StatusOK)
	for _, piece := range []string{`name="email"`, `name="password"`, `value="/view/map"`, `autocomplete="current-password"`} {
		if !strings.Contains(page, piece) {
			t.Errorf("no %s on the page", piece)
		}
	}
	response := b.post("/auth/login", url.Values{"email": {" Admin@LOCALHOST "}, "password": {adminPassword}, "next": {"/view/map"}})
	b.want(response, http.StatusSeeOther)
	if got := response.Header.Get("Location"); got != "/view/map" {
		t.Errorf("went on to %q", got)
	}
	if !s.knows(session.KindSession, session.HashOf(b.cookie("session"))) {
		t.Error("the cookie opens nothing")
	}
}

func TestSignInRefused(t *testing.T) {
	s := newStage(t)
	u := s.reader()
	admin := s.admin()
	admin.want(admin.call(http.MethodPost, "/users", map[string]any{"email": "none@example.org"}, nil), http.StatusCreated)
	admin.want(admin.call(http.MethodPost, "/users", map[string]any{"email": "out@example.org", "password": readerSecret, "active": false}, nil), http.StatusCreated)
	answers := map[string]bool{}
	for name, form := range map[string]url.Values{
		"wrong password": {"email": {u.Email}, "password": {"not this one"}},
		"unknown user":   {"email": {"nobody@example.org"}, "password": {readerSecret}},
		"no password":    {"email": {"none@example.org"}, "password": {""}},
		"shut out":       {"email": {"out@example.org"}, "password": {readerSecret}},
		"too long":       {"email": {u.Email}, "password": {strings.Repeat("x", 300)}},
		"nothing":        {},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.browser()
			page := b.want(b.post("/auth/login", form), http.StatusUnauthorized)
			if b.cookie("session") != "" {
				t.Error("a cookie was set")
			}
			_, notice, _ := strings.Cut(page, `role="alert"`)
			notice, _, _ = strings.Cut(notice, "</div>")
			answers[notice] = true
		})
	}
	if len(answers) != 1 {
		t.Errorf("the reasons can be told apart: %v", answers)
	}
}

// R62: the Origin is what is checked; there is no CSRF field.
func TestSignInFromElsewhere(t *testing.T) {
	for name, test := range map[string]struct {
		header []string
		want   int
	}{
		"our page":                  {[]string{"Origin", "https://iiif.example.org", "Sec-Fetch-Site", "same-origin"}, http.StatusSeeOther},
		"our page, origin withheld": {[]string{"Origin", "null", "Sec-Fetch-Site", "same-origin"}, http.StatusSeeOther},
		"no browser":                {nil, http.StatusSeeOther},
		"typed":                     {[]string{"Sec-Fetch-Site", "none"}, http.StatusSeeOther},
		"other origin":              {[]string{"Origin", "https://evil.example"}, http.StatusForbidden},
		"other scheme":              {[]string{"Origin", "http://iiif.example.org"}, http.StatusForbidden},
		"other port":                {[]string{"Origin", "https://iiif.example.org:8443"}, http.StatusForbidden},
		"sibling":                   {[]string{"Origin", "https://www.example.org", "Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		"opaque origin":             {[]string{"Origin", "null"}, http.StatusForbidden},
		"cross-site":                {[]string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"garbage":                   {[]string{"Origin", "https://iiif.example.org/path"}, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			b := newStage(t).browser()
			form := url.Values{"email": {adminEmail}, "password": {adminPassword}}
			response := b.do(http.MethodPost, "/auth/login", "application/x-www-form-urlencoded", form.Encode(), test.header...)
			b.want(response, test.want)
			if signedIn := b.cookie("session") != ""; signedIn != (test.want == http.StatusSeeOther) {
				t.Errorf("signed in: %v", signedIn)
			}
		})
	}
}

// R38: a cookie that was there before the sign-in is worth nothing after it.
func TestFixation(t *testing.T) {
	s := newStage(t)
	s.reader()
	t.Run("R38 planted", func(t *testing.T) {
		b := s.browser()
		u, _ := url.Parse(s.base)
		b.jar.SetCookies(u, []*http.Cookie{{Name: "__Host-tessera_session", Value: "planted", Path: "/", Secure: true}})
		if b.mustLogin(readerEmail, readerSecret) == session.HashOf("planted") {
			t.Error("the planted value was kept")
		}
		if s.knows(session.KindSession, session.HashOf("planted")) {
			t.Error("the planted value became a session")
		}
	})
	t.Run("R38 somebody else's session", func(t *testing.T) {
		b := s.browser()
		first := b.mustLogin(readerEmail, readerSecret)
		since := s.revision()
		second := b.mustLogin(adminEmail, adminPassword)
		if first == second || s.knows(session.KindSession, first) || !s.endedSince(since)[first] {
			t.Error("the session before sign-in lives on")
		}
	})
}

// R39 and the contract of cookie names.
func TestCookieAttributes(t *testing.T) {
	type attributes struct {
		sameSite http.SameSite
		secure   bool
	}
	none := func(c *coordinator.Config) { c.SameSite = "none" }
	for name, test := range map[string]struct {
		stage *stage
		want  map[string]attributes
	}{
		"R39 https lax": {newStage(t), map[string]attributes{
			"__Host-tessera_session": {http.SameSiteLaxMode, true}, "__Host-tessera_admin": {http.SameSiteStrictMode, true},
		}},
		"R39 https none": {newStage(t, none), map[string]attributes{
			"__Host-tessera_session": {http.SameSiteNoneMode, true}, "__Host-tessera_admin": {http.SameSiteStrictMode, true},
		}},
		"R39 http": {overHTTP(newStage(t, none)), map[string]attributes{
			"tessera_session": {http.SameSiteLaxMode, false}, "tessera_admin": {http.SameSiteLaxMode, false},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := test.stage.browser()
			for _, response := range []*http.Response{b.login(adminEmail, adminPassword), b.get("/auth/logout")} {
				got := map[string]attributes{}
				for _, c := range response.Cookies() {
					if c.Path != "/" || c.Domain != "" || !c.HttpOnly || len(c.Raw) > 4096 {
						t.Errorf("cookie %s", c.Raw)
					}
					got[c.Name] = attributes{c.SameSite, c.Secure}
				}
				if fmt.Sprint(got) != fmt.Sprint(test.want) {
					t.Errorf("cookies %v, want %v", got, test.want)
				}
			}
		})
	}
}

func TestReadersGetNoAdminCookie(t *testing.T) {
	s := newStage(t)
	s.reader()
	b := s.browser()
	b.mustLogin(adminEmail, adminPassword)
	b.mustLogin(readerEmail, readerSecret)
	if b.cookie("admin") != "" {
		t.Error("the administrator's cookie outlived her sign-in")
	}
}

// R38: both limits are kept on this side, whatever the browser keeps.
func TestLimitsOfSessions(t *testing.T) {
	s := newStage(t, func(c *coordinator.Config) { c.SessionIdle, c.SessionMax = time.Hour, 3*time.Hour })
	s.reader()
	t.Run("idle", func(t *testing.T) {
		hash := s.browser().mustLogin(readerEmail, readerSecret)
		s.pass(time.Hour - time.Second)
		if !s.knows(session.KindSession, hash) {
			t.Fatal("ended too early")
		}
		s.pass(time.Hour - time.Second)
		if !s.knows(session.KindSession, hash) {
			t.Fatal("a look-up did not count as activity")
		}
		s.pass(time.Hour)
		if s.knows(session.KindSession, hash) {
			t.Fatal("an idle session lives on")
		}
	})
	t.Run("absolute", func(t *testing.T) {
		hash := s.browser().mustLogin(readerEmail, readerSecret)
		for range 5 {
			s.pass(30 * time.Minute)
			if !s.knows(session.KindSession, hash) {
				t.Fatal("ended too early")
			}
		}
		s.pass(30 * time.Minute)
		if s.knows(session.KindSession, hash) {
			t.Fatal("no activity prolongs a session beyond its limit")
		}
	})
}

func TestSignOut(t *testing.T) {
	s := newStage(t)
	s.reader()
	for name, path := range map[string]string{
		"C-100": "/auth/1/members/logout", "D-100": "/auth/2/members/logout", "people": "/auth/logout",
	} {
		t.Run(name, func(t *testing.T) {
			b := s.browser()
			hash := b.mustLogin(readerEmail, readerSecret)
			token := b.mustToken()
			since := s.revision()
			response := b.get(path, "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site")
			b.want(response, http.StatusOK) // C-101: the first GET does it
			if b.cookie("session") != "" {
				t.Error("the cookie stayed")
			}
			if s.knows(session.KindSession, hash) || s.knows(session.KindIIIF, token) {
				t.Error("the session or its token lives on")
			}
			if ended := s.endedSince(since); !ended[hash] || !ended[token] {
				t.Error("edges are not told")
			}
			if response.Header.Get("Clear-Site-Data") != `"cache"` {
				t.Error("the browser keeps restricted images")
			}
			b.want(b.get(path), http.StatusOK) // twice is no error
		})
	}
}

func TestSignOutOnlyAsPage(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	hash := b.mustLogin(adminEmail, adminPassword)
	for name, test := range map[string]struct {
		method string
		header []string
		want   int
	}{
		"C-103 image":    {http.MethodGet, []string{"Sec-Fetch-Dest", "image"}, http.StatusForbidden},
		"C-103 frame":    {http.MethodGet, []string{"Sec-Fetch-Dest", "iframe"}, http.StatusForbidden},
		"C-103 fetch":    {http.MethodGet, []string{"Sec-Fetch-Dest", "empty"}, http.StatusForbidden},
		"C-103 prefetch": {http.MethodGet, []string{"Sec-Fetch-Dest", "document", "Sec-Purpose", "prefetch;prerender"}, http.StatusForbidden},
		"head":           {http.MethodHead, nil, http.StatusMethodNotAllowed},
		"post":           {http.MethodPost, nil, http.StatusMethodNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			b.want(b.do(test.method, "/auth/logout", "", "", test.header...), test.want)
			if !s.knows(session.KindSession, hash) {
				t.Fatal("the session ended")
			}
		})
	}
}

func TestBootstrap(t *testing.T) {
	s := newStage(t)
	if madeUp, err := s.c.Bootstrap(t.Context(), "second@example.org", "whatever it is"); err != nil || madeUp != "" {
		t.Errorf("a second bootstrap: %q, %v", madeUp, err)
	}
	s.browser().want(s.browser().login("second@example.org", "whatever it is"), http.StatusUnauthorized)
}
