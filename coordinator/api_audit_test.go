package coordinator_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

type entryJSON struct {
	Seq        int64          `json:"seq"`
	Event      string         `json:"event"`
	Actor      string         `json:"actor"`
	ActorEmail string         `json:"actorEmail"`
	Target     string         `json:"target"`
	IP         string         `json:"ip"`
	Request    string         `json:"request"`
	Details    map[string]any `json:"details"`
}

// R64: who did what to whom, from where, in which request.
func TestAuditByAPI(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	b.header.Set("X-Request-Id", "req-1")
	u := s.reader("staff")
	s.browser().login(readerEmail, "wrong")
	s.browser().login("hunter2", "wrong")
	reader := s.browser()
	reader.mustLogin(readerEmail, readerSecret)
	b.call(http.MethodPatch, "/users/"+u.ID, map[string]any{"groups": []string{"staff", "maps"}}, nil)
	b.call(http.MethodPatch, "/users/"+u.ID, map[string]any{"groups": []string{"staff", "maps"}}, nil)
	b.call(http.MethodPatch, "/users/"+u.ID, map[string]any{"name": "Someone"}, nil)
	b.call(http.MethodPut, "/rules", map[string]any{"items": []map[string]any{{"name": "a", "images": []string{"a"}, "access": "open"}}}, nil)
	reader.get("/auth/logout")
	b.call(http.MethodDelete, "/users/"+u.ID, nil, nil)
	var all listJSON[entryJSON]
	b.call(http.MethodGet, "/audit?order=asc", nil, &all)
	var events []string
	for _, e := range all.Items {
		events = append(events, e.Event)
	}
	want := []string{
		"user_created", "authn_login_success", "authn_login_success", "user_created", "authn_login_fail", "authn_login_fail", "authn_login_success",
		"authz_change", "user_updated", "privilege_permissions_changed", "session_expired", "user_deleted",
	}
	if !slices.Equal(events, want) {
		t.Fatalf("events\n%v\nwant\n%v", events, want)
	}
	if e := all.Items[5]; e.Target != "" || len(e.Details) != 0 {
		t.Errorf("a name that is nobody's may be a password: %+v", e)
	}
	change := all.Items[7]
	if change.ActorEmail != adminEmail || change.Target != "user:"+u.ID || change.IP != "192.0.2.7" || change.Request != "req-1" {
		t.Errorf("R64: %+v", change)
	}
	if groups, _ := change.Details["groups"].(map[string]any); groups == nil || len(groups["to"].([]any)) != 2 {
		t.Errorf("details %v", change.Details)
	}
	if added, _ := all.Items[9].Details["added"].([]any); len(added) != 1 {
		t.Errorf("rules: %v", all.Items[9].Details)
	}
	for query, want := range map[string]int{
		"event=authn_*": 5, "event=authn_login_fail": 2, "actor=" + adminEmail: 7, "actor=" + u.ID: 2, "target=rules": 1,
		"q=Reader@Example": 2, "since=2030-01-01T00:00:00Z": 0, "until=2030-01-01T00:00:00Z": 12, "until=2020-01-01T00:00:00%2B01:00": 0,
		"actor=nobody": 0, "event=%25": 0,
	} {
		var found listJSON[entryJSON]
		b.want(b.call(http.MethodGet, "/audit?"+query, nil, &found), http.StatusOK)
		if len(found.Items) != want {
			t.Errorf("%s: %d, want %d", query, len(found.Items), want)
		}
	}
	var seqs []int64
	for after := ""; ; {
		var page listJSON[entryJSON]
		b.call(http.MethodGet, "/audit?limit=4&after="+after, nil, &page)
		for _, e := range page.Items {
			seqs = append(seqs, e.Seq)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if len(seqs) != len(want) || seqs[0] != int64(len(want)) || !slices.IsSortedFunc(seqs, func(a, b int64) int { return int(b - a) }) {
		t.Errorf("pages %v", seqs)
	}
	for _, bad := range []string{"order=up", "since=yesterday", "until=x"} {
		b.want(b.call(http.MethodGet, "/audit?"+bad, nil, nil), http.StatusBadRequest)
	}
	var verdict struct {
		Whole   bool
		Entries int
	}
	b.call(http.MethodGet, "/audit/verify", nil, &verdict)
	if !verdict.Whole || verdict.Entries != len(want) {
		t.Errorf("verdict %+v", verdict)
	}
	if strings.Contains(s.log.String(), "hunter2") {
		t.Error("R34: the log repeats what was typed")
	}
}
