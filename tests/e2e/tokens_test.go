package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// issuer makes access tokens for API clients.
type issuer struct {
	*httptest.Server
	t    *testing.T
	key  *ecdsa.PrivateKey
	down atomic.Bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{t: t, key: key}
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case i.down.Load():
		http.Error(w, "down", http.StatusBadGateway)
	case r.URL.Path == "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	case r.URL.Path == "/keys":
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: "k", Use: "sig"}}})
	default:
		http.NotFound(w, r)
	}
}

// token is an access token for an audience, or with another type something else.
func (i *issuer) token(typ, audience string, groups ...string) string {
	i.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", "k"))
	if err != nil {
		i.t.Fatal(err)
	}
	payload, err := json.Marshal(map[string]any{
		"iss": i.URL, "sub": "harvester", "aud": audience, "groups": groups, "client_id": "harvester",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	})
	if err != nil {
		i.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		i.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

// An API client opens images with a token that an OpenID provider made for this server.
func TestAccessTokensOfProviders(t *testing.T) {
	images, data := folders(t)
	writePNG(t, filepath.Join(images, "maps.png"), squares())
	writePNG(t, filepath.Join(images, "open.png"), squares())
	i := newIssuer(t)
	settings, rules := filepath.Join(t.TempDir(), "tessera.yaml"), filepath.Join(t.TempDir(), "rules.json")
	for path, text := range map[string]string{
		settings: "oidc: [{name: campus, issuer: '" + i.URL + "', audience: 'https://iiif.example.edu', claims: {group-prefix: 'campus:'}}]\n",
		rules:    `{"items": [{"name": "open", "images": ["open"], "access": "open"}, {"name": "maps", "images": ["maps"], "access": "groups", "groups": ["campus:harvesters"]}]}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, images, data, "--config", settings, "--initial-rules", rules)
	const maps, open = "/iiif/3/maps/full/max/0/default.jpg", "/iiif/3/open/full/max/0/default.jpg"
	for _, row := range []struct {
		name, path, token string
		status            int
		invalid           bool
	}{
		{"in the group", maps, i.token("at+jwt", "https://iiif.example.edu", "harvesters"), 200, false},
		{"not in the group", maps, i.token("at+jwt", "https://iiif.example.edu", "others"), 403, false},
		{"for another server", maps, i.token("at+jwt", "https://other.example.edu", "harvesters"), 401, true},
		{"an ID token", maps, i.token("JWT", "https://iiif.example.edu", "harvesters"), 401, true},
		{"no token", maps, "undefined", 401, false},
		{"an open image", open, i.token("JWT", "https://iiif.example.edu"), 200, false},
	} {
		a := s.get(row.path, "Authorization", "Bearer "+row.token)
		if got := strings.Contains(a.Header.Get("Www-Authenticate"), `error="invalid_token"`); a.StatusCode != row.status || got != row.invalid {
			t.Errorf("%s: %d %v", row.name, a.StatusCode, a.Header)
		}
	}
	var p struct {
		State  string
		Tokens struct {
			Edges []struct {
				State string
				Keys  int
			}
		}
	}
	s.eventually("coordinators hear that the edge has the keys", func() bool {
		s.shell().must(&p, "admin", "provider", "check", "campus")
		e := p.Tokens.Edges
		return len(e) == 1 && e[0].State == "ready" && e[0].Keys == 1
	})
	i.down.Store(true)
	if a := s.get(maps, "Authorization", "Bearer "+i.token("at+jwt", "https://iiif.example.edu", "harvesters")); a.StatusCode != 200 {
		t.Errorf("R36: the provider is down: %d", a.StatusCode)
	}
}
