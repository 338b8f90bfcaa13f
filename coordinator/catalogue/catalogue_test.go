package catalogue_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator/catalogue"
)

var (
	inTemplates = regexp.MustCompile(`\(?\bt \(?(?:print )?"([a-z0-9.-]+)"`)
	inCode      = regexp.MustCompile(`catalogue\.(?:Text|Has)\("([a-zA-Z0-9.-]+)"`)
	codes       = regexp.MustCompile(`(?:Code: |invalid\("[a-z]*", |notFound\(err, |problem\(w, [^,]+, |writeProblem\(w, [^,]+, )"([a-z-]+)"`)
)

// prefixes are of keys that are put together while the program runs.
var prefixes = []string{
	"did.", "access.", "error.title.", "rules.fallback.", "token.", "menu.", "event.", "outcome.", "secret.title.", "secret.lead.",
	"overview.kind.", "overview.none.", "preview.reader.", "service.", "scope.", "problem.provider-",
	"providers.state.", "providers.fact.", "providers.sign-up.",
}

// sources gives every template and Go file of the coordinator but the tests.
func sources(t *testing.T) (templates, code string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || strings.HasSuffix(path, "_test.go") {
			return err
		}
		ext := filepath.Ext(path)
		if ext != ".html" && ext != ".go" {
			return nil
		}
		text, err := os.ReadFile(filepath.Join("..", path))
		if ext == ".html" {
			templates += string(text)
		} else {
			code += string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return templates, code
}

func TestEveryKeyHasASentence(t *testing.T) {
	templates, code := sources(t)
	used := map[string]bool{}
	for pattern, text := range map[*regexp.Regexp]string{inTemplates: templates, inCode: code} {
		for _, found := range pattern.FindAllStringSubmatch(text, -1) {
			used[found[1]] = true
		}
	}
	for _, found := range codes.FindAllStringSubmatch(code, -1) {
		used["problem."+found[1]] = true
	}
	if len(used) < 100 {
		t.Fatalf("only %d keys are found in the sources", len(used))
	}
	for key := range used {
		if !catalogue.Has(key) && !slices.Contains(prefixes, key) && key != "problem." {
			t.Errorf("no sentence for %s", key)
		}
	}
	for _, key := range catalogue.Keys() {
		built := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
		if !used[key] && !built {
			t.Errorf("nobody says %s", key)
		}
	}
}

func TestSentences(t *testing.T) {
	for _, key := range catalogue.Keys() {
		text := catalogue.Text(key)
		if text == "" || text != strings.TrimSpace(text) || strings.Contains(text, "!") {
			t.Errorf("%s: %q", key, text)
		}
		if strings.HasPrefix(key, "problem.") && !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "%s") {
			t.Errorf("%s is no sentence: %q", key, text)
		}
	}
}

func TestText(t *testing.T) {
	if got := catalogue.Text("user.title", "a@b"); got != "Edit a@b" {
		t.Errorf("filled in: %q", got)
	}
	if got := catalogue.Text("no such key"); got != "no such key" || catalogue.Has("no such key") {
		t.Errorf("missing: %q", got)
	}
}
