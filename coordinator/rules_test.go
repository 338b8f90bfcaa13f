package coordinator_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// document is rules with everything in them.
const document = `{"items":[
	{"name":"embargo","images":["theses/**"],"access":"deny","until":"2100-01-01T00:00:00Z"},
	{"name":"theses","images":["theses/**"],"access":"open"},
	{"name":"room","images":["microfilm/**"],"access":"groups","groups":["staff"],"networks":["reading-room"],"viewOnly":true,"tier":{"scale":8}},
	{"name":"donor","images":[],"collections":["donated"],"access":"open","terms":"donor"}
],
"collections":[{"name":"donated","images":["gifts/**"]}],
"networks":[{"name":"reading-room","addresses":["192.0.2.0/24"]}],
"terms":[{"name":"donor","version":"1","title":{"en":"Terms of the donor"},"text":{"en":"Cite the donor."}}]}`

func parsed(t *testing.T, text string) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// What is written is what is read again, and what every edge gets.
func TestRulesDocument(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	b.want(b.call(http.MethodPut, "/rules", parsed(t, document), nil), http.StatusOK)
	var got map[string]any
	b.call(http.MethodGet, "/rules", nil, &got)
	for key, want := range parsed(t, document) {
		if !reflect.DeepEqual(got[key], want) {
			t.Errorf("%s: %v, want %v", key, got[key], want)
		}
	}
	rights, err := s.c.Rights(t.Context(), 0)
	if err != nil || len(rights.Definitions.Terms) != 1 || rights.Rules[0].Until.Year() != 2100 {
		t.Errorf("rights %+v, %v", rights, err)
	}
	revision := s.revision()
	b.want(b.call(http.MethodPut, "/rules", parsed(t, document), nil), http.StatusOK)
	if s.revision() != revision {
		t.Error("equal rules are a change")
	}
	// Without its definition a rule cannot stand, and what stood goes on to stand.
	b.want(b.call(http.MethodPut, "/rules", map[string]any{"items": got["items"]}, nil), http.StatusBadRequest)
	if s.revision() != revision {
		t.Error("half a document is in force")
	}
}

// Saving by either editor keeps networks, times, terms and what else there is; what a
// form has no field for is refused where it cannot be understood.
func TestEditorsKeepRules(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	b.want(b.call(http.MethodPut, "/rules", parsed(t, strings.Replace(document, "2100-01-01T00:00:00Z", "2100-01-01T00:00:07Z", 1)), nil), http.StatusOK)
	var before, after map[string]any
	b.call(http.MethodGet, "/rules", nil, &before)
	for _, path := range []string{"/auth/admin/rules/edit", "/auth/admin/rules/json"} {
		form := formOf(t, b.want(b.get(path), http.StatusOK), path)
		form.Set("do", "save")
		b.follow(b.post(path, form))
		b.call(http.MethodGet, "/rules", nil, &after)
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%s: before %v\nafter  %v", path, before, after)
		}
	}
	form := formOf(t, b.want(b.get("/auth/admin/rules/edit"), http.StatusOK), "/auth/admin/rules/edit")
	form["rest"][0] = `{"unknown":1}`
	form.Set("do", "save")
	b.want(b.post("/auth/admin/rules/edit", form), http.StatusBadRequest)
}

func TestRulesWarnings(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	var got struct {
		Warnings []struct {
			Rule int
			Text string
		}
	}
	b.want(b.call(http.MethodPut, "/rules", parsed(t, `{"items":[
		{"name":"all","images":["maps/**"],"access":"open"},
		{"name":"one","images":["maps/1890"],"access":"deny"},
		{"name":"file","images":["books/1.jp2"],"access":"deny"}]}`), &got), http.StatusOK)
	said := map[int]string{}
	for _, w := range got.Warnings {
		said[w.Rule] = w.Text
	}
	if len(said) != 2 || !strings.Contains(said[2], `rule 1 ("all")`) || !strings.Contains(said[3], "Write “books/1”") {
		t.Errorf("warnings %+v", got.Warnings)
	}
}

// R55, R56: every cause has its sentence.
func TestExplainCauses(t *testing.T) {
	s := newStage(t)
	s.reader("staff")
	b := s.admin()
	b.want(b.call(http.MethodPut, "/rules", parsed(t, document), nil), http.StatusOK)
	for _, row := range []struct {
		ask           url.Values
		outcome, says string
	}{
		{url.Values{"image": {"theses/1"}}, "forbidden", "until 1 January 2100, 00:00 UTC"},
		{url.Values{"image": {"theses/1"}, "at": {"2100-01-01T00:00:00Z"}}, "allow", "Everyone may see"},
		{url.Values{"image": {"microfilm/1"}}, "need-login", "smaller image"},
		{url.Values{"image": {"microfilm/1"}, "address": {"192.0.2.9"}}, "allow", "look at the image"},
		{url.Values{"image": {"microfilm/1"}, "user": {readerEmail}}, "allow", "you are one of them"},
		{url.Values{"image": {"gifts/1"}}, "need-terms", "version 1"},
		{url.Values{"image": {"gifts/1.jp2"}, "terms": {"donor@1"}}, "allow", "Everyone may see"},
	} {
		var got struct {
			Outcome, Reason string
			Changes         time.Time
			Matches         []struct {
				Rule    string
				Decides bool
			}
		}
		b.want(b.call(http.MethodGet, "/explain?"+row.ask.Encode(), nil, &got), http.StatusOK)
		if got.Outcome != row.outcome || !strings.Contains(got.Reason, row.says) || len(got.Matches) == 0 {
			t.Errorf("%v: %+v, want %s and %q", row.ask, got, row.outcome, row.says)
		}
	}
	for _, bad := range []url.Values{{"image": {"a"}, "address": {"here"}}, {"image": {"a"}, "at": {"tomorrow"}}} {
		b.want(b.call(http.MethodGet, "/explain?"+bad.Encode(), nil, nil), http.StatusBadRequest)
	}
}

// formOf is what a browser would send of the form of rules on a page.
func formOf(t *testing.T, page, action string) url.Values {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" && attribute(n, "action") == action {
			fill(form, n)
		}
	}
	return form
}

func fill(form url.Values, node *html.Node) {
	for n := range node.Descendants() {
		name := attribute(n, "name")
		switch {
		case n.Data == "input":
			form.Add(name, attribute(n, "value"))
		case n.Data == "textarea" && n.FirstChild != nil:
			form.Add(name, n.FirstChild.Data)
		case n.Data == "textarea":
			form.Add(name, "")
		case n.Data == "select":
			form.Add(name, chosen(n))
		}
	}
}

// chosen is what a browser sends for a menu: the first choice where none is marked.
func chosen(menu *html.Node) string {
	var options []*html.Node
	for n := range menu.Descendants() {
		if n.Data == "option" && has(n, "selected") {
			return attribute(n, "value")
		}
		if n.Data == "option" {
			options = append(options, n)
		}
	}
	return attribute(options[0], "value")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}
