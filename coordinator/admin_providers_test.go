package coordinator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/oidc/oidctest"
	"github.com/tessera-iiif/tessera/internal/claims"
	"github.com/tessera-iiif/tessera/internal/cluster"
	"github.com/tessera-iiif/tessera/internal/session"
)

const providersPage = "/auth/admin/providers"

// watched is a campus whose providers have the stage's clock, and an issuer of access
// tokens by which nobody signs in.
func watched(t *testing.T, change ...func(*coordinator.Provider)) *campus {
	t.Helper()
	s := newCampus(t, change...)
	s.honest()
	return s
}

// honest has both providers say what time it is on the stage.
func (s *campus) honest() { s.idp.Lie(s.clocked(0)); s.partner.Lie(s.clocked(0)) }

func (s *campus) clocked(off time.Duration) oidctest.Lies {
	return oidctest.Lies{
		Discovery: func(d map[string]any) { d["code_challenge_methods_supported"] = []string{"S256"} },
		Serve: func(w http.ResponseWriter, _ string) bool {
			w.Header().Set("Date", s.time().Add(off).UTC().Format(http.TimeFormat))
			return false
		},
	}
}

type shownProvider struct {
	Name, State, By string
	Notes           []string
	SignIn          *struct {
		SignIns, Sessions int
		HasSecret, Popup  bool
		Redirect          []string `json:"redirectUris"`
	}
	Tokens *struct {
		Audiences []string
		Edges     []struct {
			Name, State string
			Keys        int
		}
	}
	Keys      struct{ Count int }
	Discovery struct {
		Failing bool
		Failure *struct{ Reason, Sentence string }
	}
	Warned []struct {
		Text  string
		Count int
	} `json:"claimWarnings"`
}

func (b *browser) check(name string) (p shownProvider) {
	b.t.Helper()
	b.want(b.call(http.MethodPost, "/providers/"+name+"/check", nil, &p), http.StatusOK)
	return p
}

func (b *browser) providers() (all []shownProvider) {
	b.t.Helper()
	var answer struct{ Items []shownProvider }
	b.want(b.call(http.MethodGet, "/providers", nil, &answer), http.StatusOK)
	return answer.Items
}

// R56: an administrator sees what to register, whether it works, and no secret.
func TestProvidersPage(t *testing.T) {
	s := watched(t)
	b := s.admin()
	page := b.want(b.get(providersPage), http.StatusOK)
	for _, want := range []string{
		"https://iiif.example.org/auth/oidc/campus/callback", "https://iiif.example.org/auth/oidc/campus/backchannel-logout",
		"https://iiif.example.org/auth/signed-out", s.idp.URL, "The partner", "example.edu", "Not asked yet",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %s", want)
		}
	}
	if s.idp.Asked("/.well-known/openid-configuration") != 0 {
		t.Error("looking at the page asks a provider")
	}
	page = b.want(b.post(providersPage+"/campus/check", nil), http.StatusOK)
	for _, want := range []string{"The campus was asked just now: Works.", "1, read on 1 March 2026, 09:00 UTC", "Within 2 s"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, text := range []string{page, text(t, b.call(http.MethodGet, "/providers", nil, nil))} {
		if strings.Contains(text, oidctest.Secret) || strings.Contains(text, url.QueryEscape(oidctest.Secret)) {
			t.Error("R34 the client's secret is told")
		}
	}
	b.want(b.post(providersPage+"/nobody/check", nil), http.StatusNotFound)
	b.want(b.post(providersPage+"/nobody/end", nil), http.StatusNotFound)
}

// R48: whether a provider opens in a window of its own is told as it is set.
func TestWindowOnProvidersPage(t *testing.T) {
	s := watched(t, func(p *coordinator.Provider) { p.Popup = true })
	b := s.admin()
	says(t, b.want(b.get(providersPage), http.StatusOK), "In a window of its own (popup)", "In the tab that the viewer opened")
	if all := b.providers(); !all[0].SignIn.Popup || all[1].SignIn.Popup {
		t.Errorf("%+v, %+v", all[0].SignIn, all[1].SignIn)
	}
}

// R39: checking asks somebody else's server, so it takes an administrator on our page.
func TestProvidersAreForAdministrators(t *testing.T) {
	s := watched(t)
	s.reader()
	reader := s.browser()
	reader.mustLogin(readerEmail, readerSecret)
	for _, path := range []string{"/campus/check", "/campus/end"} {
		reader.want(reader.post(providersPage+path, nil), http.StatusForbidden)
		s.browser().want(s.browser().post(providersPage+path, nil), http.StatusSeeOther)
		admin := s.admin()
		admin.want(admin.post(providersPage+path, nil, "Origin", "https://elsewhere.example"), http.StatusForbidden)
	}
	reader.want(reader.get(providersPage), http.StatusForbidden)
	reader.want(reader.call(http.MethodGet, "/providers", nil, nil), http.StatusForbidden)
	var token struct{ Secret string }
	admin := s.admin()
	admin.want(admin.call(http.MethodPost, "/tokens", map[string]any{"name": "looks", "scopes": []string{"admin:read"}}, &token), http.StatusCreated)
	program := s.browser()
	program.want(program.call(http.MethodGet, "/providers", nil, nil, "Authorization", "Bearer "+token.Secret), http.StatusOK)
	program.want(program.call(http.MethodPost, "/providers/campus/check", nil, nil, "Authorization", "Bearer "+token.Secret), http.StatusForbidden)
	if s.idp.Asked("/.well-known/openid-configuration") != 0 {
		t.Error("somebody who may not had a provider asked")
	}
}

// What is wrong is said with what to do, and that it is over when it is.
func TestCheckProvider(t *testing.T) {
	s := watched(t)
	b := s.admin()
	if p := b.check("campus"); p.State != "works" || len(p.Notes) != 0 || p.Keys.Count != 1 || !p.SignIn.HasSecret {
		t.Errorf("%+v", p)
	}
	for name, test := range map[string]struct {
		lie   func(l *oidctest.Lies)
		state string
		says  string
	}{
		"another issuer": {func(l *oidctest.Lies) {
			l.Discovery = func(d map[string]any) { d["issuer"] = "https://login.example.edu/" }
		}, "attention", "It calls itself “https://login.example.edu/”"},
		"clocks differ":  {func(l *oidctest.Lies) { *l = s.clocked(9 * time.Second) }, "attention", "differ by 9 s"},
		"clocks far off": {func(l *oidctest.Lies) { *l = s.clocked(-2 * time.Minute) }, "fails", "nobody can sign in"},
		"no PKCE": {func(l *oidctest.Lies) {
			l.Discovery = func(d map[string]any) { d["code_challenge_methods_supported"] = []string{"plain"} }
		}, "attention", "PKCE"},
	} {
		t.Run(name, func(t *testing.T) {
			lies := s.clocked(0)
			test.lie(&lies)
			s.idp.Lie(lies)
			s.pass(3 * time.Second)
			p := b.check("campus")
			if p.State != test.state || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], test.says) {
				t.Errorf("%s: %q", p.State, p.Notes)
			}
			if page := b.want(b.get(providersPage), http.StatusOK); !strings.Contains(page, test.says) {
				t.Error("the page does not say so")
			}
			s.honest()
			s.pass(3 * time.Second)
			if p := b.check("campus"); p.State != "works" {
				t.Errorf("afterwards: %s, %q", p.State, p.Notes)
			}
		})
	}
}

// A provider that was never reached is told of on the first page.
func TestProviderOutOfReach(t *testing.T) {
	s := watched(t)
	s.idp.Lie(oidctest.Lies{Serve: func(w http.ResponseWriter, _ string) bool { w.WriteHeader(http.StatusNotFound); return true }})
	b := s.admin()
	if page := b.want(b.get("/auth/admin/"), http.StatusOK); strings.Contains(page, "Nobody can sign in by") {
		t.Error("told of before anybody asked it")
	}
	p := b.check("campus")
	if p.State != "fails" || p.Discovery.Failure == nil || p.Discovery.Failure.Reason != "status" || !strings.Contains(p.Notes[0], "404 Not Found") {
		t.Errorf("%+v, %q", p, p.Notes)
	}
	if page := b.want(b.get("/auth/admin/"), http.StatusOK); !strings.Contains(page, "Nobody can sign in by The campus") {
		t.Error("the first page says nothing of it")
	}
}

// Sign-ins are counted from the record, sessions from those that live, and one button
// ends them all (R24).
func TestProviderUse(t *testing.T) {
	s := watched(t)
	s.partner.Knows("bob", map[string]any{"name": "Bob"})
	var campus []session.Hash
	for range 2 {
		b := s.browser()
		b.want(b.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
		campus = append(campus, b.hash())
	}
	bob := s.browser()
	bob.want(bob.by(s.partner, "partner", "bob", ""), http.StatusSeeOther)
	admin := s.admin()
	all := admin.providers()
	if len(all) != 2 || all[0].SignIn.SignIns != 2 || all[0].SignIn.Sessions != 2 || all[1].SignIn.SignIns != 1 || all[1].SignIn.Sessions != 1 {
		t.Fatalf("%+v", all)
	}
	admin.want(admin.post(providersPage+"/campus/end", nil), http.StatusSeeOther)
	if s.knows(session.KindSession, campus[0]) || s.knows(session.KindSession, campus[1]) || !s.knows(session.KindSession, bob.hash()) {
		t.Error("the wrong sessions ended")
	}
	if all = admin.providers(); all[0].SignIn.SignIns != 2 || all[0].SignIn.Sessions != 0 || all[1].SignIn.Sessions != 1 {
		t.Errorf("%+v", all)
	}
	s.pass(31 * 24 * time.Hour)
	admin = s.admin()
	if all = admin.providers(); all[0].SignIn.SignIns != 0 || all[1].SignIn.Sessions != 0 {
		t.Errorf("a month later: %+v", all)
	}
}

// What a sign-in ran into is told where somebody looks: claims that were not used (R51,
// R53), and a client that the provider does not know.
func TestProviderTrouble(t *testing.T) {
	s := watched(t, func(p *coordinator.Provider) {
		plain := p.Mapping
		p.Mapping = func(m map[string]any) (oidc.Person, []string, error) {
			who, _, err := plain(m)
			if m["_claim_names"] != nil {
				return who, []string{`The claim "groups" was left out by the provider.`}, err
			}
			return who, nil, err
		}
	})
	s.idp.Knows("alice", map[string]any{
		"_claim_names": map[string]any{"groups": "src1"}, "_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "https://graph.example/groups"}},
	})
	admin := s.admin()
	b := s.browser()
	b.want(b.by(s.idp, "campus", "alice", ""), http.StatusSeeOther)
	p := admin.providers()[0]
	if p.State != "attention" || len(p.Warned) != 1 || p.Warned[0].Count != 1 || !strings.Contains(p.Warned[0].Text, "left out") {
		t.Errorf("%+v", p)
	}
	s.pass(time.Second)
	lies := s.clocked(0)
	lies.Token = func(answer map[string]any) { delete(answer, "id_token") }
	s.idp.Lie(lies)
	b.by(s.idp, "campus", "alice", "")
	if p = admin.providers()[0]; !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, "did not hold") }) {
		t.Errorf("%q", p.Notes)
	}
}

// Issuers of access tokens stand beside the others, or with them under one name.
func TestTokenIssuersOnPage(t *testing.T) {
	s := newCampus(t)
	s.open(s.configure, func(c *coordinator.Config) {
		c.Name = "coordinator-2"
		c.SignInBy.Issuers = []coordinator.TokenIssuer{
			{Name: "campus", Issuer: s.idp.URL, Audiences: []string{"https://iiif.example.org"}},
			{
				Name: "robots", Issuer: s.partner.URL + "/other", Audiences: []string{"iiif"}, AnyType: true,
				Claims: claims.Settings{
					Groups: []string{"roles"}, GroupPrefix: "r:", AffiliationScopes: []string{"example.edu"}, Administrators: "staff",
					Entitlements: []claims.EntitlementSettings{{Namespace: "urn:geant:example.org", Authorities: []string{"aai.example.org"}}},
					Table:        []claims.TableEntry{{Claim: "department", Value: "Maps", Group: "maps"}},
				},
			},
		}
	})
	b := s.admin()
	all := b.providers()
	if len(all) != 3 || all[0].Tokens == nil || all[1].Tokens != nil || all[2].SignIn != nil || all[2].Tokens.Audiences[0] != "iiif" || all[2].By != "coordinator-2" {
		t.Fatalf("%+v", all)
	}
	page := b.want(b.get(providersPage), http.StatusOK)
	for _, want := range []string{"coordinator “coordinator-2”", "urn:geant:example.org", "Of the authorities aai.example.org.", "department is “Maps”: maps", "With “r:” before each."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if p := b.check("robots"); p.State != "fails" || p.Discovery.Failure.Reason != "status" {
		t.Errorf("%+v", p)
	}
	b.want(b.post(providersPage+"/robots/end", nil), http.StatusNotFound)
}

// R36: edges read the keys of access tokens by themselves, so it is told which have them.
func TestKeysAtEdges(t *testing.T) {
	s := watched(t)
	holds := func(name string, issuers ...cluster.Issuer) cluster.Member {
		return member("edge", cluster.State{Name: name, Edge: &cluster.Edge{Issuers: issuers}})
	}
	members := []cluster.Member{holds("a", cluster.Issuer{URL: s.idp.URL, Keys: 2, Read: s.time()}), member("worker", cluster.State{Worker: &cluster.Worker{}})}
	s.open(s.configure, func(c *coordinator.Config) {
		c.Members = func() []cluster.Member { return members }
		c.SignInBy.Issuers = []coordinator.TokenIssuer{{Name: "campus", Issuer: s.idp.URL, Audiences: []string{"https://iiif.example.org"}}}
	})
	b := s.admin()
	if p := b.check("campus"); p.State != "works" || len(p.Notes) != 0 || len(p.Tokens.Edges) != 1 || p.Tokens.Edges[0].State != "ready" || p.Tokens.Edges[0].Keys != 2 {
		t.Errorf("%+v", p)
	}
	says(t, b.want(b.get(providersPage), http.StatusOK), "At 1 of 1")
	gone := holds("gone")
	gone.Silent = true
	members = append(members, gone, holds("b", cluster.Issuer{URL: s.idp.URL, Failing: true}), holds("c", cluster.Issuer{URL: s.idp.URL, Keys: 1, Failing: true}))
	for i := range 7 {
		members = append(members, holds(fmt.Sprint("d", i), cluster.Issuer{URL: s.partner.URL, Keys: 1}))
	}
	p := b.check("campus")
	if p.State != "attention" || len(p.Notes) != 3 || len(p.Tokens.Edges) != 10 {
		t.Fatalf("%+v", p)
	}
	for i, want := range []string{"do not take its access tokens: d0, d1, d2, d3, d4 and 2 more.", "have no keys of it: b.", "could not read its keys the last time: c."} {
		if !strings.Contains(p.Notes[i], want) {
			t.Errorf("%q does not say %q", p.Notes[i], want)
		}
	}
	says(t, b.want(b.get(providersPage), http.StatusOK), "At 2 of 10", "have no keys of it: b.")
	var doc map[string]any
	b.call(http.MethodGet, "/openapi.json", nil, &doc)
	response := b.call(http.MethodGet, "/providers", nil, nil)
	var answer any
	if err := json.Unmarshal([]byte(text(t, response)), &answer); err != nil {
		t.Fatal(err)
	}
	d := described{t: t, doc: doc}
	d.conforms("/providers", d.schemaOf("/providers", http.MethodGet, response), answer)
}

// What the API tells of providers is what openapi.json says.
func TestProvidersAreAsDescribed(t *testing.T) {
	s := newCampus(t) // the clocks differ by months, so there is something to tell
	b := s.admin()
	alice := s.browser()
	alice.by(s.idp, "campus", "alice", "")
	s.partner.Lie(oidctest.Lies{Serve: func(w http.ResponseWriter, path string) bool {
		if path == "/jwks" {
			fmt.Fprint(w, "{}")
		}
		return path == "/jwks"
	}})
	var doc map[string]any
	b.call(http.MethodGet, "/openapi.json", nil, &doc)
	d := described{t: t, doc: doc}
	for _, test := range []struct{ method, path, like string }{
		{http.MethodPost, "/providers/partner/check", "/providers/{name}/check"},
		{http.MethodGet, "/providers", "/providers"},
		{http.MethodPost, "/providers/nobody/check", "/providers/{name}/check"},
	} {
		response := b.call(test.method, test.path, nil, nil)
		var answer any
		if err := json.Unmarshal([]byte(text(t, response)), &answer); err != nil {
			t.Fatal(err)
		}
		d.conforms(test.path, d.schemaOf(test.like, test.method, response), answer)
	}
}
