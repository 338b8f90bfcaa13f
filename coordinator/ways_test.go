package coordinator_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
)

// tie leaves to add the provider to an account and gives the address of the provider.
func (b *browser) tie(name string) string {
	b.t.Helper()
	page := b.want(b.post("/auth/oidc/"+name+"/link", url.Values{}), http.StatusOK)
	_, rest, _ := strings.Cut(page, `content="0; url=`)
	address, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(address)
}

// without is the browser with all its cookies but one, as it is sent where that one is
// kept back, or as somebody has it who got hold of the others.
func (b *browser) without(name string) *browser {
	b.t.Helper()
	u, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	other := b.stage.browser()
	for _, cookie := range b.jar.Cookies(u) {
		if !strings.HasSuffix(cookie.Name, "tessera_"+name) {
			cookie.Secure, cookie.Path = true, "/"
			other.jar.SetCookies(u, []*http.Cookie{cookie})
		}
	}
	return other
}

// R39, R63: the cookie that viewers on other sites may send ties nothing to the account of
// an administrator, and takes nothing off it.
func TestWaysOfAdministrators(t *testing.T) {
	s := newCampus(t)
	admin := s.admin()
	id := s.who(admin.hash()).Principal.ID
	thief := admin.without("admin")
	remove := url.Values{"issuer": {s.idp.URL}, "subject": {"alice"}}
	refused := func(what string, response *http.Response) {
		t.Helper()
		if page := thief.want(response, http.StatusForbidden); !strings.Contains(page, "sign in again") {
			t.Errorf("%s: the page does not say what to do: %s", what, page)
		}
	}
	refused("R39 add", thief.post("/auth/oidc/campus/link", url.Values{}))
	tied := func() int {
		t.Helper()
		held, err := s.db.Identities(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return len(held)
	}
	if tied() != 0 {
		t.Fatal("R39 tied")
	}
	t.Run("R39 the cookie of another session", func(t *testing.T) {
		other := s.admin()
		mixed := s.browser()
		u, _ := url.Parse(s.base)
		mixed.jar.SetCookies(u, []*http.Cookie{
			{Name: "__Host-tessera_session", Value: admin.cookie("session"), Secure: true, Path: "/"},
			{Name: "__Host-tessera_admin", Value: other.cookie("admin"), Secure: true, Path: "/"},
		})
		mixed.want(mixed.post("/auth/oidc/campus/link", url.Values{}), http.StatusForbidden)
	})
	// The browser comes back from elsewhere, so it keeps the Strict cookie back.
	back := s.idp.Authorize(admin.tie("campus"), "alice")
	came := admin.without("admin")
	came.want(came.come(back), http.StatusSeeOther)
	if tied() != 1 || came.cookie("admin") == "" {
		t.Fatal("an administrator who proved herself could not add a provider")
	}
	thief = came.without("admin")
	refused("R39 remove", thief.post("/auth/ways/remove", remove))
	if tied() != 1 {
		t.Error("R39 removed")
	}
	came.want(came.post("/auth/ways/remove", remove), http.StatusSeeOther)
	if tied() != 0 {
		t.Error("not removed")
	}
}

// R63: a session that was left open somewhere is not worth an account.
func TestWaysTakeAFreshSignIn(t *testing.T) {
	s := newCampus(t)
	s.reader()
	for email, password := range map[string]string{readerEmail: readerSecret, adminEmail: adminPassword} {
		t.Run("R63 "+email, func(t *testing.T) {
			const hint = "sign in again first"
			s.idp.Knows(email, map[string]any{})
			b := s.browser()
			b.mustLogin(email, password)
			s.pass(10 * time.Minute)
			if page := b.want(b.get("/auth/ways"), http.StatusOK); strings.Contains(page, hint) {
				t.Error("asked to sign in again at once")
			}
			address := b.tie("campus")
			s.pass(time.Second)
			if page := b.want(b.get("/auth/ways"), http.StatusOK); !strings.Contains(page, hint) {
				t.Error("the page does not say what to do")
			}
			b.want(b.post("/auth/oidc/campus/link", url.Values{}), http.StatusForbidden)
			b.want(b.post("/auth/ways/remove", url.Values{"issuer": {s.idp.URL}, "subject": {"alice"}}), http.StatusForbidden)
			s.pass(9 * time.Minute) // whoever left in time may take it at the provider
			b.want(b.come(s.idp.Authorize(address, email)), http.StatusSeeOther)
			if !s.knows(session.KindSession, b.hash()) {
				t.Error("not added")
			}
		})
	}
}

// A journey that began before somebody was made an administrator ends nowhere.
func TestWaysOfNewAdministrators(t *testing.T) {
	s := newCampus(t)
	reader := s.reader()
	b := s.browser()
	b.mustLogin(readerEmail, readerSecret)
	address := b.tie("campus")
	admin := s.admin()
	admin.want(admin.call(http.MethodPatch, "/users/"+reader.ID, map[string]any{"admin": true}, nil), http.StatusOK)
	b.want(b.come(s.idp.Authorize(address, "alice")), http.StatusForbidden)
}
