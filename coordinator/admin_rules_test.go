package coordinator_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const editor = "/auth/admin/rules/edit"

var ruleNames = regexp.MustCompile(`name="name" value="([^"]*)"`)

func namesOn(page string) string {
	var names []string
	for _, found := range ruleNames.FindAllStringSubmatch(page, -1) {
		names = append(names, found[1])
	}
	return strings.Join(names, " ")
}

// rulesForm is the form of rules as a page sends it, each open to everybody.
func rulesForm(revision int64, do string, names ...string) url.Values {
	form := url.Values{"revision": {fmt.Sprint(revision)}, "do": {do}}
	for _, name := range names {
		form.Add("name", name)
		form.Add("images", name+"/**\r\n\r\n "+name)
		form.Add("access", "open")
		for _, field := range []string{"groups", "rest", "collections", "networks", "from", "until", "terms", "scale", "side", "viewonly", "service"} {
			form.Add(field, "")
		}
	}
	return form
}

func TestRulesByForm(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	says(t, b.want(b.get("/auth/admin/rules"), 200), "There are no rules yet.")
	says(t, b.follow(b.post(editor, rulesForm(0, "save", "a", "b", "c"))), "The rules are in force.", "a/**", "All others")
	revision := s.revision()
	var saved rulesJSON
	b.call(http.MethodGet, "/rules", nil, &saved)
	if got := fmt.Sprint(saved.Items[0]["images"]); got != "[a/** a]" {
		t.Errorf("patterns %s", got)
	}
	for do, want := range map[string]string{
		"up:1": "b a c", "down:1": "a c b", "remove:0": "b c", "add": "a b c Rule 4", "preview": "a b c",
	} {
		page := b.want(b.post(editor, rulesForm(revision, do, "a", "b", "c")), http.StatusOK)
		if namesOn(page) != want || !strings.Contains(page, "Nothing is in force until") {
			t.Errorf("%s shows %q", do, namesOn(page))
		}
	}
	for _, do := range []string{"", "up:0", "down:2", "remove:3", "remove:-1", "up:x", "drop:1"} {
		b.want(b.post(editor, rulesForm(revision, do, "a", "b", "c")), http.StatusBadRequest)
	}
	if s.revision() != revision {
		t.Error("a draft is in force")
	}
	b.follow(b.post(editor, rulesForm(revision, "save", "z")))
	page := b.want(b.post(editor, rulesForm(revision, "save", "late")), http.StatusPreconditionFailed)
	if !strings.Contains(page, "Somebody else changed the rules") || namesOn(page) != "late" {
		t.Error("the second administrator loses her draft, or is not told")
	}
	page = b.want(b.get("/auth/admin/rules?q=Z%2F"), 200)
	says(t, page, "z/**")
	says(t, b.want(b.get("/auth/admin/rules?q=late"), 200), "No rule mentions “late”.")
}

// Each fault stands beside the field that is to blame, and nothing is in force.
func TestFaultsStandAtTheirFields(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	for name, row := range map[string]struct{ field, value, at, says string }{
		"pattern":     {"images", "a/***", "images", "Pattern"},
		"no images":   {"images", "", "images", "It names no images"},
		"groups":      {"groups", "staff", "groups", "pays no attention to groups"},
		"access":      {"access", "all", "access", "is unknown"},
		"no groups":   {"access", "groups", "groups", "names none"},
		"networks":    {"access", "networks", "networks", "names none"},
		"network":     {"networks", "nowhere", "networks", "pays no attention to networks"},
		"moment":      {"from", "soon", "from", "This is no moment."},
		"instant":     {"until", "1900-01-01T00:00", "until", "is not between"},
		"terms":       {"terms", "donor", "terms", "There are no terms"},
		"collection":  {"collections", "maps", "collections", "There is no collection"},
		"number":      {"scale", "many", "scale", "This is no number."},
		"tier":        {"scale", "8", "scale", "nobody needs the smaller image"},
		"view only":   {"viewonly", "yes", "viewonly", "iewOnly is for readers"},
		"service":     {"service", "kiosk", "service", "A service can be chosen"},
		"long name":   {"name", strings.Repeat("x", 2000), "name", "This name is too long."},
		"definitions": {"", `{"networks":[{"name":"Room"}]}`, "definitions", "does not do"},
		"no JSON":     {"", "{\n{", "definitions", "At line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			form := rulesForm(0, "preview", "good", "bad")
			if row.field == "" {
				form.Set("definitions", row.value)
			} else {
				form[row.field][1] = row.value
			}
			page := b.want(b.post(editor, form), http.StatusBadRequest)
			id := row.at + "-1-fault"
			if row.field == "" {
				id = row.at + "-fault"
			}
			found := regexp.MustCompile(`id="` + id + `">([^<]*)<`).FindStringSubmatch(page)
			if found == nil || !strings.Contains(found[1], row.says) || strings.Count(page, `class="fault"`) != 1 {
				t.Errorf("beside the field stands %q", found)
			}
			form.Set("do", "save")
			b.want(b.post(editor, form), http.StatusBadRequest)
		})
	}
	if got := b.want(b.get("/auth/admin/rules"), 200); !strings.Contains(got, "There are no rules yet.") {
		t.Error("something is in force")
	}
}

func TestRulesAsJSON(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	const path = "/auth/admin/rules/json"
	for name, row := range map[string]struct{ document, says string }{
		"cut off": {"{\n\"items\": [", "At line 2"}, "two": {`{"items":[]} {}`, "something behind the end"},
		"unknown": {`{"items":[{"nome":"x"}]}`, "nome"}, "unsound": {`{"items":[{"name":"x","images":["a"],"access":"all"}]}`, "is unknown"},
	} {
		page := b.want(b.post(path, url.Values{"revision": {"0"}, "do": {"save"}, "document": {row.document}}), http.StatusBadRequest)
		if !strings.Contains(page, `id="document-fault"`) || !strings.Contains(page, row.says) {
			t.Errorf("%s: not said beside the field", name)
		}
	}
	says(t, b.follow(b.post(path, url.Values{"revision": {"0"}, "do": {"save"}, "document": {document}})), "collection donated", "1/8 of the resolution", "1 January 2100")
}

// A draft is tried before it bites: on images below the patterns that change, on those
// that somebody names, for strangers, for who has signed in, and for a chosen reader.
func TestPreview(t *testing.T) {
	var asked []string
	s := newStage(t, func(c *coordinator.Config) {
		c.Images = func(_ context.Context, q tile.Query) (tile.Listing, error) {
			if q.Prefix != "" { // which is how rules without images are found
				asked = append(asked, q.Prefix)
			}
			if q.Prefix == "away/" {
				return tile.Listing{}, tile.Fail(tile.Unavailable, "", nil)
			}
			return tile.Listing{Items: []tile.Entry{{ID: q.Prefix + "one.jp2"}, {ID: q.Prefix + "two"}}}, nil
		}
	})
	s.reader("staff")
	b := s.admin()
	b.follow(b.post(editor, rulesForm(0, "save", "maps", "plans")))
	revision := s.revision()
	try := func(change func(url.Values)) string {
		t.Helper()
		form := rulesForm(revision, "preview", "maps", "plans")
		change(form)
		return b.want(b.post(editor, form), http.StatusOK)
	}
	says(t, try(func(url.Values) {}), "Nothing: this is what is in force.")
	asked = nil
	page := try(func(f url.Values) {
		f["access"][1], f["groups"][1] = "groups", "staff"
		f.Set("reader", readerEmail)
		f.Set("samples", "plans/named\nmaps/other")
	})
	says(t, page, "For 4 of 5 images", "plans/one", "plans/two", "plans/named", "Not signed in", readerEmail, "Has to sign in", "as before", "Put in force")
	if strings.Contains(page, ">maps/other<") || fmt.Sprint(asked) != "[plans/]" {
		t.Errorf("asked for %v", asked)
	}
	says(t, try(func(f url.Values) { f["images"][1] = "away/**" }), "Images could not be listed")
	says(t, try(func(f url.Values) { f["images"][1] = "maps/1890" }), "It never decides", "Look again")
	form := rulesForm(revision, "preview", "maps")
	form.Set("reader", "nobody@example.org")
	says(t, b.want(b.post(editor, form), http.StatusNotFound), "no such user")
	if s.revision() != revision {
		t.Error("a preview is in force")
	}
}

// Of more rules than a form can hold people see pages, and edit JSON.
func TestManyRules(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	var items []any
	for i := range 450 {
		items = append(items, map[string]any{"name": fmt.Sprintf("n%03d", i), "images": []string{fmt.Sprintf("f%03d/**", i)}, "access": "open"})
	}
	b.want(b.call(http.MethodPut, "/rules", map[string]any{"items": items}, nil), http.StatusOK)
	page := b.want(b.get("/auth/admin/rules"), 200)
	says(t, page, "n000", "n199", "Edit as JSON")
	if strings.Contains(page, "n200") || strings.Contains(page, editor) {
		t.Error("the page is too long, or offers a form that is")
	}
	page = b.want(b.get(nextOf(t, b.want(b.get(nextOf(t, page)), 200))), 200)
	says(t, page, "n400", "n449", "First page")
	if got := b.get(editor).Header.Get("Location"); got != "/auth/admin/rules/json" {
		t.Errorf("the form leads to %q", got)
	}
	b.want(b.post(editor, rulesForm(0, "add", make([]string, 201)...)), http.StatusBadRequest)
}
