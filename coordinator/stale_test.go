package coordinator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// R63: what concerns administrators takes somebody who has just signed in, not a session
// that was left open; all else goes on.
func TestAdministratorsTakeAFreshSignIn(t *testing.T) {
	s := newStage(t)
	reader, b := s.reader(), s.admin()
	var self struct{ Items []userJSON }
	b.call(http.MethodGet, "/users?email="+url.QueryEscape(adminEmail), nil, &self)
	var second userJSON
	more := map[string]any{"email": "second@example.org", "name": "Second", "admin": true}
	b.want(b.call(http.MethodPost, "/users", more, &second), http.StatusCreated)
	var program struct{ Secret string }
	b.want(b.call(http.MethodPost, "/tokens", map[string]any{"name": "p", "scopes": []string{"admin"}}, &program), http.StatusCreated)
	s.pass(10 * time.Minute)
	b.want(b.call(http.MethodPatch, "/users/"+second.ID, map[string]any{"name": "In time"}, nil), http.StatusOK)
	s.pass(time.Second)
	more["email"] = "third@example.org"
	for name, call := range map[string]struct {
		method, path string
		body         any
	}{
		"a new one":           {http.MethodPost, "/users", more},
		"made one":            {http.MethodPatch, "/users/" + reader.ID, map[string]any{"admin": true}},
		"one no more":         {http.MethodPatch, "/users/" + second.ID, map[string]any{"admin": false}},
		"shut out":            {http.MethodPatch, "/users/" + second.ID, map[string]any{"active": false}},
		"another's password":  {http.MethodPatch, "/users/" + second.ID, map[string]any{"password": "set by somebody"}},
		"her own, unasked":    {http.MethodPatch, "/users/" + self.Items[0].ID, map[string]any{"password": "set by somebody"}},
		"deleted":             {http.MethodDelete, "/users/" + second.ID, nil},
		"a link into it":      {http.MethodPost, "/users/" + second.ID + "/sign-in-link", map[string]any{}},
		"a token that reads":  {http.MethodPost, "/tokens", map[string]any{"name": "x", "scopes": []string{"admin:read"}}},
		"a token that writes": {http.MethodPost, "/tokens", map[string]any{"name": "x", "scopes": []string{"admin"}}},
	} {
		if said := b.want(b.call(call.method, call.path, call.body, nil), http.StatusForbidden); !strings.Contains(said, "sign-in of the last ten minutes") {
			t.Errorf("R63 %s: %s", name, said)
		}
	}
	page := b.want(b.post("/auth/admin/users/"+second.ID+"/password", url.Values{"password": {"set by somebody"}}), http.StatusForbidden)
	if !strings.Contains(page, "sign-in of the last ten minutes") {
		t.Error("R63: the page does not say what to do")
	}
	b.want(b.call(http.MethodPatch, "/users/"+reader.ID, map[string]any{"groups": []string{"staff"}}, nil), http.StatusOK)
	b.want(b.call(http.MethodPost, "/users/"+reader.ID+"/sign-in-link", map[string]any{}, nil), http.StatusCreated)
	b.want(b.call(http.MethodPost, "/tokens", map[string]any{"name": "i", "scopes": []string{"images"}}, nil), http.StatusCreated)
	byToken := s.browser()
	byToken.want(byToken.call(http.MethodDelete, "/users/"+second.ID, nil, nil, "Authorization", "Bearer "+program.Secret), http.StatusNoContent)
	b = s.admin()
	b.want(b.call(http.MethodPatch, "/users/"+reader.ID, map[string]any{"admin": true}, nil), http.StatusOK)
}
