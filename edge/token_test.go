package edge_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/internal/claims"
	"github.com/tessera-iiif/tessera/internal/oidctoken"
	"github.com/tessera-iiif/tessera/internal/oidctoken/issuertest"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// tokenStage is a stage whose edge takes access tokens of a provider. The coordinators
// let everybody of it in.
type tokenStage struct {
	*stage
	provider *issuertest.Provider
}

func newTokenStage(t *testing.T, adjust ...func(*edge.Config)) *tokenStage {
	t.Helper()
	mapping, err := claims.New(claims.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	s := &tokenStage{provider: issuertest.New()}
	verifier, err := oidctoken.New(oidctoken.Config{
		Issuers: []oidctoken.Issuer{{Name: "campus", URL: issuertest.URL, Audiences: []string{issuertest.Audience}, Mapping: mapping}},
		Client:  &http.Client{Transport: s.provider}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.stage = newStage(t, append(adjust, func(c *edge.Config) { c.Tokens = verifier })...)
	s.letIn("ada", authz.Principal{})
	return s
}

// letIn has the coordinators know a subject, or know that nothing speaks against it.
func (s *tokenStage) letIn(subject string, who authz.Principal) {
	s.change(subject, func(a *authority, hash session.Hash) {
		a.known[hash] = session.Credential{Kind: session.KindIdentity, Principal: who, Expires: s.clock.Now().Add(24 * time.Hour)}
	})
}

// change tells edges that something about a subject is no longer so.
func (s *tokenStage) change(subject string, f func(*authority, session.Hash)) {
	hash := session.IdentityHash(issuertest.URL, subject)
	s.announce(s.authority.change(func(a *authority) {
		f(a, hash)
		a.ended = append(a.ended, hash)
	}))
	s.announce(s.authority.revision) // taken once the last has been applied
}

func bearerOf(token string) with { return header("Authorization", "Bearer "+token) }

func token(claims map[string]any) with { return bearerOf(issuertest.Token{Claims: claims}.String()) }

func idToken() string {
	return issuertest.Token{Header: map[jose.HeaderKey]any{"typ": "JWT"}, Claims: map[string]any{"nonce": "n"}}.String()
}

// A provider's access token opens what rules give to whom it is of, in the groups it says.
func TestAccessTokens(t *testing.T) {
	s := newTokenStage(t)
	const (
		members, staff, open, closed, secret = "/iiif/3/members%2FW" + pixels, "/iiif/3/staff%2FW" + pixels, "/iiif/3/open%2FW" + pixels, "/iiif/3/closed%2FW" + pixels, "/iiif/3/secret%2FW" + pixels
	)
	good, outsider, wrong := token(nil), token(map[string]any{"groups": []string{"students"}}), token(map[string]any{"aud": "elsewhere"})
	for _, row := range []struct {
		name, path string
		sent       []with
		status     int
		said       string // error_description
	}{
		{"signed in", members, []with{outsider}, 200, ""},
		{"in the group", staff, []with{good}, 200, ""},
		{"not in the group", staff, []with{outsider}, 403, ""},
		{"nobody", closed, []with{good}, 403, ""},
		{"hidden, in the group", secret, []with{good}, 200, ""},
		{"hidden", secret, []with{outsider}, 404, ""},
		{"hidden, token wrong", secret, []with{wrong}, 404, ""},
		{"open, token wrong", open, []with{wrong}, 200, ""},
		{"token wrong", members, []with{wrong}, 401, "The token is for another audience."},
		{"token expired", members, []with{token(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()})}, 401, "The token has expired."},
		{"an ID token", members, []with{bearerOf(idToken())}, 401, "This is not an access token: its type has to be at+jwt."},
		{"alg none", members, []with{bearerOf("eyJhbGciOiJub25lIn0." + strings.Split(issuertest.Token{}.String(), ".")[1] + ".")}, 401, "The token is not signed in a way that can be trusted."},
		{"token wrong, cookie good", members, []with{wrong, cookieOf("alice")}, 200, ""},
		{"token wrong, cookie not enough", staff, []with{wrong, cookieOf("alice")}, 403, ""},
		{"token of somebody else's issuer", members, []with{token(map[string]any{"iss": "https://other.example"})}, 401, "-"},
		{"three parts", members, []with{bearerOf("a.b.c")}, 401, "-"},
		{"very long", members, []with{bearerOf(strings.Repeat("x", 100_000))}, 401, "-"},
		{"very long, cookie good", members, []with{bearerOf(strings.Repeat("x", 100_000)), cookieOf("alice")}, 200, ""},
		{"info.json of version 2", "/iiif/2/staff%2FW/info.json", []with{good}, 200, ""},
		{"info.json of version 2, token wrong", "/iiif/2/staff%2FW/info.json", []with{wrong}, 401, "The token is for another audience."},
		{"forward auth", "/auth/query_auth", []with{good, header("X-Original-Uri", staff)}, 204, ""},
		{"forward auth, not in the group", "/auth/query_auth", []with{outsider, header("X-Original-Uri", staff)}, 403, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := s.want(row.status, row.path, row.sent...)
			want := ""
			switch row.said {
			case "":
			case "-":
				want = `Bearer realm="iiif"`
			default:
				want = `Bearer realm="iiif", error="invalid_token", error_description="` + row.said + `"`
			}
			if got := a.header.Get("Www-Authenticate"); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if a.status == 200 && row.path != open && !strings.HasPrefix(a.header.Get("Cache-Control"), "private") && !strings.HasSuffix(row.path, "info.json") {
				t.Errorf("R28: %v", a)
			}
		})
	}
}

// Without a provider that is configured for it no token is looked at.
func TestAccessTokensAreOffByDefault(t *testing.T) {
	s := newStage(t)
	a := s.want(401, "/iiif/3/members%2FW"+pixels, token(nil))
	if got := a.header.Get("Www-Authenticate"); got != `Bearer realm="iiif"` {
		t.Error(got)
	}
}

// The coordinators say who comes in and in which groups they are here; nobody administers
// by a token, whatever it says.
func TestWhomAnAccessTokenIsOf(t *testing.T) {
	s := newTokenStage(t)
	students := token(map[string]any{"groups": []string{"students"}, "admin": true})
	who := func(want string) {
		t.Helper()
		if a := s.want(200, "/", students); !strings.Contains(a.body, "reader "+want) {
			t.Errorf("%s, want %s", a.body, want)
		}
	}
	who(`"` + issuertest.URL + `#ada"`)
	s.letIn("ada", authz.Principal{ID: "u1", Name: "Ada", Groups: []string{"staff"}, Admin: true})
	who(`"u1"`)
	a := s.want(200, "/iiif/3/staff%2FW"+pixels, students)
	if a.header.Get("Server-Timing") != "" {
		t.Error("taken for an administrator")
	}
	s.want(404, "/iiif/3/secret%2FW"+pixels, token(map[string]any{"sub": "eve"})) // whom nobody lets in
}

// R23: who is blocked is refused by every edge that has heard it, though the token is good.
func TestBlockedHolder(t *testing.T) {
	s := newTokenStage(t)
	const path = "/iiif/3/members%2FW" + pixels
	s.want(200, path, token(nil))
	s.change("ada", func(a *authority, hash session.Hash) { delete(a.known, hash) })
	a := s.want(401, path, token(nil))
	if got := a.header.Get("Www-Authenticate"); !strings.Contains(got, `error="invalid_token", error_description="Whoever this token is of is not let in here."`) {
		t.Error(got)
	}
	s.want(200, "/iiif/3/open%2FW"+pixels, token(nil))
}

// What cannot be told is not a refusal for good: neither while the provider's keys cannot
// be had, nor while the coordinators are silent.
func TestAccessTokensThatCannotBeJudged(t *testing.T) {
	s := newTokenStage(t)
	const path = "/iiif/3/members%2FW" + pixels
	s.provider.Set(func() { s.provider.Down = true })
	s.want(503, path, token(nil))
	s.want(200, "/iiif/3/open%2FW"+pixels, token(nil))
	s.want(200, path, token(nil), cookieOf("alice"))

	s = newTokenStage(t)
	s.authority.change(func(a *authority) { a.silent = true })
	s.want(503, path, token(map[string]any{"sub": "not asked about yet"}))
}

// R37: every kind of credential in every place that another one has; nothing is taken for
// what it is not.
func TestCredentialMatrix(t *testing.T) {
	s := newTokenStage(t)
	kinds := map[string]string{
		"session": "cookie-alice", "access token of Auth 1": "iiif-alice", "access token of Auth 2": "iiif2-alice", "personal access token": "tpat_alice",
		"provider's access token": issuertest.Token{}.String(), "ID token": idToken(),
		"refresh token":   issuertest.Token{Header: map[jose.HeaderKey]any{"typ": "JWT"}, Claims: map[string]any{"typ": "Refresh"}}.String(),
		"logout token":    issuertest.Token{Header: map[jose.HeaderKey]any{"typ": "logout+jwt"}}.String(),
		"ID token for us": issuertest.Token{Header: map[jose.HeaderKey]any{"typ": "JWT"}}.String(),
	}
	places := []struct {
		name, path string
		show       func(secret string) with
		opened     []string
	}{
		{"cookie, for pixels", "/iiif/3/members%2FW" + pixels, asCookie, []string{"session"}},
		{"bearer, for pixels", "/iiif/3/members%2FW" + pixels, bearerOf, []string{"personal access token", "provider's access token"}},
		{"bearer, for pixels of version 2", "/iiif/2/members%2FW" + pixels, bearerOf, []string{"personal access token", "provider's access token"}},
		{"cookie, for info.json", "/iiif/2/members%2FW/info.json", asCookie, []string{"session"}},
		{"bearer, for info.json", "/iiif/2/members%2FW/info.json", bearerOf, []string{"personal access token", "provider's access token", "access token of Auth 1"}},
		{"cookie, for the probe", "/auth/probe/members%2FW", asCookie, []string{"session"}},
		{"bearer, for the probe", "/auth/probe/members%2FW", bearerOf, []string{"personal access token", "provider's access token", "access token of Auth 2"}},
	}
	for _, place := range places {
		for kind, secret := range kinds {
			opens := false
			for _, o := range place.opened {
				opens = opens || o == kind
			}
			a := s.ask(place.path, place.show(secret))
			got := a.status == 200
			if strings.HasPrefix(place.path, "/auth/probe/") {
				got = strings.Contains(a.body, `"status":200`)
			}
			if got != opens {
				t.Errorf("R37: %s as %s: opened %v, want %v: %v", kind, place.name, got, opens, a)
			}
		}
	}
}

func asCookie(secret string) with { return header("Cookie", "__Host-tessera_session="+secret) }
