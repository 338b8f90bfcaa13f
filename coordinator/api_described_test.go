package coordinator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// What the API answers is what openapi.json says: no field is missing, none is more.
func TestAnswersAreAsDescribed(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	u := s.reader("staff")
	s.browser().mustLogin(readerEmail, readerSecret)
	var doc map[string]any
	b.call(http.MethodGet, "/openapi.json", nil, &doc)
	for _, test := range []struct {
		method, path, like string
		body               any
	}{
		{"GET", "/users", "/users", nil},
		{"POST", "/users", "/users", map[string]any{"email": "x@example.org"}},
		{"GET", "/users/" + u.ID, "/users/{id}", nil},
		{"PATCH", "/users/" + u.ID, "/users/{id}", map[string]any{"name": "R"}},
		{"POST", "/users/" + u.ID + "/sign-in-link", "/users/{id}/sign-in-link", map[string]any{}},
		{"GET", "/users/" + u.ID + "/sign-in-link", "/users/{id}/sign-in-link", nil},
		{"GET", "/groups", "/groups", nil},
		{"GET", "/groups/staff", "/groups/{name}", nil},
		{"PATCH", "/groups/staff", "/groups/{name}", map[string]any{"name": "team"}},
		{"GET", "/groups/team/members", "/groups/{name}/members", nil},
		{"GET", "/rules", "/rules", nil},
		{"PUT", "/rules", "/rules", map[string]any{"items": []map[string]any{{"name": "a", "images": []string{"a"}, "access": "open"}}}},
		{"GET", "/rules?unmatched=yes", "/rules", nil},
		{"POST", "/tokens", "/tokens", map[string]any{"name": "t"}},
		{"GET", "/tokens", "/tokens", nil},
		{"GET", "/sessions", "/sessions", nil},
		{"DELETE", "/sessions?user=" + u.ID, "/sessions", nil},
		{"GET", "/audit", "/audit", nil},
		{"GET", "/audit/verify", "/audit/verify", nil},
		{"GET", "/explain?image=a", "/explain", nil},
		{"GET", "/users/none", "/users/{id}", nil}, // a problem
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			response := b.call(test.method, test.path, test.body, nil)
			var answer any
			if err := json.Unmarshal([]byte(text(t, response)), &answer); err != nil {
				t.Fatal(err)
			}
			d := described{t: t, doc: doc}
			d.conforms("answer", d.schemaOf(test.like, test.method, response), answer)
		})
	}
}

type described struct {
	t   *testing.T
	doc map[string]any
}

func (d described) at(path ...string) map[string]any {
	d.t.Helper()
	node := d.doc
	for _, step := range path {
		next, ok := node[step].(map[string]any)
		if !ok {
			d.t.Fatalf("there is no %s of %v", step, path)
		}
		node = next
	}
	return d.resolve(node)
}

func (d described) resolve(node map[string]any) map[string]any {
	if ref, ok := node["$ref"].(string); ok {
		return d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return node
}

func (d described) schemaOf(path, method string, response *http.Response) map[string]any {
	responses := d.at("paths", path, strings.ToLower(method), "responses")
	kind := fmt.Sprint(response.StatusCode)
	if responses[kind] == nil {
		kind = "default"
	}
	found, _ := responses[kind].(map[string]any)
	content, _ := d.resolve(found)["content"].(map[string]any)
	media, ok := content[response.Header.Get("Content-Type")].(map[string]any)
	if !ok {
		d.t.Fatalf("%d of %s is not described", response.StatusCode, response.Header.Get("Content-Type"))
	}
	schema, _ := media["schema"].(map[string]any)
	return schema
}

func (d described) conforms(where string, schema map[string]any, value any) {
	d.t.Helper()
	schema = d.resolve(schema)
	switch value := value.(type) {
	case map[string]any:
		properties, ok := schema["properties"].(map[string]any)
		if !ok {
			return // an object of any kind
		}
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, there := value[fmt.Sprint(name)]; !there {
				d.t.Errorf("%s: %v is missing", where, name)
			}
		}
		for name, child := range value {
			described, ok := properties[name].(map[string]any)
			if !ok {
				d.t.Errorf("%s: %s is not described", where, name)
				continue
			}
			d.conforms(where+"."+name, described, child)
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for _, child := range value {
			d.conforms(where+"[]", items, child)
		}
	default:
		want := map[string]string{"string": "string", "integer": "float64", "boolean": "bool"}[fmt.Sprint(schema["type"])]
		if got := fmt.Sprintf("%T", value); got != want {
			d.t.Errorf("%s is a %s, described as %v", where, got, schema["type"])
		}
	}
}
