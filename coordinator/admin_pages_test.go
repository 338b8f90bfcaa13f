package coordinator_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// says checks that a page has all of some texts.
func says(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
}

// Two administrators who opened the same account: the second is told, sees what she
// typed, and may then go on.
func TestAccountsAreNotOverwrittenUnseen(t *testing.T) {
	s := newStage(t)
	path := "/auth/admin/users/" + s.reader().ID
	b := s.admin()
	version := valueOf(b.want(b.get(path), http.StatusOK), "version")
	form := func(name, version string) url.Values {
		return url.Values{"email": {readerEmail}, "name": {name}, "active": {"yes"}, "version": {version}}
	}
	b.follow(b.post(path, form("First", version)))
	page := b.want(b.post(path, form("Second", version)), http.StatusPreconditionFailed)
	says(t, page, "Somebody else has changed this account", `value="Second"`)
	b.follow(b.post(path, form("Second", valueOf(page, "version"))))
}

// R63: the last administrator cannot be taken away, and her page says so.
func TestLastAdminByPage(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	path := "/auth/admin/users/" + b.userID(adminEmail)
	says(t, b.want(b.get(path), http.StatusOK), "This is the last active administrator.")
	b.want(b.call(http.MethodPost, "/users", map[string]any{"email": "second@example.org", "admin": true}, nil), http.StatusCreated)
	if page := b.want(b.get(path), http.StatusOK); strings.Contains(page, "last active administrator") {
		t.Error("R63: one of two is called the last")
	}
}

func TestSignInLinkByPage(t *testing.T) {
	s := newStage(t)
	path := "/auth/admin/users/" + s.reader().ID
	b := s.admin()
	page := b.want(b.post(path+"/link", url.Values{"password": {"yes"}}), http.StatusOK)
	found := shownSecret.FindStringSubmatch(page)
	if found == nil || !strings.HasPrefix(found[1], s.base+"/auth/link#tsil_") {
		t.Fatalf("the page shows %q", found)
	}
	_, code, _ := strings.Cut(found[1], "#")
	page = b.want(b.get(path), http.StatusOK)
	says(t, page, "A link has been made")
	if strings.Contains(page, code) {
		t.Error("the link is shown twice")
	}
	says(t, b.follow(b.post(path+"/link/revoke", nil)), "The link was withdrawn.")
	reader := s.browser()
	reader.want(reader.post("/auth/link", url.Values{"code": {code}}), http.StatusUnauthorized)
}

func TestGroupsByPage(t *testing.T) {
	s := newStage(t)
	s.reader()
	b := s.admin()
	member := func(group, email string) *http.Response {
		return b.post("/auth/admin/group/members", url.Values{"name": {group}, "email": {email}})
	}
	says(t, b.want(b.get("/auth/admin/groups"), 200), "Nobody is in a group yet.")
	b.want(member("map/room", "nobody@example.org"), http.StatusNotFound)
	says(t, b.follow(member("map/room", " "+strings.ToUpper(readerEmail))), "The person is in the group.", readerEmail, "1 members")
	b.want(member("a,b", readerEmail), http.StatusBadRequest)
	says(t, b.follow(b.post("/auth/admin/group/rename", url.Values{"name": {"map/room"}, "to": {"readers & co"}})), "readers &amp; co", "The group was renamed.")
	b.want(b.get("/auth/admin/group?name=map%2Froom"), http.StatusNotFound)
	b.want(b.post("/auth/admin/group/delete", url.Values{"name": {"readers & co"}}), http.StatusBadRequest)
	says(t, b.follow(b.post("/auth/admin/group/members/remove", url.Values{"name": {"readers & co"}, "user": {b.userID(readerEmail)}})), "so it is gone")
	b.follow(member("staff", readerEmail))
	says(t, b.follow(b.post("/auth/admin/group/delete", url.Values{"name": {"staff"}, "confirm": {"yes"}})), "taken from everybody")

	rule := map[string]any{"items": []any{map[string]any{"name": "plans", "images": []string{"plans/**"}, "access": "groups", "groups": []string{"stuff"}}}}
	b.want(b.call(http.MethodPut, "/rules", rule, nil), http.StatusOK)
	says(t, b.want(b.get("/auth/admin/groups"), 200), "Rules name these groups, and nobody is in them", "stuff")
	says(t, b.want(b.get("/auth/admin/group?name=stuff"), 200), "Nobody is in this group.", "plans")
}

func TestSessionsByPage(t *testing.T) {
	s := newStage(t)
	s.reader()
	b := s.admin()
	for range 3 {
		s.browser().mustLogin(readerEmail, readerSecret)
	}
	page := b.want(b.get("/auth/admin/sessions?user="+readerEmail), 200)
	ends := regexp.MustCompile(`/auth/admin/sessions/([0-9a-f-]+)/end`).FindAllString(page, -1)
	if len(ends) != 3 {
		t.Fatalf("%d sessions on the page", len(ends))
	}
	says(t, b.follow(b.post(ends[0], nil)), "The session was ended.")
	b.want(b.post(ends[0], nil), http.StatusNotFound)
	b.want(b.post("/auth/admin/sessions/end", nil), http.StatusBadRequest)
	says(t, b.want(b.post("/auth/admin/sessions/end", url.Values{"user": {"nobody@example.org"}}), 404), "no such user")
	b.follow(b.post("/auth/admin/sessions/end", url.Values{"user": {readerEmail}}))
	says(t, b.want(b.get("/auth/admin/sessions?user="+readerEmail), 200), "Nobody who matches is signed in.")
	if page = b.want(b.get("/auth/admin/sessions?provider=elsewhere"), 200); strings.Contains(page, adminEmail+"<") {
		t.Error("a sign-in here is listed as one of a provider")
	}
	b.want(b.post("/auth/admin/sessions/end", url.Values{"provider": {"elsewhere"}}), http.StatusSeeOther)
	b.want(b.get("/auth/admin/"), 200)
	b.want(b.post("/auth/admin/sessions/end", url.Values{"provider": {""}}), http.StatusSeeOther)
	b.want(b.get("/auth/admin/"), http.StatusSeeOther) // her own was one of them
}

// R64: what was done is on a page, can be filtered, checked and exported.
func TestAuditByPage(t *testing.T) {
	s := newStage(t)
	id := s.reader("staff").ID
	b := s.admin()
	says(t, b.want(b.get("/auth/admin/audit"), 200), "Account added", "user:"+id, "Signed in", "192.0.2.7")
	page := b.want(b.get("/auth/admin/audit?event=user_created&target=user:"+id), 200)
	if strings.Contains(page, "<td>Signed in") || !strings.Contains(page, "<td>Account added") {
		t.Error("R64: the filter does not filter")
	}
	if page = b.want(b.get("/auth/admin/audit?until=2026-02-28"), 200); !strings.Contains(page, "No entry matches.") {
		t.Error("R64: the time does not filter")
	}
	says(t, b.want(b.get("/auth/admin/audit?since=2026-03-01&until=2026-03-01"), 200), "<td>Account added")
	says(t, b.want(b.get("/auth/admin/audit?check=yes"), 200), "The record is whole")

	response := b.get("/auth/admin/audit.jsonl?event=user_created")
	lines := strings.Split(strings.TrimSpace(b.want(response, 200)), "\n")
	if len(lines) != 2 || !strings.HasPrefix(response.Header.Get("Content-Disposition"), "attachment") {
		t.Fatalf("R64: %d lines", len(lines))
	}
	var entry struct{ Seq int64 }
	if err := json.Unmarshal([]byte(lines[1]), &entry); err != nil || entry.Seq < 2 {
		t.Errorf("R64: %v in %s", err, lines[1])
	}
	for range 60 {
		s.browser().login(readerEmail, "wrong")
		s.pass(time.Hour)
	}
	b.want(b.login(adminEmail, adminPassword), http.StatusSeeOther)
	page = b.want(b.get("/auth/admin/audit?event=authn_login_fail"), 200)
	if next := nextOf(t, page); !strings.Contains(next, "event=authn_login_fail") {
		t.Errorf("the next page %s loses the filter", next)
	}
}

func TestExplainByPage(t *testing.T) {
	s := newStage(t)
	s.reader("staff")
	b := s.admin()
	rule := map[string]any{"items": []any{map[string]any{
		"name": "plans", "images": []string{"plans/**"}, "access": "groups", "groups": []string{"staff"}, "from": "2026-04-01T00:00:00Z",
	}}}
	b.want(b.call(http.MethodPut, "/rules", rule, nil), http.StatusOK)
	for query, want := range map[string][]string{
		"":               {"Why can, or can&#39;t"},
		"?image=plans/a": {"Has to sign in", "the default decides", "It counts from 1 April 2026"},
		"?image=plans/a.jp2&user=" + readerEmail + "&at=2026-05-01T10:00": {"May see it", "Decided by the rule “plans”"},
		"?image=plans/a&at=2026-05-01T10:00":                              {"Has to sign in", "Decided by the rule “plans”"},
	} {
		says(t, b.want(b.get("/auth/admin/explain"+query), 200), want...)
	}
	for query, want := range map[string]int{
		"?image=": 400, "?image=a&address=here": 400, "?image=a&at=soon": 400, "?image=a&user=nobody@example.org": 404,
	} {
		b.want(b.get("/auth/admin/explain"+query), want)
	}
}

func TestOwnAccount(t *testing.T) {
	s := newStage(t)
	s.reader("staff")
	stranger, reader, elsewhere := s.browser(), s.browser(), s.browser()
	if got := stranger.get("/auth/account").Header.Get("Location"); got != "/auth/login?next=%2Fauth%2Faccount" {
		t.Errorf("a stranger is sent to %s", got)
	}
	reader.mustLogin(readerEmail, readerSecret)
	elsewhere.mustLogin(readerEmail, readerSecret)
	page := reader.want(reader.get("/auth/account"), 200)
	says(t, page, "Rita Reader", readerEmail, "staff", "this one")
	if strings.Contains(page, "change things in the administration") {
		t.Error("a reader is offered what she may not")
	}
	end := regexp.MustCompile(`/auth/account/sessions/[0-9a-f-]+/end`).FindString(page)
	reader.follow(reader.post(end, nil))
	if got := elsewhere.get("/auth/account").StatusCode; got != http.StatusSeeOther {
		t.Errorf("the other session lives: %d", got)
	}
	page = reader.want(reader.post("/auth/account/tokens", url.Values{"name": {"export"}, "scope": {"images"}, "days": {"7"}}), 200)
	if found := shownSecret.FindStringSubmatch(page); found == nil || !strings.HasPrefix(found[1], "tpat_") {
		t.Fatalf("no token is shown: %q", found)
	}
	token := regexp.MustCompile(`/auth/account/tokens/[0-9a-f-]+/delete`).FindString(page)
	admin := s.admin()
	admin.want(admin.post(token, nil), http.StatusNotFound) // somebody else's
	admin.want(admin.post(end, nil), http.StatusNotFound)
	says(t, reader.follow(reader.post(token, nil)), "The token was deleted.")
	for name, form := range map[string]url.Values{
		"life": {"name": {"x"}, "scope": {"images"}, "days": {"4000"}}, "name": {"scope": {"images"}, "days": {"7"}}, "days": {"name": {"x"}, "scope": {"images"}},
	} {
		if got := reader.post("/auth/account/tokens", form).StatusCode; got != http.StatusBadRequest {
			t.Errorf("%s: %d", name, got)
		}
	}
	reader.want(reader.post("/auth/account/tokens", url.Values{"name": {"x"}, "scope": {"images"}, "days": {"7"}}, "Origin", "https://evil.test"), http.StatusForbidden)
}

// R39: the image cookie, which may come from viewers on other sites, must not become a
// token that administers.
func TestTheImageCookieMakesNoAdminToken(t *testing.T) {
	admin := newStage(t).admin()
	form := url.Values{"name": {"x"}, "scope": {"admin"}, "days": {"7"}}
	image := admin.withOnly("__Host-tessera_session")
	image.want(image.post("/auth/account/tokens", form), http.StatusForbidden)
	page := admin.want(admin.post("/auth/account/tokens", form), 200)
	if shownSecret.FindString(page) == "" {
		t.Error("an administrator gets no token")
	}
}
