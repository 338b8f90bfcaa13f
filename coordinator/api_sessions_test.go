package coordinator_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/tessera-iiif/tessera/internal/session"
)

// R38: sessions are found and ended one by one, per user and per provider.
func TestSessionsByAPI(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	u := s.reader()
	reader := s.browser()
	reader.header.Set("User-Agent", "Firefox on a desk")
	hash := reader.mustLogin(readerEmail, readerSecret)
	for query, want := range map[string]int{
		"": 3, "user=" + u.ID: 1, "user=" + readerEmail: 1, "user=nobody": 0, "provider=": 3, "provider=elsewhere": 0,
		"q=firefox": 1, "q=READER@": 1, "q=192.0.2": 3, "q=%25": 0, "user=" + readerEmail + "&provider=": 1,
	} {
		var found listJSON[map[string]any]
		b.call(http.MethodGet, "/sessions?"+query, nil, &found)
		if len(found.Items) != want {
			t.Errorf("%s: %v", query, found.Items)
		}
	}
	b.want(b.call(http.MethodDelete, "/sessions", nil, nil), http.StatusBadRequest)
	b.want(b.call(http.MethodDelete, "/sessions?user=nobody", nil, nil), http.StatusNotFound)
	for _, want := range []int{1, 0} { // repeated without harm
		var answer struct{ Ended int }
		b.want(b.call(http.MethodDelete, "/sessions?user="+url.QueryEscape(readerEmail), nil, &answer), http.StatusOK)
		if answer.Ended != want {
			t.Errorf("ended %d, want %d", answer.Ended, want)
		}
	}
	if s.knows(session.KindSession, hash) {
		t.Error("R23: the session lives on")
	}
	reader.mustLogin(readerEmail, readerSecret)
	var answer struct{ Ended int }
	b.want(b.call(http.MethodDelete, "/sessions?provider=", nil, &answer), http.StatusOK)
	if answer.Ended != 3 {
		t.Errorf("of the provider: %d", answer.Ended)
	}
	b.want(b.call(http.MethodGet, "/sessions", nil, nil), http.StatusUnauthorized)
}

// Two administrators cannot overwrite each other unseen.
func TestUserETags(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	u := s.reader()
	read := b.call(http.MethodGet, "/users/"+u.ID, nil, nil)
	tag := read.Header.Get("ETag")
	if tag == "" {
		t.Fatal("no ETag")
	}
	first := b.call(http.MethodPatch, "/users/"+u.ID, map[string]any{"name": "First"}, nil, "If-Match", tag)
	b.want(first, http.StatusOK)
	for method, change := range map[string]any{http.MethodPatch: map[string]any{"name": "Second"}, http.MethodDelete: nil} {
		b.want(b.call(method, "/users/"+u.ID, change, nil, "If-Match", tag), http.StatusPreconditionFailed)
	}
	b.want(b.call(http.MethodPatch, "/users/"+u.ID, map[string]any{"name": "x"}, nil, "If-Match", "W/x"), http.StatusPreconditionFailed)
	// The same change again changes nothing, and so neither the ETag.
	again := b.call(http.MethodPatch, "/users/"+u.ID, map[string]any{"name": "First"}, nil, "If-Match", first.Header.Get("ETag"))
	b.want(again, http.StatusOK)
	if again.Header.Get("ETag") != first.Header.Get("ETag") {
		t.Error("a change that changes nothing gives another ETag")
	}
	b.want(b.call(http.MethodDelete, "/users/"+u.ID, nil, nil, "If-Match", again.Header.Get("ETag")), http.StatusNoContent)
}

// Cursors are opaque and of one list.
func TestCursors(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	s.reader()
	var users listJSON[userJSON]
	b.call(http.MethodGet, "/users?limit=1", nil, &users)
	for _, bad := range []string{"/sessions?after=" + users.Next, "/users?after=x", "/users?after=YQ", "/audit?after=" + users.Next, "/users?after=" + users.Next + "%3D"} {
		b.want(b.call(http.MethodGet, bad, nil, nil), http.StatusBadRequest)
	}
}

// R37: a token does what its scopes say.
func TestTokenScopes(t *testing.T) {
	s := newStage(t)
	admin := s.admin()
	token := func(scopes ...string) string {
		var made struct {
			Secret string   `json:"secret"`
			Scopes []string `json:"scopes"`
		}
		admin.want(admin.call(http.MethodPost, "/tokens", map[string]any{"name": "t", "scopes": scopes}, &made), http.StatusCreated)
		if len(scopes) > 0 && len(made.Scopes) != len(scopes) {
			t.Errorf("scopes %v", made.Scopes)
		}
		return made.Secret
	}
	admin.want(admin.call(http.MethodPost, "/tokens", map[string]any{"name": "t", "scopes": []string{"root"}}, nil), http.StatusBadRequest)
	for name, test := range map[string]struct {
		secret    string
		get, post int
		images    bool
	}{
		"all":        {token(), 200, 400, true},
		"images":     {token("images"), 403, 403, true},
		"admin:read": {token("admin:read"), 200, 403, false},
		"admin":      {token("admin"), 200, 400, false},
		"both":       {token("images", "admin:read"), 200, 403, true},
	} {
		t.Run(name, func(t *testing.T) {
			bearer := []string{"Authorization", "Bearer " + test.secret}
			admin.want(admin.do(http.MethodGet, api+"/users", "", "", bearer...), test.get)
			admin.want(admin.do(http.MethodPost, api+"/users", "application/json", `{}`, bearer...), test.post)
			if got := s.knows(session.KindPersonal, session.HashOf(test.secret)); got != test.images {
				t.Errorf("opens images: %t", got)
			}
		})
	}
}
