package config

import (
	"slices"
	"strings"
	"testing"
)

const tokenProvider = `
oidc:
  - name: campus
    issuer: https://login.example.edu
    audience: https://iiif.example.edu
    claims: {groups: [groups, realm_access.roles], group-prefix: "campus:"}
  - {name: partner, issuer: "https://idp.example.org", client-id: iiif, client-secret: hush}
  - {name: both, issuer: "https://idp.example.com", client-id: iiif, audience: [a, b], any-token-type: true}
`

// A provider may be there for sign-in, for access tokens, or for both.
func TestTokenProviders(t *testing.T) {
	l, err := Load([]string{"--images", "x", "--config", write(t, tokenProvider)}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	names := func(all []Provider) (text string) {
		for _, p := range all {
			text += p.Name + " "
		}
		return text
	}
	if got := names(l.SignInProviders()) + "| " + names(l.TokenProviders()); got != "partner both | campus both " {
		t.Error(got)
	}
	campus, both := l.Providers[0], l.Providers[2]
	if !slices.Equal(campus.Audience, Texts{"https://iiif.example.edu"}) || !slices.Equal(both.Audience, Texts{"a", "b"}) || !both.AnyTokenType {
		t.Errorf("%+v, %+v", campus, both)
	}
	if campus.Claims.GroupPrefix != "campus:" || len(campus.Claims.Groups) != 2 {
		t.Errorf("%+v", campus.Claims)
	}
	var out strings.Builder
	if err := l.Print(&out); err != nil || !strings.Contains(out.String(), "https://login.example.edu, access tokens for https://iiif.example.edu") || strings.Contains(out.String(), "hush") {
		t.Errorf("printed: %v\n%s", err, out.String())
	}
}

// An edge verifies access tokens, and holds no secret of a provider.
func TestTokenProvidersOfRoles(t *testing.T) {
	edge := []string{"--nats", "tls://nats:4222", "--nats-creds", "x", "--coordinator-url", "http://c:8080"}
	worker := []string{"--nats", "tls://nats:4222", "--nats-creds", "x", "--images", "x"}
	open := strings.ReplaceAll(tokenProvider, ", client-secret: hush", "")
	for _, row := range []struct {
		role Role
		args []string
		file string
		want string
	}{
		{Edge, edge, open, ""},
		{Edge, append(edge, "--egress-allow", "10.0.0.0/8"), open, ""},
		{Edge, edge, tokenProvider, `the client secret of provider "partner" (from file) is not for an edge`},
		{Worker, worker, open, "oidc (from file) is not for a worker"},
	} {
		l, err := LoadFor(row.role, append(row.args, "--config", write(t, row.file)), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Validate(); (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.role, err)
		}
	}
}

func TestTokenProvidersRefused(t *testing.T) {
	const good = "name: a, issuer: 'https://a.example.org', client-id: c"
	for yaml, want := range map[string]string{
		"[{" + good + ", audience: d}]":                                                    "",
		"[{" + good + ", audience: c}]":                                                    "is also a client-id",
		"[{" + good + ", audience: [d, c]}]":                                               "is also a client-id",
		"[{" + good + "}, {name: b, issuer: 'https://a.example.org', audience: c}]":        "is also a client-id",
		"[{" + good + "}, {name: b, issuer: 'https://b.example.org', audience: c}]":        "",
		"[{" + good + ", audience: ''}]":                                                   "write what the provider calls this server",
		"[{" + good + ", audience: [d, 'e f']}]":                                           "write what the provider calls this server",
		"[{" + good + ", audience: {d: e}}]":                                               "oidc is a list of providers",
		"[{" + good + ", any-token-type: true}]":                                           "say for which audience",
		"[{name: a, issuer: 'https://a.example.org'}]":                                     "client-id is missing",
		"[{name: a, issuer: 'https://a.example.org', audience: d}]":                        "",
		"[{" + good + ", claims: {groups: [a..b]}}]":                                       "with a dot between each",
		"[{" + good + ", claims: {colour: red}}]":                                          "colour",
		"[{" + good + ", claims: {affiliation-scopes: ['*']}}]":                            "is no scope",
		"[{" + good + ", claims: {table: [{claim: a, value: true, group: b}], email: m}}]": "",
	} {
		l, err := Load([]string{"--images", "x", "--config", write(t, "oidc: "+yaml+"\n")}, nil, nil)
		if err == nil {
			err = l.Validate()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}
