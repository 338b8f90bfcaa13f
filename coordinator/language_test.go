package coordinator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/look"
)

// Every page speaks the reader's language and says which that is; what programs read
// is English for everybody.
func TestPagesSpeakTheReadersLanguage(t *testing.T) {
	s := newStage(t)
	b := s.admin()
	for path, says := range map[string]string{
		"/auth/login": "E-Mail-Adresse", "/auth/account": "Wo Sie angemeldet sind", "/auth/admin/": "Überblick", "/auth/admin/rules": "Von oben nach unten",
		"/auth/admin/users": "Person anlegen", "/auth/admin/audit": "Angemeldet",
	} {
		page := b.want(b.get(path, "Accept-Language", "de"), http.StatusOK)
		if !strings.Contains(page, `<html lang="de">`) || !strings.Contains(page, says) {
			t.Errorf("%s: %s", path, page)
		}
	}
	if page := b.want(b.get("/auth/nothing", "Accept-Language", "de"), http.StatusNotFound); !strings.Contains(page, "gibt es keine Seite") {
		t.Errorf("a page that is not there: %s", page)
	}
	if page := b.want(b.get("/auth/login", "Accept-Language", "ja"), http.StatusOK); !strings.Contains(page, `<html lang="en">`) {
		t.Errorf("a language that is not there: %s", page)
	}
	failed := b.post("/auth/login", url.Values{"email": {"nobody@example.org"}, "password": {"no"}}, "Accept-Language", "de")
	if page := b.want(failed, http.StatusUnauthorized); !strings.Contains(page, "gehören nicht zusammen") {
		t.Errorf("a refusal: %s", page)
	}
	problem := b.call(http.MethodGet, "/users/nobody", nil, nil, "Accept-Language", "de")
	if body := b.want(problem, http.StatusNotFound); !strings.Contains(body, "There is no such user.") {
		t.Errorf("the API: %s", body)
	}
}

// C-007, D-006: a refused token says why in the reader's language under version 1, and in
// every language under version 2.
func TestTokensAreRefusedInTheReadersLanguage(t *testing.T) {
	b := newStage(t).browser()
	one := b.want(b.get("/auth/1/members/token", "Accept-Language", "de"), http.StatusUnauthorized)
	if !strings.Contains(one, "Ihr Browser hat nicht gesagt, wer Sie sind.") || !strings.Contains(one, "iiif.example.org") {
		t.Errorf("version 1: %s", one)
	}
	two := b.want(b.get("/auth/2/members/token?messageId=1&origin="+url.QueryEscape(sibling), "Accept-Language", "de"), http.StatusOK)
	for _, says := range []string{`"en":["Not signed in"]`, `"de":["Nicht angemeldet"]`, `"de":["Ihr Browser`, `"en":["Your browser`} {
		if !strings.Contains(two, says) {
			t.Errorf("version 2 does not say %s: %s", says, two)
		}
	}
}

// Pages are the institution's own.
func TestPagesAreTheSites(t *testing.T) {
	logo, err := look.NewLogo([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>`))
	if err != nil {
		t.Fatal(err)
	}
	book, err := catalogue.New(catalogue.Config{Own: []byte(`{"en": {"signin.help": "Ring 4711."}}`)})
	if err != nil {
		t.Fatal(err)
	}
	b := newStage(t, func(c *coordinator.Config) {
		c.Look, c.Texts = look.New(look.Config{Name: "Kartensammlung", Logo: logo}), book
	}).browser()
	page := b.want(b.get("/auth/login"), http.StatusOK)
	for _, says := range []string{"<title>Sign in · Kartensammlung</title>", "<span>Kartensammlung</span>", "/auth/assets/logo?v=", "Ring 4711."} {
		if !strings.Contains(page, says) {
			t.Errorf("no %s in %s", says, page)
		}
	}
	served := b.get("/auth/assets/logo")
	b.want(served, http.StatusOK)
	if served.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(served.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("logo: %v", served.Header)
	}
}

func TestScheme(t *testing.T) {
	b := newStage(t).browser()
	b.want(b.post("/auth/scheme", url.Values{"scheme": {"dark"}, "next": {"/auth/login?next=%2Fa"}}), http.StatusSeeOther)
	if page := b.want(b.get("/auth/login?next=%2Fa"), http.StatusOK); !strings.Contains(page, `data-scheme="dark"`) || !strings.Contains(page, `name="next" value="/auth/login?next=%2Fa"`) {
		t.Errorf("got %s", page)
	}
	if page := b.want(b.login("nobody@example.org", "no"), http.StatusUnauthorized); strings.Contains(page, "/auth/scheme") {
		t.Error("an answer to a form leads nowhere back")
	}
}
