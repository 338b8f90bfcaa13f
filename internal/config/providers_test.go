package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const twoProviders = `
oidc:
  - name: campus
    issuer: https://login.example.edu
    client-id: tessera
    client-secret: hush
    domains: [example.edu, lib.example.edu]
    sign-up: invited
    refresh: 1h
  - {name: partner, issuer: "https://idp.example.org/realms/a", client-id: iiif, scopes: [openid, groups]}
`

// R54: several providers at once; the one that flags set comes first.
func TestProviders(t *testing.T) {
	file := write(t, twoProviders)
	l, err := Load([]string{"--images", "x", "--config", file, "--oidc-issuer", "https://accounts.example.com", "--oidc-client-id", "c", "--oidc-label", "Example"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, p := range l.Providers {
		names += p.Name + " "
	}
	if names != "default campus partner " {
		t.Errorf("providers %s", names)
	}
	campus := l.Providers[1]
	if campus.Refresh != time.Hour || campus.SignUp != SignUpInvited || len(campus.Domains) != 2 || campus.ClientSecret != "hush" {
		t.Errorf("campus: %+v", campus)
	}
	var out strings.Builder
	if err := l.Print(&out); err != nil || strings.Contains(out.String(), "hush") || !strings.Contains(out.String(), "login.example.edu") {
		t.Errorf("printed: %v\n%s", err, out.String())
	}
}

func TestFlaggedProviderOfTheFile(t *testing.T) {
	file := write(t, "oidc: [{name: default, issuer: 'https://old.example.org', client-id: c, refresh: 5m}]\n")
	l, err := Load([]string{"--config", file, "--oidc-issuer", "https://new.example.org"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Providers) != 1 || l.Providers[0].Issuer != "https://new.example.org" || l.Providers[0].Refresh != 5*time.Minute || l.Providers[0].ClientID != "c" {
		t.Errorf("%+v", l.Providers)
	}
}

func TestSecretFile(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Load([]string{"--config", write(t, "oidc: [{name: a, issuer: 'https://a.example.org', client-id: c, client-secret-file: "+secret+"}]\n")}, nil, nil)
	if err != nil || l.Providers[0].ClientSecret != "from a file" {
		t.Errorf("%v, %+v", err, l.Providers)
	}
}

func TestProvidersRefused(t *testing.T) {
	const good = "name: a, issuer: 'https://a.example.org', client-id: c"
	for yaml, want := range map[string]string{
		"[{" + good + "}]":                                                  "",
		"[{" + good + ", sign-up: some}]":                                   "everyone, invited or linked",
		"[{" + good + ", colour: red}]":                                     "colour",
		"[{" + good + ", client-auth: jwt}]":                                "basic or post",
		"[{" + good + ", refresh: 5s}]":                                     "1m to 168h",
		"[{" + good + ", grace: 1000h}]":                                    "168h at most",
		"[{" + good + ", hidden: true}]":                                    "nobody could find it",
		"[{" + good + ", domains: ['@example.edu']}]":                       "such as example.edu",
		"[{" + good + ", scopes: [profile]}]":                               "openid is missing",
		"[{" + good + "}, {" + good + "}]":                                  "two providers",
		"[{name: A/B, issuer: 'https://a.example.org', client-id: c}]":      "a-z, 0-9",
		"[{name: a, issuer: 'http://a.example.org', client-id: c}]":         "https address",
		"[{name: a, issuer: 'http://127.0.0.1:9400/dex', client-id: c}]":    "",
		"[{name: a, issuer: a.example.org, client-id: c}]":                  "write the address",
		"[{name: a, issuer: 'https://a.example.org'}]":                      "client-id is missing",
		"{a: {issuer: 'https://a.example.org'}}":                            "a list of providers",
		"[{" + good + ", client-secret: s, client-secret-file: /dev/null}]": "not both",
		"[{name: a, issuer: 'https://u:p@a.example.org', client-id: c}]":    "write the address",
		"[{name: a, issuer: 'https://a.example.org?x', client-id: c}]":      "write the address",
		"[{" + good + ", client-secret-file: /nonexistent/secret}]":         "client-secret-file",
	} {
		t.Run(yaml, func(t *testing.T) {
			l, err := Load([]string{"--images", "x", "--config", write(t, "oidc: "+yaml+"\n")}, nil, nil)
			if err == nil {
				err = l.Validate()
			}
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func TestProvidersAreNotForEdges(t *testing.T) {
	l, err := LoadFor(Edge, []string{"--config", write(t, twoProviders)}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Validate(); err == nil || !strings.Contains(err.Error(), `the client secret of provider "campus" (from file) is not for an edge`) {
		t.Errorf("an edge holds the secrets of clients: %v", err)
	}
}

func TestTokenKey(t *testing.T) {
	for key, good := range map[string]bool{"": true, "c2hvcnQ=": false, "not base64": false, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=": true} {
		l, err := Load([]string{"--images", "x", "--token-key", key}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Validate(); (err == nil) != good || err != nil && strings.Contains(err.Error(), "c2hvcnQ") {
			t.Errorf("%q: %v", key, err)
		}
	}
}
