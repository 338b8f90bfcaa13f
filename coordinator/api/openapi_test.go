package api

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// The description and the routes are the same list.
func TestDescription(t *testing.T) {
	var doc struct {
		OpenAPI string                                `json:"openapi"`
		Servers []struct{ URL string }                `json:"servers"`
		Paths   map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(description, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || len(doc.Servers) != 1 || doc.Servers[0].URL != Prefix {
		t.Errorf("OpenAPI %s at %v", doc.OpenAPI, doc.Servers)
	}
	var described, routed []string
	for path, item := range doc.Paths {
		for method := range item {
			if method != "parameters" {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	for pattern := range (&server{}).calls() {
		routed = append(routed, pattern)
	}
	slices.Sort(described)
	slices.Sort(routed)
	if !slices.Equal(described, routed) {
		t.Errorf("described %v\nrouted    %v", described, routed)
	}
}

// Every reference leads somewhere.
func TestReferences(t *testing.T) {
	var doc any
	if err := json.Unmarshal(description, &doc); err != nil {
		t.Fatal(err)
	}
	found := 0
	walk(doc, func(ref string) {
		found++
		node := doc
		for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			object, ok := node.(map[string]any)
			if !ok || object[step] == nil {
				t.Errorf("%s leads nowhere", ref)
				return
			}
			node = object[step]
		}
	})
	if found == 0 {
		t.Error("there are no references")
	}
}

func walk(node any, visit func(ref string)) {
	switch node := node.(type) {
	case map[string]any:
		if ref, ok := node["$ref"].(string); ok {
			visit(ref)
		}
		for _, child := range node {
			walk(child, visit)
		}
	case []any:
		for _, child := range node {
			walk(child, visit)
		}
	}
}
