package coordinator_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// userID finds the id behind the edit link of an address on the overview.
func (b *browser) userID(email string) string {
	b.t.Helper()
	var found listJSON[userJSON]
	b.call(http.MethodGet, "/users?email="+url.QueryEscape(email), nil, &found)
	if len(found.Items) != 1 {
		b.t.Fatalf("%d users called %s", len(found.Items), email)
	}
	return found.Items[0].ID
}

// follow checks the redirect after a form and shows where it leads.
func (b *browser) follow(response *http.Response) string {
	b.t.Helper()
	b.want(response, http.StatusSeeOther)
	target, _, _ := strings.Cut(response.Header.Get("Location"), "#")
	return b.want(b.get(target), http.StatusOK)
}

// adminPaths are every page that can be looked at.
var adminPaths = []string{
	"/auth/admin/", "/auth/admin/images", "/auth/admin/images?prefix=maps%2F", "/auth/admin/users", "/auth/admin/users/new", "/auth/admin/users/x",
	"/auth/admin/groups", "/auth/admin/group?name=staff", "/auth/admin/sessions", "/auth/admin/rules", "/auth/admin/rules/edit",
	"/auth/admin/rules/json", "/auth/admin/explain", "/auth/admin/audit", "/auth/admin/audit.jsonl",
}

func TestAdminPagesAreForAdministrators(t *testing.T) {
	s := newStage(t)
	s.reader()
	reader, stranger, admin := s.browser(), s.browser(), s.admin()
	reader.mustLogin(readerEmail, readerSecret)
	for _, path := range adminPaths {
		response := stranger.get(path)
		stranger.want(response, http.StatusSeeOther)
		if got := response.Header.Get("Location"); got != "/auth/login?next="+url.QueryEscape(path) {
			t.Errorf("a stranger is sent to %s", got)
		}
		reader.want(reader.get(path), http.StatusForbidden)
	}
	reader.want(reader.post("/auth/admin/users", url.Values{"email": {"x@example.org"}}), http.StatusForbidden)
	for name, origin := range map[string]string{"R62 other origin": "https://evil.test", "R62 opaque": "null"} {
		response := admin.post("/auth/admin/users", url.Values{"email": {"x@example.org"}}, "Origin", origin)
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, response.StatusCode)
		}
	}
	form := url.Values{"email": {"x@example.org"}}.Encode()
	admin.want(admin.do(http.MethodPost, "/auth/admin/users", "application/x-www-form-urlencoded", form), http.StatusForbidden)
}

// withOnly is a browser that kept one of somebody's cookies.
func (b *browser) withOnly(name string) *browser {
	b.t.Helper()
	other := b.browser()
	u, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, cookie := range b.jar.Cookies(u) {
		if cookie.Name == name {
			cookie.Path, cookie.Secure = "/", u.Scheme == "https"
			other.jar.SetCookies(u, []*http.Cookie{cookie})
		}
	}
	if other.cookie(strings.TrimPrefix(name, "__Host-tessera_")) == "" {
		b.t.Fatalf("no cookie %s", name)
	}
	return other
}

// R39, H.4: the image cookie, which may come from viewers on other sites, is no
// credential of an administrator; hers alone is enough.
func TestTheImageCookieAdministersNothing(t *testing.T) {
	s := newStage(t)
	admin := s.admin()
	image, own := admin.withOnly("__Host-tessera_session"), admin.withOnly("__Host-tessera_admin")
	user := map[string]any{"email": "x@example.org"}
	image.want(image.call(http.MethodPost, "/users", user, nil), http.StatusUnauthorized)
	image.want(image.call(http.MethodGet, "/users", nil, nil), http.StatusUnauthorized)
	form := url.Values{"email": {"y@example.org"}, "active": {"yes"}}
	image.want(image.post("/auth/admin/users", form), http.StatusSeeOther)
	response := image.get("/auth/admin/")
	image.want(response, http.StatusSeeOther)
	if got := response.Header.Get("Location"); got != toLogin {
		t.Errorf("sent to %s", got)
	}
	var found listJSON[userJSON]
	own.call(http.MethodGet, "/users", nil, &found)
	if len(found.Items) != 1 {
		t.Errorf("R39: the image cookie added an account: %+v", found.Items)
	}
	own.want(own.call(http.MethodPost, "/users", user, nil), http.StatusCreated)
	own.want(own.get("/auth/admin/"), http.StatusOK)
}

// A link from elsewhere to an administrator's page comes without her cookie, which is
// Strict; she carries on from our page. Where it is gone for good she signs in again.
func TestAdministratorsComeBack(t *testing.T) {
	s := newStage(t)
	image := s.admin().withOnly("__Host-tessera_session")
	page := image.want(image.get(toLogin, "Sec-Fetch-Site", "cross-site"), http.StatusOK)
	if !strings.Contains(page, "Carry on as Administrator") {
		t.Error("she has to sign in although her browser only held the cookie back")
	}
	page = image.want(image.get(toLogin, "Sec-Fetch-Site", "same-origin"), http.StatusOK)
	if strings.Contains(page, "Carry on as") || !strings.Contains(page, "Sign in once more") {
		t.Error("to carry on leads in a circle")
	}
	image.want(image.login(adminEmail, adminPassword), http.StatusSeeOther)
	image.want(image.get("/auth/admin/"), http.StatusOK)
}

const toLogin = "/auth/login?next=%2Fauth%2Fadmin%2F"

// R62: strict policy without unsafe-inline, one script by nonce, no frame, COOP here and
// on no page that viewers open.
func TestHeadersOfAdminPages(t *testing.T) {
	b := newStage(t).admin()
	policy := regexp.MustCompile(`^default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; script-src 'nonce-[A-Z2-7]{26}'; connect-src 'self'$`)
	for _, path := range adminPaths {
		if strings.HasSuffix(path, "/x") || strings.HasSuffix(path, ".jsonl") || strings.Contains(path, "group?") {
			continue
		}
		response := b.get(path)
		b.want(response, http.StatusOK)
		h := response.Header
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("R62: %s of %s is %q", name, path, got)
			}
		}
		if got := h.Get("Content-Security-Policy"); !policy.MatchString(got) {
			t.Errorf("R62: policy of %s is %q", path, got)
		}
	}
	if got := b.get("/auth/account").Header.Get("Cross-Origin-Opener-Policy"); got != "" {
		t.Errorf("R62: opener policy %q on a page for everybody", got)
	}
}

func TestPeopleByPage(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	page := b.follow(b.post("/auth/admin/users", url.Values{
		"email": {readerEmail}, "name": {"Rita <Reader>"}, "groups": {" staff, map-room ,"}, "active": {"yes"}, "password": {readerSecret},
	}))
	for _, piece := range []string{"The account was added.", "Rita &lt;Reader&gt;", "map-room, staff"} {
		if !strings.Contains(page, piece) {
			t.Errorf("no %q on the page", piece)
		}
	}
	path := "/auth/admin/users/" + b.userID(readerEmail)
	reader := s.browser()
	reader.mustLogin(readerEmail, readerSecret)

	page = b.want(b.get(path), http.StatusOK)
	sessions := regexp.MustCompile(path+`/sessions/[^"/]+/end`).FindAllString(page, -1)
	if len(sessions) != 1 {
		t.Fatalf("%d sessions on the page", len(sessions))
	}
	if page = b.follow(b.post(sessions[0], nil)); !strings.Contains(page, "The session was ended.") {
		t.Error("does not say that the session was ended")
	}
	if page = reader.want(reader.get("/auth/login"), http.StatusOK); strings.Contains(page, "signed in as") {
		t.Error("the session lives on")
	}
	reader.mustLogin(readerEmail, readerSecret)
	b.follow(b.post(path+"/sessions/end", nil))

	b.follow(b.post(path+"/password", url.Values{"password": {"another secret"}}))
	reader.want(reader.login(readerEmail, readerSecret), http.StatusUnauthorized)
	reader.mustLogin(readerEmail, "another secret")

	b.follow(b.post(path, url.Values{"email": {readerEmail}, "name": {"Rita"}, "groups": {""}, "version": {valueOf(b.want(b.get(path), 200), "version")}}))
	reader.want(reader.login(readerEmail, "another secret"), http.StatusUnauthorized) // no longer active

	b.want(b.post(path+"/delete", nil), http.StatusBadRequest)
	b.follow(b.post(path+"/delete", url.Values{"confirm": {"yes"}}))
	b.want(b.get(path), http.StatusNotFound)
}

var shownSecret = regexp.MustCompile(`<pre class="secret" id="secret" tabindex="0">([^<]+)</pre>`)

// valueOf is the value of a hidden field.
func valueOf(page, name string) string {
	found := regexp.MustCompile(`<input type="hidden" name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if found == nil {
		return ""
	}
	return html.UnescapeString(found[1])
}

func TestMadeUpPasswords(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	try := func(page string) {
		t.Helper()
		found := shownSecret.FindStringSubmatch(page)
		if found == nil {
			t.Fatal("no password is shown")
		}
		s.browser().mustLogin(readerEmail, found[1])
	}
	try(b.want(b.post("/auth/admin/users", url.Values{"email": {readerEmail}, "active": {"yes"}}), http.StatusOK))
	try(b.want(b.post("/auth/admin/users/"+b.userID(readerEmail)+"/password", nil), http.StatusOK))
}

func TestRefusedForms(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	own := "/auth/admin/users/" + b.userID(adminEmail)
	for name, test := range map[string]struct {
		path string
		form url.Values
		want int
		says string
	}{
		"taken":           {"/auth/admin/users", url.Values{"email": {adminEmail}, "name": {"typed before"}}, 409, "typed before"},
		"last admin":      {own, url.Values{"email": {adminEmail}, "active": {"yes"}}, 409, "last active administrator"},
		"last admin gone": {own + "/delete", url.Values{"confirm": {"yes"}}, 409, "last active administrator"},
		"short password":  {own + "/password", url.Values{"password": {"short"}}, 400, "at least 8 characters"},
		"no such user":    {"/auth/admin/users/x", url.Values{"email": {"x@y"}}, 404, "no such user"},
		"no such session": {own + "/sessions/x/end", nil, 404, "no such session"},
		"rules mangled":   {"/auth/admin/rules/edit", url.Values{"revision": {"0"}, "do": {"save"}, "name": {"x"}}, 400, "did not arrive whole"},
		"rules unversed":  {"/auth/admin/rules/edit", url.Values{"do": {"save"}}, 400, "did not arrive whole"},
		"too large":       {"/auth/admin/rules/edit", url.Values{"x": {strings.Repeat("x", 2<<20)}}, 413, "more than 1024 kilobytes"},
	} {
		t.Run(name, func(t *testing.T) {
			if page := b.want(b.post(test.path, test.form), test.want); !strings.Contains(page, test.says) {
				t.Errorf("does not say %q", test.says)
			}
		})
	}
}

func TestSearchAndPages(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	for i := range 60 {
		b.want(b.call(http.MethodPost, "/users", map[string]any{"email": fmt.Sprintf("u%02d@example.org", i), "groups": []string{"staff"}}, nil), http.StatusCreated)
	}
	page := b.want(b.get("/auth/admin/users?group=staff"), http.StatusOK)
	if strings.Contains(page, "u59@") || !strings.Contains(page, "Next page") || strings.Contains(page, "First page") {
		t.Fatal("the first page shows everybody")
	}
	page = b.want(b.get(nextOf(t, page)), http.StatusOK)
	if !strings.Contains(page, "u59@") || strings.Contains(page, "u00@") || !strings.Contains(page, "First page") || strings.Contains(page, adminEmail+"<") {
		t.Error("the second page does not go on from the first, or loses its filter")
	}
	page = b.want(b.get("/auth/admin/users?q=u07"), http.StatusOK)
	if !strings.Contains(page, "u07@") || strings.Contains(page, "u08@") {
		t.Error("the search does not search")
	}
	page = b.want(b.get("/auth/admin/users?q=%22%3E%3Cscript%3E"), http.StatusOK)
	if strings.Contains(page, "<script>") || !strings.Contains(page, "No account matches") {
		t.Error("the empty result is not escaped, or not designed")
	}
}

// nextOf is where a page of a list says that it goes on.
func nextOf(t *testing.T, page string) string {
	t.Helper()
	found := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatal("there is no next page")
	}
	return html.UnescapeString(found[1])
}

func TestUnroutedPages(t *testing.T) {
	b := newStage(t).browser()
	for target, want := range map[string]int{
		"GET /auth/nothing": 404, "GET /auth/2/members/nothing": 404, "DELETE /auth/login": 405,
		"GET /auth/assets/nothing": 404, "GET /auth/assets/tessera.css": 200, "GET /auth/assets/admin.css": 200, "GET /auth/assets/admin.js": 200,
		"GET /auth/assets/icon": 200, "GET /auth/1/others/token": 404, "GET /auth/2/others/logout": 404,
	} {
		method, path, _ := strings.Cut(target, " ")
		response := b.do(method, path, "", "")
		b.want(response, want)
		if want == 405 && !strings.Contains(response.Header.Get("Allow"), "POST") {
			t.Errorf("%s: Allow %q", target, response.Header.Get("Allow"))
		}
	}
}

// R34: no secret reaches a log or a page.
func TestSecretsStayOutOfLogs(t *testing.T) {
	s := newStage(t)
	h := s.held()
	s.browser().login(readerEmail, "canary-password")
	b := s.admin()
	b.call(http.MethodPatch, "/users/"+h.user.ID, map[string]any{"password": "canary-password-2"}, nil)
	_ = s.db.Close()
	failed := b.want(b.get("/auth/admin/"), http.StatusInternalServerError)
	if strings.Contains(failed, "sql") || strings.Contains(failed, "closed") {
		t.Error("R34: a page tells about our insides")
	}
	log := s.log.String()
	if !strings.Contains(log, "request failed") || !strings.Contains(log, "signed in") {
		t.Fatalf("the log is silent:\n%s", log)
	}
	for _, secret := range []string{"canary", readerSecret, adminPassword, h.b.cookie("session"), "tiat_", "tpat_", h.cookie.String(), "argon2id"} {
		if strings.Contains(log, secret) {
			t.Errorf("R34: %q is in the log", secret)
		}
	}
}

func TestUnavailable(t *testing.T) {
	s := newStage(t)
	b := s.browser()
	b.mustLogin(adminEmail, adminPassword)
	_ = s.db.Close()
	if p := b.tokenPage("/auth/1/members/token", "1", sibling); p.message["error"] != "unavailable" {
		t.Errorf("C-074: %v", p.message)
	}
	if p := b.tokenPage("/auth/2/members/token", "1", sibling); p.message["profile"] != "unavailable" {
		t.Errorf("D-053: %v", p.message)
	}
	b.want(b.get("/auth/1/members/token"), http.StatusServiceUnavailable) // C-080
	b.want(b.call(http.MethodGet, "/users", nil, nil), http.StatusInternalServerError)
}
