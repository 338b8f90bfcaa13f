package catalogue_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/catalogue"
)

var (
	inTemplates = regexp.MustCompile(`\(?\bt \(?(?:print )?"([a-z0-9.-]+)"`)
	inCode      = regexp.MustCompile(`(?:\.Text|\.Each|say\.Has)\("([a-zA-Z0-9.-]+)"`)
	inText      = regexp.MustCompile(`text\(r, "([a-z0-9.-]+)"\)`)
	returned    = regexp.MustCompile(`return "((?:done)\.[a-z.]+)"`)
	codes       = regexp.MustCompile(`(?:Code: |invalid\("[a-z]*", |notFound\(err, |problem\(w, r, [^,]+, |writeProblem\(w, [^,]+, )"([a-z-]+)"`)
)

// prefixes are of keys that are put together while the program runs.
var prefixes = []string{
	"did.", "access.", "error.title.", "rules.fallback.", "token.", "menu.", "event.", "outcome.", "secret.title.", "secret.lead.",
	"overview.kind.", "overview.none.", "preview.reader.", "service.", "scope.", "problem.provider-", "state.", "card.", "date.", "iiif.",
	"providers.state.", "providers.fact.", "providers.sign-up.", "providers.edge.",
}

// sources gives every template and Go file that says something, but the tests.
func sources(t *testing.T) (templates, code string) {
	t.Helper()
	for _, root := range []string{"../../coordinator", "../../edge", "../look", "."} {
		err := fs.WalkDir(os.DirFS(root), ".", func(path string, _ fs.DirEntry, err error) error {
			if err != nil || strings.HasSuffix(path, "_test.go") {
				return err
			}
			ext := filepath.Ext(path)
			if ext != ".html" && ext != ".go" {
				return nil
			}
			text, err := os.ReadFile(filepath.Join(root, path))
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
	}
	return templates, code
}

func TestEveryKeyHasASentence(t *testing.T) {
	templates, code := sources(t)
	used, english := map[string]bool{}, catalogue.Bundled().Default()
	for pattern, text := range map[*regexp.Regexp]string{inTemplates: templates, inCode: code, inText: code, returned: code} {
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
		if !english.Has(key) && !slices.Contains(prefixes, key) && key != "problem." {
			t.Errorf("no sentence for %s", key)
		}
	}
	for _, key := range english.Keys() {
		built := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
		if !used[key] && !built {
			t.Errorf("nobody says %s", key)
		}
	}
}

// literal is a word between the tags of a page.
var literal = regexp.MustCompile(`>[^<{]*[A-Za-z]{3,}[^<{]*[<{]|(?:aria-label|title|placeholder|alt)="[^"{]*[a-z]{3,}`)

// Every word that people read comes from the catalogue, none from a template.
func TestTemplatesHaveNoWordsOfTheirOwn(t *testing.T) {
	templates, _ := sources(t)
	templates = regexp.MustCompile(`(?s)<script[^>]*>.*?</script>|<code>.*?</code>|\{\{.*?\}\}`).ReplaceAllString(templates, "")
	for _, found := range literal.FindAllString(templates, -1) {
		if strings.Contains(found, "info.json") || strings.Contains(found, "maps") || strings.Contains(found, "example.org") || strings.Contains(found, "Tessera") {
			continue // names, alike in every language
		}
		t.Errorf("a template says %q", found)
	}
}

func TestSentences(t *testing.T) {
	for _, say := range catalogue.Bundled().All() {
		for _, key := range say.Keys() {
			text := say.Text(key)
			if text == "" || text != strings.TrimSpace(text) || strings.ContainsAny(text, "!<>") || strings.Contains(text, "  ") {
				t.Errorf("%s: %s: %q", say.Tag(), key, text)
			}
			if strings.HasPrefix(key, "problem.") && !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "%s") {
				t.Errorf("%s: %s is no sentence: %q", say.Tag(), key, text)
			}
		}
	}
}

func TestText(t *testing.T) {
	say := catalogue.Bundled().Default()
	if got := say.Text("user.title", "a@b"); got != "Edit a@b" {
		t.Errorf("filled in: %q", got)
	}
	if got := say.Text("no such key"); got != "no such key" || say.Has("no such key") {
		t.Errorf("missing: %q", got)
	}
	if got := say.Text("cancel", "never asked for"); got != "Cancel" {
		t.Errorf("filled in where there is nothing to fill: %q", got)
	}
	if catalogue.From(t.Context()).Tag() != "en" {
		t.Error("what is done for nobody is not said in English")
	}
}

func TestDates(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 5, 0, 0, time.FixedZone("", 3600))
	for _, say := range catalogue.Bundled().Whole() {
		want := map[string][2]string{
			"en": {"1 March 2026, 08:05 UTC", "1\u00a0Mar\u00a02026, 08:05"},
			"de": {"1. März 2026, 08:05 UTC", "1.\u00a0März\u00a02026, 08:05"},
		}[say.Tag()]
		if say.When(at) != want[0] || say.Brief(at) != want[1] {
			t.Errorf("%s: %q, %q", say.Tag(), say.When(at), say.Brief(at))
		}
	}
}
