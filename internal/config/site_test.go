package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What a site brings along is refused before anything starts, in a sentence that names
// the setting.
func TestSiteRefused(t *testing.T) {
	drawn := writeFile(t, "logo.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>`)
	script := writeFile(t, "logo.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><script/></svg>`)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--site-accent", "#ffcc00"}, "--site-accent: #ffcc00 has a contrast of 1.38 to 1 on the ground of light pages"},
		{[]string{"--site-accent-dark", "#1f4e8c"}, "--site-accent-dark: #1f4e8c has a contrast of"},
		{[]string{"--site-accent", "blue"}, `--site-accent: "blue" is no colour`},
		{[]string{"--site-logo", script}, "--site-logo: the file " + script + " has a script in it"},
		{[]string{"--site-logo", "/nonexistent/logo.png"}, "--site-logo: the file /nonexistent/logo.png cannot be read"},
		{[]string{"--site-logo-dark", drawn}, "--site-logo-dark stands in for --site-logo"},
		{[]string{"--site-language", "fr"}, `--site-language: pages cannot be in "fr"`},
		{[]string{"--site-texts", "/nonexistent/texts.json"}, "--site-texts: open /nonexistent/texts.json"},
		{[]string{"--site-texts", writeFile(t, "texts.json", `{"de": {"signin.lede": "x"}}`)}, `de: there is no text called "signin.lede"`},
		{[]string{"--site-name", "two\nlines"}, "--site-name: write a name of at most 100 characters"},
		{[]string{"--site-name", strings.Repeat("a", 101)}, "--site-name: write a name of at most 100 characters"},
	} {
		l, err := Load(append(c.args, "--images", "x"), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Validate(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v", c.args, err)
		}
	}
}

func TestSite(t *testing.T) {
	logo := writeFile(t, "logo.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>`)
	texts := writeFile(t, "texts.json", `{"de": {"signin.lead": "Willkommen."}}`)
	l, err := LoadFor(Edge, []string{
		"--site-name", "Kartensammlung", "--site-logo", logo, "--site-logo-dark", logo, "--site-accent", "#8c1f4e", "--site-language", "de", "--site-texts", texts,
	}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.validateSite(); err != nil {
		t.Fatal(err)
	}
	look, err := l.Look()
	if err != nil || look.Name() != "Kartensammlung" {
		t.Errorf("%v, %v", look, err)
	}
	book, err := l.Catalogue()
	if err != nil || book.Default().Text("signin.lead") != "Willkommen." {
		t.Errorf("%v, %v", book, err)
	}
}
