package e2e

import (
	"context"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/internal/egress"
)

// campusLibrary is a library whose people sign in by a provider.
func campusLibrary(t *testing.T, provider func(t *testing.T, url string) string) (s *server, issuer string) {
	t.Helper()
	address := freeAddress(t)
	issuer = provider(t, strings.Replace("http://"+address, "127.0.0.1", "localhost", 1)) // as the server calls itself
	s, _, _, _ = library(t, "--listen", address, "--config", writeConfig(t, issuer))
	return s, issuer
}

func writeConfig(t *testing.T, issuer string) string {
	t.Helper()
	return writeFile(t, "tessera.yaml", "oidc:\n  - {name: default, issuer: '"+issuer+"', client-id: tessera, client-secret: '"+clientSecret+
		"', label: Campus, scopes: [openid, profile, email, groups], domains: [example.edu]}\n")
}

// surfer is a browser as far as forms and redirects go.
func surfer(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 20 * time.Second}
}

func visit(t *testing.T, c *http.Client, address string) (*url.URL, string) {
	t.Helper()
	resp, err := c.Get(address)
	return page(t, resp, err)
}

// enter fills in the provider's own form.
func enter(t *testing.T, c *http.Client, at *url.URL, form url.Values) (*url.URL, string) {
	t.Helper()
	resp, err := c.PostForm(at.String(), form)
	return page(t, resp, err)
}

func page(t *testing.T, resp *http.Response, err error) (*url.URL, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Request.URL, string(body)
}

// signsIn goes to the provider and back and ends at the path it asked for.
func (s *server) signsIn(c *http.Client, login string) {
	s.t.Helper()
	at, text := visit(s.t, c, s.url+"/auth/oidc/default/start?next=/view/staff")
	if strings.HasPrefix(at.String(), s.url) {
		s.t.Fatalf("did not come to the provider but to %s:\n%s", at, text)
	}
	at, text = enter(s.t, c, at, url.Values{"login": {login}, "password": {"password"}})
	if at.String() != s.url+"/view/staff" {
		s.t.Fatalf("came back to %s:\n%s\n%s", at, text, s.stderr)
	}
}

func (s *server) tile(c *http.Client) int {
	s.t.Helper()
	return s.do(c, http.MethodGet, "/iiif/3/staff/0,0,64,64/max/0/default.jpg").StatusCode
}

// Both real providers: discovery, code, PKCE, state, nonce, claims of userinfo (R35, R51).
func TestRealProviders(t *testing.T) {
	type provider struct {
		start func(t *testing.T, url string) string
		login string
	}
	providers := map[string]provider{"oidc-provider": {startOP, "alice"}}
	if os.Getenv(dexVariable) != "" { // as make soak sets it
		providers["Dex"] = provider{startDex, "alice@example.edu"}
	}
	for name, test := range providers {
		t.Run(name, func(t *testing.T) {
			s, _ := campusLibrary(t, test.start)
			c := surfer(t)
			if got := s.tile(c); got != http.StatusUnauthorized {
				t.Fatalf("before: %d", got)
			}
			s.signsIn(c, test.login)
			if got := s.tile(c); got != http.StatusOK {
				t.Errorf("a member of staff is refused: %d", got)
			}
			again := surfer(t)
			s.signsIn(again, test.login)
			if got := s.api(s.signIn(adminEmail, adminPassword), http.MethodGet, "/users?email=alice@example.edu", ""); strings.Count(string(got.body), `"id"`) != 1 {
				t.Errorf("R50 users: %s", got.body)
			}
			administered(t, s)
			_, text := visit(t, c, s.url+"/auth/logout")
			if got := s.tile(c); got != http.StatusUnauthorized {
				t.Errorf("after signing out: %d", got)
			}
			if offered := strings.Contains(text, "Sign out of Campus as well"); offered != (name == "oidc-provider") {
				t.Errorf("R41 offered to sign out there: %v", offered)
			}
			if log := s.stderr.String(); strings.Contains(log, clientSecret) || strings.Contains(log, "eyJ") {
				t.Error("R34 the log has a secret or a token in it")
			}
		})
	}
}

// administered looks at a real provider as an administrator does, and at one that is gone.
func administered(t *testing.T, s *server) {
	t.Helper()
	var p struct {
		State  string
		Notes  []string
		Keys   struct{ Count int }
		SignIn struct {
			Sessions, SignIns int
			Redirect          []string `json:"redirectUris"`
		}
	}
	s.shell().must(&p, "admin", "provider", "check", "default")
	if p.State != "works" || len(p.Notes) != 0 || p.Keys.Count == 0 || p.SignIn.Sessions != 2 || p.SignIn.SignIns != 2 {
		t.Errorf("%+v", p)
	}
	said := s.shell().must(nil, "admin", "provider", "check", "default")
	if want := "/auth/oidc/default/callback"; len(p.SignIn.Redirect) != 1 || !strings.HasSuffix(p.SignIn.Redirect[0], want) || !strings.Contains(said, p.SignIn.Redirect[0]) {
		t.Errorf("%q:\n%s", p.SignIn.Redirect, said)
	}
	if said = s.shell().must(nil, "admin", "provider", "list"); !strings.Contains(said, "default  works  2") || strings.Contains(said, clientSecret) {
		t.Errorf("list:\n%s", said)
	}
	s.shell().fails("No provider of that name", "admin", "provider", "check", "nobody")
}

var (
	endForm = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)".*?name="xsrf" value="([^"]*)"`)
	endLink = regexp.MustCompile(`href="([^"]*session/end[^"]*)"`)
)

// R40, R41: signed out there, signed out here, in every browser of the session there.
func TestLogoutByProvider(t *testing.T) {
	s, _ := campusLibrary(t, startOP)
	one, bystander := surfer(t), surfer(t)
	s.signsIn(one, "alice")
	s.signsIn(bystander, "alice")
	_, text := visit(t, one, s.url+"/auth/logout")
	found := endLink.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("R41 no way to sign out there:\n%s", text)
	}
	// Signed in again by the session that the provider still has: no form this time.
	if at, text := visit(t, one, s.url+"/auth/oidc/default/start?next=/view/staff"); at.Path != "/view/staff" || s.tile(one) != http.StatusOK {
		t.Fatalf("came to %s:\n%s", at, text)
	}
	at, text := visit(t, one, html.UnescapeString(found[1]))
	form := endForm.FindStringSubmatch(text)
	if form == nil {
		t.Fatalf("%s has no form:\n%s", at, text)
	}
	action, err := at.Parse(html.UnescapeString(form[1]))
	if err != nil {
		t.Fatal(err)
	}
	if at, _ = enter(t, one, action, url.Values{"xsrf": {form[2]}, "logout": {"yes"}}); at.String() != s.url+"/auth/signed-out" {
		t.Errorf("R41 came to %s", at)
	}
	s.eventually("R40 the session ends", func() bool { return s.tile(one) == http.StatusUnauthorized })
	if got := s.tile(bystander); got != http.StatusOK {
		t.Errorf("R40 another browser was signed out as well: %d", got)
	}
}

// unreachable is where a provider leads back to in tests that take over there themselves.
const unreachable = "http://127.0.0.1:9"

// partner is the certified provider as package oidc sees it.
func partner(t *testing.T, issuer string, client *http.Client, now func() time.Time) *oidc.Provider {
	t.Helper()
	set, err := oidc.New(oidc.Config{Client: client, Now: now, Providers: []oidc.Settings{{
		Name: "default", Issuer: issuer, ClientID: "tessera", ClientSecret: clientSecret, Scopes: []string{"openid", "profile", "groups"},
		Mapping: func(map[string]any) (p oidc.Person, _ []string, err error) { return p, nil, nil },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	return set.Find("default")
}

// arrive signs in by the provider's own form in a new browser.
func arrive(ctx context.Context, p *oidc.Provider, login string) (oidc.Arrival, error) {
	address, d, err := p.Depart(ctx, unreachable+"/auth/oidc/default/callback")
	if err != nil {
		return oidc.Arrival{}, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return oidc.Arrival{}, err
	}
	c := &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), unreachable) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	resp, err := c.Get(address)
	if err != nil {
		return oidc.Arrival{}, err
	}
	resp.Body.Close()
	if resp, err = c.PostForm(resp.Request.URL.String(), url.Values{"login": {login}, "password": {"password"}}); err != nil {
		return oidc.Arrival{}, err
	}
	resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		return oidc.Arrival{}, err
	}
	return p.Arrive(ctx, to.Query(), d)
}

// R42 against the certified provider: tokens are used once, and a second use ends all.
func TestRefreshOfProvider(t *testing.T) {
	p := partner(t, startOP(t, unreachable), egress.NewClient(egress.Config{Loopback: true}), time.Now)
	first, err := arrive(t.Context(), p, "alice")
	if err != nil {
		t.Fatal(err)
	}
	second := refreshed(t, p, first)
	third := refreshed(t, p, second)
	if first.Refresh == second.Refresh || second.Refresh == third.Refresh || first.Refresh == "" {
		t.Error("R42 not rotated")
	}
	for _, used := range []oidc.Arrival{first, third} {
		var fault *oidc.Fault
		if _, err := p.Refresh(context.Background(), used); !errors.As(err, &fault) || fault.Kind != oidc.Over {
			t.Errorf("R42 after a token was used twice: %v", err)
		}
	}
}

func refreshed(t *testing.T, p *oidc.Provider, a oidc.Arrival) oidc.Arrival {
	t.Helper()
	next, err := p.Refresh(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return next
}
