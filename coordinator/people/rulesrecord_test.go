package people_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// told is what entries about rules and items say.
type told struct {
	Part, Parts, Omitted   int
	Before, After, Changed int
	SHA256                 json.RawMessage
	Removed, Added         []authz.Rule
	Definitions            map[string]struct{ From, To json.RawMessage }
	Set                    map[string]json.RawMessage
}

// recorded reads all entries about a target, and checks that they are one chain.
func (h *house) recorded(t *testing.T, target string) (all []told) {
	t.Helper()
	if v := h.verdict(t); v.Broken != nil {
		t.Errorf("R64: %v", v.Broken)
	}
	found, _, err := h.Audit(t.Context(), people.AuditQuery{Event: audit.RulesChange, Target: target, Ascending: true, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found {
		if len(e.Details) > 64<<10 {
			t.Errorf("an entry of %d bytes", len(e.Details))
		}
		var one told
		if err := json.Unmarshal(e.Details, &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

func (h *house) setRules(t *testing.T, d authz.Document) {
	t.Helper()
	if _, err := h.ReplaceDocument(t.Context(), people.Actor{UserID: "admin"}, d, people.AnyRevision); err != nil {
		t.Fatal(err)
	}
}

func roomAt(prefix string, terms string) authz.Document {
	d := authz.Document{Items: []authz.Rule{{Name: "room", Images: []string{"maps/**"}, Access: authz.Networks, Networks: []string{"room"}}}}
	d.Networks = []authz.Network{{Name: "room", Addresses: []string{prefix}}}
	d.Terms = []authz.Terms{{Name: "reading", Version: "1", Title: authz.Text{"en": "Terms"}, Text: authz.Text{"en": terms}}}
	return d
}

// R64: a network under an old name may open everything to everybody, so the record says
// what definitions were and are.
func TestDefinitionsOnRecord(t *testing.T) {
	h := newHouse(t)
	before, after := roomAt("192.0.2.0/24", "Be quiet."), roomAt("0.0.0.0/1", strings.Repeat("Be quiet. ", 4000))
	h.setRules(t, before)
	h.setRules(t, after)
	all := h.recorded(t, "rules")
	if len(all) != 2 {
		t.Fatalf("%d entries", len(all))
	}
	was, is := all[1].Definitions["network room"].From, all[1].Definitions["network room"].To
	if !strings.Contains(string(was), "192.0.2.0/24") || !strings.Contains(string(is), "0.0.0.0/1") {
		t.Errorf("R64 a network was %s and is %s", was, is)
	}
	if from := all[0].Definitions["network room"].From; string(from) != "null" {
		t.Errorf("R64 one that is new was %s", from)
	}
	text, err := json.Marshal(after.Terms[0])
	if err != nil {
		t.Fatal(err)
	}
	if to := string(all[1].Definitions["terms reading"].To); !strings.Contains(to, audit.DigestOf(text).String()) {
		t.Errorf("R64 long terms are %s", to)
	}
	var digests map[string]string
	whole, err := json.Marshal(after)
	if err != nil || json.Unmarshal(all[1].SHA256, &digests) != nil || digests["to"] != audit.DigestOf(whole).String() {
		t.Errorf("R64 the document is %v, %v", digests, err)
	}
	if len(all[1].Removed)+len(all[1].Added) != 0 {
		t.Error("rules that stayed are told")
	}
}

// R64: whoever changes many things at once hides none of them.
func TestManyChangesOnRecord(t *testing.T) {
	h := newHouse(t)
	var d authz.Document
	for i := range 1000 {
		d.Items = append(d.Items, authz.Rule{Images: []string{fmt.Sprintf("maps/%d/**", i)}, Access: authz.Open})
	}
	h.setRules(t, d)
	h.setRules(t, authz.Document{})
	added, removed := map[string]bool{}, map[string]bool{}
	for _, e := range h.recorded(t, "rules") {
		for _, r := range e.Added {
			added[r.Images[0]] = true
		}
		for _, r := range e.Removed {
			removed[r.Images[0]] = true
		}
		if e.Omitted != 0 {
			t.Errorf("R64 omitted: %d", e.Omitted)
		}
	}
	if len(added) != 1000 || len(removed) != 1000 {
		t.Errorf("R64 %d added and %d removed are on record", len(added), len(removed))
	}
	var items []people.Item
	for i := range 2500 {
		items = append(items, people.Item{Image: fmt.Sprintf("maps/%d", i), Setting: setting(authz.Open)})
	}
	h.setItems(t, items...)
	set := map[string]json.RawMessage{}
	all := h.recorded(t, "items")
	for i, e := range all {
		maps.Copy(set, e.Set)
		if e.Part != i+1 || e.Parts != len(all) || e.Omitted != 0 {
			t.Errorf("R64 part %d of %d, %d omitted", e.Part, e.Parts, e.Omitted)
		}
	}
	whole, err := json.Marshal(set)
	if err != nil || len(set) != len(items) || string(all[0].SHA256) != `"`+audit.DigestOf(whole).String()+`"` {
		t.Errorf("R64 %d items are on record, %v", len(set), err)
	}
}

// What goes on record is bounded, and says so.
func TestRecordIsBounded(t *testing.T) {
	h := newHouse(t)
	var items []people.Item
	const many = 500
	for i := range many {
		items = append(items, people.Item{Image: strings.Repeat("<", 995) + fmt.Sprintf("%05d", i), Setting: setting(authz.Deny)})
	}
	h.setItems(t, items...)
	all := h.recorded(t, "items")
	said := 0
	for _, e := range all {
		said += len(e.Set)
	}
	last := all[len(all)-1]
	if len(all) != 64 || last.Omitted != many-said || all[0].Changed != many {
		t.Errorf("%d entries say %d items, omitted %d", len(all), said, last.Omitted)
	}
}
