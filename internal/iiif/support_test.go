package iiif

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares bytes with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("%s differs\n got: %s\nwant: %s", name, got, want)
	}
}

func en(sentence string) Text { return Text{"en": sentence} }

// node is a parsed JSON object; its methods fail the test where a shape is wrong.
type node struct {
	t *testing.T
	m map[string]any
}

func parse(t *testing.T, doc []byte) node {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(doc, &m); err != nil {
		t.Fatalf("no JSON object: %v\n%s", err, doc)
	}
	return node{t, m}
}

func (n node) has(key string) bool {
	_, ok := n.m[key]
	return ok
}

func (n node) text(key string) string {
	n.t.Helper()
	s, ok := n.m[key].(string)
	if !ok {
		n.t.Fatalf("%q is no string: %v", key, n.m[key])
	}
	return s
}

func (n node) number(key string) int {
	n.t.Helper()
	f, ok := n.m[key].(float64)
	if !ok || f != float64(int(f)) {
		n.t.Fatalf("%q is no integer: %v", key, n.m[key])
	}
	return int(f)
}

func (n node) list(key string) []any {
	n.t.Helper()
	l, ok := n.m[key].([]any)
	if !ok {
		n.t.Fatalf("%q is no list: %v", key, n.m[key])
	}
	return l
}

func (n node) texts(key string) []string {
	n.t.Helper()
	var all []string
	for _, v := range n.list(key) {
		s, ok := v.(string)
		if !ok {
			n.t.Fatalf("%q holds more than strings: %v", key, n.m[key])
		}
		all = append(all, s)
	}
	return all
}

func (n node) nodes(key string) []node {
	n.t.Helper()
	var all []node
	for _, v := range n.list(key) {
		m, ok := v.(map[string]any)
		if !ok {
			n.t.Fatalf("%q holds more than objects: %v", key, n.m[key])
		}
		all = append(all, node{n.t, m})
	}
	return all
}

// words reads a language map and wants the language in it.
func (n node) words(key, language string) string {
	n.t.Helper()
	m, ok := n.m[key].(map[string]any)
	if !ok {
		n.t.Fatalf("%q is no language map: %v", key, n.m[key])
	}
	l, ok := m[language].([]any)
	if !ok || len(l) == 0 {
		n.t.Fatalf("%q has no list of %q: %v", key, language, m)
	}
	return l[0].(string)
}

// must fails the test unless ok; id is the row of the conformance list.
func must(t *testing.T, ok bool, id, format string, args ...any) {
	t.Helper()
	if !ok {
		t.Errorf(id+": "+format, args...)
	}
}
