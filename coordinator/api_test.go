package coordinator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

type problemJSON struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Field  string `json:"field"`
}

type listJSON[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

type rulesJSON struct {
	Items   []map[string]any `json:"items"`
	Default string           `json:"default"`

	Revision int64 `json:"revision"`
}

func TestUsersByAPI(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	u := s.reader("staff", "map-room", "staff")
	if u.ID == "" || !u.Active || u.Admin || strings.Join(u.Groups, " ") != "map-room staff" {
		t.Fatalf("created %+v", u)
	}
	var found listJSON[userJSON]
	b.call(http.MethodGet, "/users?email=READER@example.org", nil, &found)
	if len(found.Items) != 1 || found.Items[0].ID != u.ID {
		t.Errorf("by address: %+v", found)
	}
	b.call(http.MethodGet, "/users?q=rita", nil, &found)
	if len(found.Items) != 1 || len(found.Items[0].Groups) != 2 {
		t.Errorf("by name: %+v", found)
	}
	b.call(http.MethodGet, "/users?q=%25", nil, &found)
	if len(found.Items) != 0 {
		t.Errorf("a wildcard is taken literally: %+v", found)
	}
	b.want(b.call(http.MethodPatch, "/users/"+u.ID, map[string]any{"name": "R. Reader"}, &u), http.StatusOK)
	if u.Name != "R. Reader" || len(u.Groups) != 2 {
		t.Errorf("patched %+v", u)
	}
	b.want(b.call(http.MethodDelete, "/users/"+u.ID, nil, nil), http.StatusNoContent)
	b.want(b.call(http.MethodGet, "/users/"+u.ID, nil, nil), http.StatusNotFound)
	b.want(b.call(http.MethodDelete, "/users/"+u.ID, nil, nil), http.StatusNotFound)
}

func TestPages(t *testing.T) {
	s := newStage(t)
	s.reader()
	b := s.admin()
	var emails []string
	after := ""
	for range 3 {
		var page listJSON[userJSON]
		b.call(http.MethodGet, "/users?limit=1&after="+url.QueryEscape(after), nil, &page)
		for _, u := range page.Items {
			emails = append(emails, u.Email)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if strings.Join(emails, " ") != adminEmail+" "+readerEmail {
		t.Errorf("pages list %v", emails)
	}
	var sessions listJSON[struct{ ID string }]
	b.call(http.MethodGet, "/sessions?limit=1", nil, &sessions)
	if len(sessions.Items) != 1 || sessions.Next == "" {
		t.Errorf("sessions %+v", sessions)
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=x"} {
		b.want(b.call(http.MethodGet, "/users?"+query, nil, nil), http.StatusBadRequest)
	}
}

func TestBadInputToAPI(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	u := s.reader()
	for name, test := range map[string]struct {
		method, path, body string
		want               int
		code               string
	}{
		"no JSON":            {"POST", "/users", `{`, 400, "bad-json"},
		"nothing":            {"POST", "/users", ``, 400, "bad-json"},
		"two objects":        {"POST", "/users", `{"email":"a@b"}{}`, 400, "bad-json"},
		"unknown field":      {"POST", "/users", `{"email":"a@b","role":"x"}`, 400, "bad-json"},
		"wrong type":         {"POST", "/users", `{"email":17}`, 400, "bad-json"},
		"too large":          {"POST", "/users", `{"email":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "too-large"},
		"no address":         {"POST", "/users", `{"name":"x"}`, 400, "bad-email"},
		"bad address":        {"POST", "/users", `{"email":"a@b@c"}`, 400, "bad-email"},
		"address with space": {"POST", "/users", `{"email":"a b@c"}`, 400, "bad-email"},
		"address taken":      {"POST", "/users", `{"email":"Reader@Example.org"}`, 409, "email-taken"},
		"short password":     {"POST", "/users", `{"email":"a@b","password":"1234567"}`, 400, "bad-password"},
		"long password":      {"POST", "/users", `{"email":"a@b","password":"` + strings.Repeat("x", 257) + `"}`, 400, "bad-password"},
		"bad group":          {"POST", "/users", `{"email":"a@b","groups":["a,b"]}`, 400, "bad-group"},
		"name too long":      {"POST", "/users", `{"email":"a@b","name":"` + strings.Repeat("x", 201) + `"}`, 400, "bad-name"},
		"taken by change":    {"PATCH", "/users/" + u.ID, `{"email":"` + adminEmail + `"}`, 409, "email-taken"},
		"no such user":       {"PATCH", "/users/nobody", `{"name":"x"}`, 404, "no-such-user"},
		"no such session":    {"DELETE", "/sessions/none", ``, 404, "no-such-session"},
		"no such token":      {"DELETE", "/tokens/none", ``, 404, "no-such-token"},
		"nameless token":     {"POST", "/tokens", `{}`, 400, "bad-token-name"},
		"token of the past":  {"POST", "/tokens", `{"name":"x","expires":"2020-01-01T00:00:00Z"}`, 400, "bad-token-life"},
		"token of nobody":    {"POST", "/tokens", `{"name":"x","user":"nobody"}`, 404, "no-such-user"},
		"rules without":      {"PUT", "/rules", `{}`, 400, "bad-json"},
		"bad rule":           {"PUT", "/rules", `{"items":[{"name":"x","images":["a"],"access":"groups"}]}`, 400, "bad-rule"},
		"image missing":      {"GET", "/explain?user=", ``, 400, "missing-image"},
		"no such path":       {"GET", "/nothing", ``, 404, "no-such-page"},
		"no such method":     {"PUT", "/users", ``, 405, "method"},
	} {
		t.Run(name, func(t *testing.T) {
			response := b.do(test.method, api+test.path, "application/json", test.body, "Origin", s.base)
			var p problemJSON
			if err := json.Unmarshal([]byte(b.want(response, test.want)), &p); err != nil {
				t.Fatal(err)
			}
			if p.Code != test.code || p.Status != test.want || !strings.HasSuffix(p.Detail, ".") || p.Title != http.StatusText(test.want) {
				t.Errorf("problem %+v", p)
			}
			if got := response.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("RFC 9457: %s", got)
			}
		})
	}
}

func TestCallersOfAPI(t *testing.T) {
	s := newStage(t)
	u := s.reader()
	admin, reader, stranger := s.admin(), s.browser(), s.browser()
	reader.mustLogin(readerEmail, readerSecret)
	var mine, hers struct{ ID, Secret string }
	admin.want(admin.call(http.MethodPost, "/tokens", map[string]any{"name": "cron"}, &mine), http.StatusCreated)
	admin.want(admin.call(http.MethodPost, "/tokens", map[string]any{"name": "hers", "user": u.ID}, &hers), http.StatusCreated)
	if !strings.HasPrefix(mine.Secret, "tpat_") || len(mine.Secret) < 48 {
		t.Errorf("secret %q", mine.Secret)
	}
	access := reader.tokenPage("/auth/2/members/token", "1", sibling).message["accessToken"].(string)

	for name, test := range map[string]struct {
		b         *browser
		header    []string
		get, post int
	}{
		"administrator's cookies": {admin, []string{"Origin", s.base}, 200, 201},
		"fetch metadata alone":    {admin, []string{"Sec-Fetch-Site", "same-origin"}, 200, 201},
		"R62 no origin":           {admin, nil, 200, 403},
		"R62 other origin":        {admin, []string{"Origin", "https://evil.test"}, 200, 403},
		"R62 sibling":             {admin, []string{"Origin", s.base, "Sec-Fetch-Site", "same-site"}, 200, 403},
		"reader's cookie":         {reader, []string{"Origin", s.base}, 403, 403},
		"nobody":                  {stranger, []string{"Origin", s.base}, 401, 401},
		"administrator's token":   {stranger, []string{"Authorization", "Bearer " + mine.Secret}, 200, 201},
		"token from elsewhere":    {stranger, []string{"Authorization", "bearer " + mine.Secret, "Origin", "https://evil.test"}, 200, 201},
		"reader's token":          {stranger, []string{"Authorization", "Bearer " + hers.Secret}, 403, 403},
		"R37 access token":        {stranger, []string{"Authorization", "Bearer " + access}, 401, 401},
		"R37 cookie as token":     {stranger, []string{"Authorization", "Bearer " + admin.cookie("session")}, 401, 401},
		"C-029 undefined":         {stranger, []string{"Authorization", "Bearer undefined"}, 401, 401},
		"basic":                   {stranger, []string{"Authorization", "Basic " + mine.Secret}, 401, 401},
		"bad token beats cookie":  {admin, []string{"Authorization", "Bearer x", "Origin", s.base}, 401, 401},
	} {
		t.Run(name, func(t *testing.T) {
			response := test.b.do(http.MethodGet, api+"/users", "", "", test.header...)
			test.b.want(response, test.get)
			if challenge := response.Header.Get("WWW-Authenticate"); (challenge != "") != (test.get == 401) {
				t.Errorf("challenge %q", challenge)
			}
			body := `{"email":"` + url.QueryEscape(strings.ReplaceAll(name, " ", "")) + `@example.org"}`
			test.b.want(test.b.do(http.MethodPost, api+"/users", "application/json", body, test.header...), test.post)
		})
	}

	var tokens listJSON[map[string]any]
	admin.call(http.MethodGet, "/tokens?user="+u.ID, nil, &tokens)
	if len(tokens.Items) != 1 || tokens.Items[0]["secret"] != nil || tokens.Items[0]["name"] != "hers" {
		t.Errorf("tokens %v", tokens)
	}
	hash := session.HashOf(mine.Secret)
	since := s.revision()
	admin.want(admin.call(http.MethodDelete, "/tokens/"+mine.ID, nil, nil), http.StatusNoContent)
	if s.knows(session.KindPersonal, hash) || !s.endedSince(since)[hash] {
		t.Error("the token lives on")
	}
	stranger.want(stranger.do(http.MethodGet, api+"/users", "", "", "Authorization", "Bearer "+mine.Secret), http.StatusUnauthorized)
}

func TestPersonalTokenExpires(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	var made struct{ Secret string }
	b.call(http.MethodPost, "/tokens", map[string]any{"name": "short", "expires": s.time().Add(time.Hour)}, &made)
	hash := session.HashOf(made.Secret)
	if !s.knows(session.KindPersonal, hash) {
		t.Fatal("does not work")
	}
	s.pass(time.Hour)
	if s.knows(session.KindPersonal, hash) {
		t.Fatal("lives for ever")
	}
}

func TestRulesByAPI(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	var empty rulesJSON
	first := b.call(http.MethodGet, "/rules", nil, &empty)
	if empty.Items == nil || len(empty.Items) != 0 || empty.Default != "login" || first.Header.Get("ETag") == "" {
		t.Fatalf("no rules: %+v", empty)
	}
	table := map[string]any{"items": []any{
		map[string]any{"name": "maps", "images": []string{"maps/**"}, "access": "open"},
		map[string]any{"name": "staff", "images": []string{"staff/**"}, "access": "groups", "groups": []string{"staff"}},
	}}
	since := s.revision()
	var saved rulesJSON
	second := b.call(http.MethodPut, "/rules", table, &saved, "If-Match", first.Header.Get("ETag"))
	b.want(second, http.StatusOK)
	if got := fmt.Sprintf("%q", fmt.Sprint(saved.Revision)); got != second.Header.Get("ETag") || saved.Revision == empty.Revision {
		t.Errorf("revision %s beside ETag %s", got, second.Header.Get("ETag"))
	}
	if s.lastAnnounced() <= since || s.revision() != s.lastAnnounced() {
		t.Error("edges are not told of new rules")
	}
	rights, err := s.c.Rights(t.Context(), since)
	if err != nil || len(rights.Rules) != 2 || rights.Rules[1].Groups[0] != "staff" || !rights.Complete || len(rights.Ended) != 0 {
		t.Errorf("rights %+v, %v", rights, err)
	}

	t.Run("idempotent", func(t *testing.T) {
		before := s.revision()
		again := b.call(http.MethodPut, "/rules", table, nil)
		if again.Header.Get("ETag") != second.Header.Get("ETag") || s.revision() != before {
			t.Error("equal rules are a change")
		}
	})
	t.Run("somebody else was first", func(t *testing.T) {
		none := map[string]any{"items": []any{}}
		b.want(b.call(http.MethodPut, "/rules", none, nil, "If-Match", first.Header.Get("ETag")), http.StatusPreconditionFailed)
		b.want(b.call(http.MethodPut, "/rules", none, nil, "If-Match", "W/"+second.Header.Get("ETag")), http.StatusPreconditionFailed)
		b.want(b.call(http.MethodPut, "/rules", none, nil, "If-Match", "garbage"), http.StatusPreconditionFailed)
		if s.revision() != rights.Revision {
			t.Error("the rules changed")
		}
		b.want(b.call(http.MethodPut, "/rules", none, nil, "If-Match", "*"), http.StatusOK)
	})
}

func TestExplain(t *testing.T) {
	s := newStage(t)
	u := s.reader("staff")
	b := s.admin()
	b.want(b.call(http.MethodPut, "/rules", map[string]any{"items": []any{
		map[string]any{"name": "staff", "images": []string{"staff/*"}, "access": "groups", "groups": []string{"staff"}},
		map[string]any{"name": "gone", "images": []string{"gone/*"}, "access": "hidden"},
	}}, nil), http.StatusOK)
	for name, test := range map[string]struct{ user, image, outcome, rule string }{
		"member, by address":   {readerEmail, "staff/a", "allow", "staff"},
		"member, by id":        {u.ID, "staff/a.jp2", "allow", "staff"},
		"stranger":             {"", "staff/a", "need-login", "staff"},
		"administrator":        {adminEmail, "staff/a", "forbidden", "staff"},
		"hidden":               {readerEmail, "gone/a", "not-found", "gone"},
		"default, signed in":   {readerEmail, "other", "allow", ""},
		"default, not signed ": {"", "other", "need-login", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got struct {
				Allowed               bool
				Outcome, Rule, Reason string
			}
			b.call(http.MethodGet, "/explain?"+url.Values{"user": {test.user}, "image": {test.image}}.Encode(), nil, &got)
			if got.Outcome != test.outcome || got.Rule != test.rule || got.Reason == "" {
				t.Errorf("explained %+v", got)
			}
			if got.Allowed != (test.outcome == "allow") {
				t.Errorf("allowed: %v", got.Allowed)
			}
			if name == "hidden" && !strings.Contains(got.Reason, "is hidden") {
				t.Errorf("an administrator is told: %s", got.Reason)
			}
		})
	}
	b.want(b.call(http.MethodGet, "/explain?user=nobody&image=a", nil, nil), http.StatusNotFound)
}

// The first rules of an installation never overwrite an administrator's.
func TestSeed(t *testing.T) {
	s := newStage(t)
	seed := []authz.Rule{{Name: "first", Images: []string{"**"}, Access: authz.Open}}
	if done, err := s.c.Seed(t.Context(), authz.Document{Items: seed}); !done || err != nil {
		t.Fatalf("%v, %v", done, err)
	}
	b := s.admin()
	b.want(b.call(http.MethodPut, "/rules", map[string]any{"items": []any{}}, nil), http.StatusOK)
	if done, err := s.c.Seed(t.Context(), authz.Document{Items: seed}); done || err != nil {
		t.Errorf("again: %v, %v", done, err)
	}
	var now rulesJSON
	if b.call(http.MethodGet, "/rules", nil, &now); len(now.Items) != 0 {
		t.Errorf("rules %v", now.Items)
	}
}
