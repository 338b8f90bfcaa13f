package catalogue_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/catalogue"
)

// D-006, D-013: a language that pages are in has every text, and one that lends its texts
// to documents has all of those.
func TestBundledLanguagesAreWhole(t *testing.T) {
	book := catalogue.Bundled()
	if got := strings.Join(book.Languages(), " "); got != "en de" {
		t.Errorf("pages are in %s", got)
	}
	english := book.Default()
	for _, say := range book.All() {
		for _, key := range english.Keys() {
			if strings.HasPrefix(key, "iiif.") && !say.Has(key) {
				t.Errorf("%s lacks %s", say.Tag(), key)
			}
		}
	}
}

// The bundled languages pass what a site's own texts have to: the keys are those of
// English, and so are the placeholders, each with its place.
func TestBundledLanguagesHaveThePlaceholdersOfEnglish(t *testing.T) {
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tag := strings.TrimSuffix(file, ".json")
		if _, err := catalogue.New(catalogue.Config{Own: []byte(`{"` + tag + `": ` + string(body) + `}`)}); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(string(body)) {
			key, _, found := strings.Cut(strings.TrimSpace(line), `":`)
			if found && seen[key] {
				t.Errorf("%s has %s twice", file, key)
			}
			seen[key] = true
		}
	}
}

func asking(languages string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Language", languages)
	return r
}

func TestLanguageOfTheReader(t *testing.T) {
	german, err := catalogue.New(catalogue.Config{Language: "de"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		book *catalogue.Book
		asks string
		want string
	}{
		{catalogue.Bundled(), "", "en"},
		{catalogue.Bundled(), "de", "de"},
		{catalogue.Bundled(), "de-AT, en;q=0.5", "de"},
		{catalogue.Bundled(), "fr, de;q=0.3", "de"}, // French lends its texts to documents alone
		{catalogue.Bundled(), "fr", "en"},
		{catalogue.Bundled(), "*", "en"},
		{catalogue.Bundled(), strings.Repeat("de-DE-x-", 1000), "en"},
		{catalogue.Bundled(), "\x00;;q=", "en"},
		{german, "", "de"},
		{german, "en-GB", "en"},
		{german, "ja", "de"},
	} {
		if got := c.book.For(asking(c.asks)).Tag(); got != c.want {
			t.Errorf("%.40q gets %s, want %s", c.asks, got, c.want)
		}
	}
}

func TestChoose(t *testing.T) {
	text := map[string]string{"en": "Terms", "fr": "Conditions", "it": "Condizioni"}
	book := catalogue.Bundled()
	for asks, want := range map[string]string{"": "en", "de": "en", "fr-CA": "fr", "de, it;q=0.4": "it"} {
		if got := catalogue.Choose(asking(asks), book.For(asking(asks)), text); got != want {
			t.Errorf("%q gets %s, want %s", asks, got, want)
		}
	}
	if got := catalogue.Choose(asking("de"), book.Default(), nil); got != "en" {
		t.Errorf("nothing at all is in %s", got)
	}
}

// A site says some things otherwise, and adds a language.
func TestOwnTexts(t *testing.T) {
	book, err := catalogue.New(catalogue.Config{Own: []byte(`{
		"en": {"signin.lead": "Members of the society see more.", "signin.by": "Enter with %s"},
		"cy": {"iiif.login.label": "Mewngofnodi i %s"}
	}`)})
	if err != nil {
		t.Fatal(err)
	}
	say := book.Default()
	if got := say.Text("signin.lead") + say.Text("signin.by", "Shibboleth") + say.Text("cancel"); got != "Members of the society see more.Enter with ShibbolethCancel" {
		t.Errorf("got %q", got)
	}
	if labels := book.Each("iiif.login.label", "us"); labels["cy"] != "Mewngofnodi i us" || labels["fr"] != "Se connecter : us" || len(labels) != 4 {
		t.Errorf("labels %v", labels)
	}
	if slices.Contains(book.Languages(), "cy") {
		t.Error("pages are in a language that lacks nearly all")
	}
	if got := catalogue.Bundled().Default().Text("signin.lead"); got == say.Text("signin.lead") {
		t.Error("one site's texts are another's")
	}
}

// A whole language of a site's own is one that pages are in.
func TestOwnLanguage(t *testing.T) {
	body, err := os.ReadFile("en.json")
	if err != nil {
		t.Fatal(err)
	}
	book, err := catalogue.New(catalogue.Config{Language: "en-AU", Own: []byte(`{"en-AU": ` + string(body) + `}`)})
	if err != nil {
		t.Fatal(err)
	}
	if got := book.For(asking("")).Tag(); got != "en-AU" {
		t.Errorf("got %s", got)
	}
}

func TestOwnTextsRefused(t *testing.T) {
	for own, says := range map[string]string{
		`{"de": {"signin.lede": "x"}}`:                            `de: there is no text called "signin.lede"; did you mean "signin.lead"?`,
		`{"de": {"signin.by": "Anmelden"}}`:                       `de: the text "signin.by" has the placeholders none and needs %s (number 1), as in "Sign in with %s"`,
		`{"de": {"signin.by": "%s mit %s"}}`:                      `%s (number 1), %s (number 2)`,
		`{"de": {"signin.by": "mit %d"}}`:                         `%d (number 1)`,
		`{"de": {"signin.by": "mit %s zu 9%"}}`:                   `per cent sign`,
		`{"de": {"cancel": " "}}`:                                 `the text "cancel" is empty`,
		`{"de": {"cancel": "a\nb"}}`:                              `line break`,
		`{"de": {"cancel": "` + strings.Repeat("a", 2001) + `"}}`: `longer than 2000 bytes`,
		`{"de": {"cancel": 1}}`:                                   `what stands below "de" is not a JSON object of texts`,
		`{"deutsch!": {"cancel": "x"}}`:                           `"deutsch!" is no language tag`,
		`{"DE": {"cancel": "x"}}`:                                 `"DE" is no language tag`,
		`["de"]`:                                                  `JSON object of languages`,
		``:                                                        `JSON object of languages`,
		strings.Repeat(" ", 1<<20) + `{}`:                         `larger than 1024 KiB`,
		`{"de": {"a": "b", "cancel": ""}}`:                        `the text "cancel" is empty`,
	} {
		_, err := catalogue.New(catalogue.Config{Own: []byte(own)})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60s: %v", own, err)
		}
	}
}

// Placeholders may come in another order, by their numbers.
func TestOwnOrder(t *testing.T) {
	book, err := catalogue.New(catalogue.Config{Own: []byte(`{"en": {"agent.on": "%[2]s, %[1]s"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	if got := book.Default().Text("agent.on", "Firefox", "Linux"); got != "Linux, Firefox" {
		t.Errorf("got %q", got)
	}
}

func TestDefaultLanguageRefused(t *testing.T) {
	for tag, says := range map[string]string{
		"fr": "the first is access.deny",
		"xx": `there are no texts in "xx"; write de or en`,
	} {
		_, err := catalogue.New(catalogue.Config{Language: tag})
		var unfit *catalogue.LanguageError
		if !errors.As(err, &unfit) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", tag, err)
		}
	}
}

func FuzzOwn(f *testing.F) {
	f.Add([]byte(`{"de": {"signin.by": "%[1]s"}}`))
	f.Add([]byte(`{"de": {"signin.by": "%!"}}`))
	f.Fuzz(func(t *testing.T, own []byte) {
		book, err := catalogue.New(catalogue.Config{Own: own})
		if err != nil {
			return
		}
		for language, text := range book.Each("signin.by", "NAME") {
			if !strings.Contains(text, "NAME") || strings.Contains(text, "%!") {
				t.Errorf("%s: %q", language, text)
			}
		}
	})
}
