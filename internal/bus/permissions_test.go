package bus

import (
	"slices"
	"strings"
	"testing"
)

// TestRightsHaveNoPlaceholders: a placeholder left in would be a subject that somebody
// could choose.
func TestRightsHaveNoPlaceholders(t *testing.T) {
	for _, role := range Roles() {
		r := role.Rights("u1", "a.b")
		p := r.permissions()
		if p.Response != nil {
			t.Errorf("%s has allow_responses", role)
		}
		for _, s := range []*struct{ allow, deny []string }{
			{p.Publish.Allow, p.Publish.Deny}, {p.Subscribe.Allow, p.Subscribe.Deny},
		} {
			if len(s.allow) == 0 && !slices.Equal(s.deny, []string{">"}) {
				t.Errorf("%s may do anything: no list allows all", role)
			}
		}
		for _, s := range append(r.Publish, r.Subscribe...) {
			if strings.ContainsAny(s, "{}") || s == ">" {
				t.Errorf("%s: %q", role, s)
			}
		}
	}
	if r := Role("stranger").Rights("u", "e").permissions(); len(r.Publish.Allow)+len(r.Subscribe.Allow) != 0 || len(r.Publish.Deny) != 1 {
		t.Errorf("an unknown role may %+v", r)
	}
}

func TestParseEvents(t *testing.T) {
	for in, want := range map[string]string{"": DefaultEvents, "store.events": "store.events", "x": "x"} {
		if got, err := ParseEvents(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"tessera.revision", ">", "a.*", "a..b", ".", "a b", "a\nb", `a"]`, "$JS.API.INFO", "$SYS.x"} {
		if got, err := ParseEvents(in); err == nil {
			t.Errorf("%q accepted as %q", in, got)
		}
	}
}
