package tessera_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tessera-iiif/tessera/"

type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string
	CgoFiles   []string
}

// rule forbids imports. A rule whose from matches no package fails: it guards nothing.
type rule struct {
	from   string   // path in the module, "/..." for a tree
	only   []string // of the module, nothing but these ("" none); nil: anything but never
	never  []string // forbidden prefixes
	reason string
}

var rules = []rule{
	{from: "pkg/...", only: []string{"pkg/..."}, never: []string{"nonstandard"}, reason: "pkg is for others to import: standard library only"},
	{from: "internal/tile", only: []string{"pkg/..."}, reason: "the shared vocabulary depends on nothing that could depend on it"},
	{from: "internal/flight", only: []string{"pkg/...", "internal/tile", "internal/ops", "internal/config"}, reason: "building blocks don't know one another"},
	{from: "internal/bus/...", only: []string{"pkg/...", "internal/tile", "internal/session", "internal/ops", "internal/config", "internal/bus/..."}, reason: "building blocks don't know one another"},
	{from: "internal/store/...", only: []string{"pkg/...", "internal/tile", "internal/flight", "internal/store/...", "internal/ops", "internal/config"}, reason: "building blocks don't know one another"},
	{from: "internal/jp2", only: []string{"pkg/...", "internal/tile", "internal/ops", "internal/config"}, reason: "building blocks don't know one another"},
	{from: "internal/iiif", only: []string{"pkg/...", "internal/tile", "internal/ops", "internal/config"}, reason: "building blocks don't know one another"},
	{from: "internal/session", only: []string{"pkg/...", "internal/tile", "internal/flight", "internal/ops", "internal/config"}, reason: "building blocks don't know one another"},
	{from: "internal/claims", only: []string{}, never: []string{"nonstandard"}, reason: "what claims mean depends on nothing but what they say"},
	{from: "internal/jwks", only: []string{}, reason: "what keys are sound depends on nothing but the keys"},
	{from: "internal/oidctoken", only: []string{"internal/claims", "internal/jwks"}, reason: "building blocks don't know one another"},
	{from: "internal/catalogue", only: []string{}, reason: "what is said depends on nobody who says it"},
	{from: "internal/look", only: []string{}, reason: "how pages look depends on none of them"},
	{from: "internal/egress", only: []string{}, reason: "what guards the way out depends on nothing it could be talked into"},
	{from: "edge/...", never: []string{module + "worker", module + "coordinator", module + "internal/store"}, reason: "roles talk over the bus; an edge holds no bucket credentials"},
	{from: "worker/...", never: []string{module + "edge", module + "coordinator"}, reason: "roles talk over the bus"},
	{from: "coordinator/...", never: []string{module + "edge", module + "worker"}, reason: "roles talk over the bus"},
}

// sole lists what only one tree may import.
var sole = []struct{ imports, by, reason string }{
	{"github.com/nats-io/", "internal/bus", "the wire is one package's business"},
	{"github.com/davidbyttow/govips", "worker/decode", "untrusted bytes meet C in the decoder child alone"},
	{"golang.org/x/oauth2", "coordinator/oidc", "codes and refresh tokens are one package's business"},
	{module + "worker/decode", "cmd/tessera-decoder", "the server itself is built without cgo"},
	{"database/sql", "coordinator/db", "one place knows the schema"},
	{"modernc.org/sqlite", "coordinator/db", "one place knows the schema"},
	{"github.com/minio/minio-go", "internal/store/s3", "one place knows the ways of object storage"},
	{"github.com/jackc/pgx", "coordinator/db", "one place knows the schema"},
}

func TestDependencies(t *testing.T) {
	packages := load(t)
	for _, r := range rules {
		matched := false
		for _, p := range packages {
			if within(p.ImportPath, r.from) {
				matched = true
				r.check(t, p)
			}
		}
		if !matched {
			t.Errorf("the rule for %s matches no package", r.from)
		}
	}
	for _, p := range packages {
		for _, s := range sole {
			for _, i := range p.Imports {
				if hasPath(i, s.imports) && !within(p.ImportPath, s.by+"/...") {
					t.Errorf("%s imports %s, which only %s may: %s", p.ImportPath, i, s.by, s.reason)
				}
			}
		}
		if len(p.CgoFiles) > 0 && !within(p.ImportPath, "worker/decode/...") {
			t.Errorf("%s uses cgo; only worker/decode may", p.ImportPath)
		}
	}
}

func (r rule) check(t *testing.T, p pkg) {
	t.Helper()
	for _, i := range p.Imports {
		ours := strings.HasPrefix(i, module)
		if ours && r.only != nil && !slices.ContainsFunc(r.only, func(o string) bool { return within(i, o) }) {
			t.Errorf("%s imports %s: %s", p.ImportPath, i, r.reason)
		}
		for _, n := range r.never {
			if hasPath(i, n) || n == "nonstandard" && !ours && strings.Contains(strings.Split(i, "/")[0], ".") {
				t.Errorf("%s imports %s: %s", p.ImportPath, i, r.reason)
			}
		}
	}
}

func within(path, pattern string) bool {
	path = strings.TrimPrefix(path, module)
	tree, isTree := strings.CutSuffix(pattern, "/...")
	return path == tree || isTree && strings.HasPrefix(path, tree+"/")
}

func hasPath(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/") || strings.HasSuffix(prefix, "/") && strings.HasPrefix(path, prefix)
}

func load(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Standard,Imports,CgoFiles", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
