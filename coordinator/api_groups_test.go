package coordinator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/session"
)

type groupJSON struct {
	Name    string `json:"name"`
	Members int    `json:"members"`
}

func TestGroupsByAPI(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	u := s.reader("staff", "maps/2nd floor")
	var groups listJSON[groupJSON]
	b.call(http.MethodGet, "/groups", nil, &groups)
	if len(groups.Items) != 2 || groups.Items[0] != (groupJSON{"maps/2nd floor", 1}) {
		t.Errorf("groups %+v", groups)
	}
	b.call(http.MethodGet, "/groups?q=FLOOR", nil, &groups)
	if len(groups.Items) != 1 {
		t.Errorf("found %+v", groups)
	}
	escaped := "/groups/" + url.PathEscape("maps/2nd floor")
	var members listJSON[userJSON]
	b.call(http.MethodGet, escaped+"/members", nil, &members)
	if len(members.Items) != 1 || members.Items[0].ID != u.ID {
		t.Errorf("members %+v", members)
	}
	for range 2 { // PUT and DELETE may be repeated
		b.want(b.call(http.MethodPut, "/groups/curators/members/"+u.ID, nil, nil), http.StatusNoContent)
	}
	b.call(http.MethodGet, "/users/"+u.ID, nil, &u)
	if strings.Join(u.Groups, ",") != "curators,maps/2nd floor,staff" {
		t.Errorf("groups of the user %v", u.Groups)
	}
	for range 2 {
		b.want(b.call(http.MethodDelete, "/groups/curators/members/"+u.ID, nil, nil), http.StatusNoContent)
		b.want(b.call(http.MethodDelete, escaped, nil, nil), http.StatusNoContent)
	}
	b.want(b.call(http.MethodGet, escaped, nil, nil), http.StatusNotFound)
	b.want(b.call(http.MethodPut, "/groups/a,b/members/"+u.ID, nil, nil), http.StatusBadRequest)
	b.want(b.call(http.MethodPut, "/groups/x/members/nobody", nil, nil), http.StatusNotFound)
	b.call(http.MethodGet, "/users/"+u.ID, nil, &u)
	if strings.Join(u.Groups, ",") != "staff" {
		t.Errorf("groups left %v", u.Groups)
	}
}

// A group that is renamed opens what it opened, and nothing more.
func TestGroupRenamed(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	s.reader("staff", "other")
	reader := s.browser()
	hash := reader.mustLogin(readerEmail, readerSecret)
	b.want(b.call(http.MethodPut, "/rules", map[string]any{"items": []map[string]any{
		{"name": "maps", "images": []string{"maps/**"}, "access": "groups", "groups": []string{"staff"}},
		{"name": "books", "images": []string{"books/**"}, "access": "groups", "groups": []string{"guests"}},
	}}, nil), http.StatusOK)
	since := s.revision()
	for _, taken := range []string{"other", "guests"} {
		b.want(b.call(http.MethodPatch, "/groups/staff", map[string]any{"name": taken}, nil), http.StatusConflict)
	}
	b.want(b.call(http.MethodPatch, "/groups/nobody", map[string]any{"name": "new"}, nil), http.StatusNotFound)
	var g groupJSON
	b.want(b.call(http.MethodPatch, "/groups/staff", map[string]any{"name": "Mitarbeiter"}, &g), http.StatusOK)
	if g != (groupJSON{"Mitarbeiter", 1}) {
		t.Errorf("renamed %+v", g)
	}
	if !s.endedSince(since)[hash] {
		t.Error("R23: edges are not told to ask about the member anew")
	}
	var why map[string]any
	b.call(http.MethodGet, "/explain?user="+readerEmail+"&image=maps/1", nil, &why)
	if why["allowed"] != true {
		t.Errorf("the member is shut out: %v", why)
	}
	if !s.knows(session.KindSession, hash) {
		t.Error("the member was signed out")
	}
}
