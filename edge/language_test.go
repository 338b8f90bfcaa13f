package edge_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/edge/pages"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/look"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

var german = header("Accept-Language", "de-CH, en;q=0.5")

// cookieLabel is the label of the Auth 1 service in a description.
func cookieLabel(t *testing.T, a answer) string {
	t.Helper()
	var doc struct {
		Service json.RawMessage `json:"service"`
	}
	var service struct {
		Label string `json:"label"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatal(err)
	}
	if json.Unmarshal(doc.Service, &service) == nil {
		return service.Label
	}
	var list []struct {
		Label string `json:"label"`
	}
	if err := json.Unmarshal(doc.Service, &list); err != nil || len(list) == 0 {
		t.Fatalf("no service: %s", a.body)
	}
	return list[0].Label
}

// C-007: what Authentication 1.0 says is one string. It is in the reader's language where
// no cache may give it to another reader, and in that of the site everywhere else.
func TestServicesOfOneLanguage(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.Institution = "Test Archive" })
	for _, c := range []struct {
		sent   []with
		status int
		label  string
	}{
		{[]with{german}, 401, "Anmelden bei Test Archive"},
		{[]with{german, cookieOf("alice")}, 200, "Anmelden bei Test Archive"},
		{nil, 401, "Sign in to Test Archive"},
		{[]with{header("Accept-Language", "ja")}, 401, "Sign in to Test Archive"},
		{[]with{cookieOf("alice")}, 200, "Sign in to Test Archive"},
	} {
		a := s.want(c.status, "/iiif/2/members%2FW/info.json", c.sent...)
		if got := cookieLabel(t, a); got != c.label {
			t.Errorf("label %q, want %q", got, c.label)
		}
		if !strings.Contains(a.header.Get("Vary"), "Accept-Language") || strings.HasPrefix(a.header.Get("Cache-Control"), "public") {
			t.Errorf("Vary %q, Cache-Control %q", a.header.Get("Vary"), a.header.Get("Cache-Control"))
		}
	}
	if a := s.want(200, "/iiif/2/open%2FW/info.json", german); strings.Contains(a.header.Get("Vary"), "Language") {
		t.Error("an open description is kept once a language")
	}
}

// C-007: a document that caches share says the same to everybody.
func TestSharedDocumentsHaveTheLanguageOfTheSite(t *testing.T) {
	swiss, err := catalogue.New(catalogue.Config{Language: "de"})
	if err != nil {
		t.Fatal(err)
	}
	for says, book := range map[string]*catalogue.Book{"Sign in to Test Archive": nil, "Anmelden bei Test Archive": swiss} {
		s := newStage(t, func(c *edge.Config) { c.Institution, c.Texts = "Test Archive", book })
		s.shelf.documents["book.json"] = tile.Document{Body: manifestOf(base + "/iiif/2/members%2FW")}
		for _, sent := range []with{german, header("Accept-Language", "en"), header("X-Nobody", "1")} {
			a := s.want(200, "/iiif/manifests/book.json", sent)
			if !strings.Contains(a.body, `"label":"`+says+`"`) || strings.Contains(a.header.Get("Vary"), "Language") {
				t.Errorf("%q is not said to everybody: %s", says, a.body)
			}
		}
	}
}

func manifestOf(service string) []byte {
	return fmt.Appendf(nil, `{"@context":"http://iiif.io/api/presentation/3/context.json","id":"%[1]s/m","type":"Manifest","items":[{"type":"Canvas","thumbnail":[{"type":"Image","service":[{"@id":"%[1]s","@type":"ImageService2","profile":"level2"}]}]}]}`, service)
}

// D-006, D-013: Authorization Flow 2.0 says everything in every language, and always in
// English; so does its probe.
func TestServicesOfEveryLanguage(t *testing.T) {
	own, err := catalogue.New(catalogue.Config{Own: []byte(`{"cy": {"iiif.login.label": "Mewngofnodi i %s"}, "en": {"iiif.login.label": "Enter %s"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, func(c *edge.Config) { c.Institution, c.Texts = "Test Archive", own })
	a := s.want(200, "/iiif/3/members%2FW/info.json", german)
	for _, says := range []string{`"en":["Enter Test Archive"]`, `"de":["Anmelden bei Test Archive"]`, `"fr":["Se connecter : Test Archive"]`, `"cy":["Mewngofnodi i Test Archive"]`} {
		if !strings.Contains(a.body, says) {
			t.Errorf("no %s in %s", says, a.body)
		}
	}
	for path, heading := range map[string]string{
		"/auth/probe/members%2FW": "Zum Ansehen bitte anmelden", "/auth/probe/closed%2FW": "Dieses Bild ist für Sie nicht offen", "/auth/probe/nobody": "Dieses Bild gibt es nicht", "/auth/probe/%2E%2E": "Das Bild lässt sich nicht zeigen",
	} {
		if a := s.want(200, path); !strings.Contains(a.body, `"de":["`+heading+`"]`) || !strings.Contains(a.body, `"en":[`) {
			t.Errorf("D-082: %s says %s", path, a.body)
		}
	}
}

// Pages speak the reader's language, wear the site's name and say which language that
// is. Terms have their own languages, which need not be that of the page.
func TestPagesSpeakTheReadersLanguage(t *testing.T) {
	s := newStage(t, func(c *edge.Config) {
		library := c.Library
		c.Pages = func(e *edge.Edge) http.Handler {
			return pages.New(pages.Config{Library: library, Judge: e, Look: look.New(look.Config{Name: "Archiv & Co"}), Texts: catalogue.Bundled(), Log: slog.New(slog.DiscardHandler)})
		}
	})
	s.setDocument(authz.Document{
		Items: []authz.Rule{{Name: "gift", Images: []string{"open/**"}, Access: authz.Open, Terms: "donor"}},
		Definitions: authz.Definitions{Terms: []authz.Terms{{
			Name: "donor", Version: "1", Title: authz.Text{"en": "Terms", "fr": "Conditions du don"}, Text: authz.Text{"en": "Terms", "fr": "Conditions"},
		}}},
	})
	for _, c := range []struct {
		path, asks string
		status     int
		says       []string
	}{
		{"/", "de", 200, []string{`<html lang="de">`, "<h1>Archiv &amp; Co</h1>", ">Anmelden</a>", "<title>Bilder · Archiv &amp; Co</title>"}},
		{"/", "", 200, []string{`<html lang="en">`, ">Sign in</a>"}},
		{"/view/members%2FW", "de", 401, []string{"Zum Ansehen bitte anmelden", `lang="de"`}},
		{"/view/open%2FW", "fr, de;q=0.5", 401, []string{`<html lang="de">`, `<h1 lang="fr">Conditions du don</h1>`, "Bedingungen lesen"}},
		{"/view?manifest=https%3A%2F%2Felsewhere.test%2Fm", "de", 404, []string{"Dieser Viewer zeigt"}},
	} {
		a := s.want(c.status, c.path, header("Accept-Language", c.asks))
		for _, says := range c.says {
			if !strings.Contains(a.body, says) {
				t.Errorf("%s in %q does not say %s: %s", c.path, c.asks, says, a.body)
			}
		}
	}
}

// Light and dark are a reader's choice, by a form that works without a script and
// leads back to the page.
func TestSchemeOfPages(t *testing.T) {
	s := withPages(t)
	a := s.want(200, "/", header("Cookie", "tessera_scheme=dark"))
	if !strings.Contains(a.body, `<html lang="en" data-scheme="dark">`) || !strings.Contains(a.body, `action="/assets/scheme"`) {
		t.Errorf("got %s", a.body)
	}
	post := func(r *http.Request) {
		r.Method = http.MethodPost
		r.Body = http.NoBody
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.URL.RawQuery = "scheme=dark"
	}
	if a := s.want(303, "/assets/scheme", post); a.header.Get("Location") != "/" || !strings.Contains(a.header.Get("Set-Cookie"), "tessera_scheme=") {
		t.Errorf("got %v", a)
	}
	s.want(404, "/assets/scheme")
	s.want(404, "/assets/logo")
	if a := s.want(200, "/assets/icon"); a.header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("got %v", a.header)
	}
}
