// Package issuertest is an OpenID provider as far as verifiers of its access tokens see
// it, with real keys, for tests.
package issuertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// What the provider and this server are called.
const (
	URL      = "https://login.example.edu/realms/main"
	Audience = "https://iiif.example.edu"
)

// The keys of the tests; making them takes long.
var (
	RSA      = Must(rsa.GenerateKey(rand.Reader, 2048))
	OtherRSA = Must(rsa.GenerateKey(rand.Reader, 2048))
	WeakRSA  = Must(rsa.GenerateKey(rand.Reader, 1024)) //nolint:gosec // is to be refused
	EC       = Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	Ed25519  = ed25519Key()
)

// Must gives what cannot fail.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ed25519Key() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return Must(key, err)
}

// Provider is an OpenID provider as far as verifiers of its tokens see it. It is reached
// without a network, so that time is the test's.
type Provider struct {
	mu      sync.Mutex
	Issuer  string // that discovery names
	Keys    []jose.JSONWebKey
	Down    bool
	Skew    time.Duration
	Slow    time.Duration // before each answer
	fetches int           // of keys
	Asked   []string      // addresses
}

// New makes one that publishes RSA, EC and Ed25519 as "rsa", "ec" and "ed".
func New() *Provider {
	return &Provider{Issuer: URL, Keys: []jose.JSONWebKey{Public("rsa", RSA), Public("ec", EC), Public("ed", Ed25519)}}
}

// Public is a key as it is published.
func Public(id string, key crypto.Signer) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key.Public(), KeyID: id, Use: "sig"}
}

// Set changes the provider.
func (p *Provider) Set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// Count tells how often keys were read.
func (p *Provider) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

// RoundTrip implements http.RoundTripper.
func (p *Provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	slow := p.Slow
	p.mu.Unlock()
	time.Sleep(slow)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Asked = append(p.Asked, r.URL.String())
	if p.Down {
		return nil, errors.New("no route to host")
	}
	w := httptest.NewRecorder()
	w.Header().Set("Date", time.Now().Add(p.Skew).UTC().Format(http.TimeFormat))
	switch r.URL.String() {
	case URL + "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": p.Issuer, "jwks_uri": "https://login.example.edu/keys"})
	case "https://login.example.edu/keys":
		p.fetches++
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: p.Keys})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

// Token is one to be made; the zero value is a good one.
type Token struct {
	Algorithm jose.SignatureAlgorithm // default RS256
	Key       any                     // default RSA
	ID        any                     // of the key; default "rsa", nil for none
	Header    map[jose.HeaderKey]any  // default typ at+jwt
	Claims    map[string]any          // beside the good ones; nil takes one away
}

// String is the token in the compact form.
func (k Token) String() string {
	if k.Algorithm == "" {
		k.Algorithm, k.Key = jose.RS256, RSA
	}
	options := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{"typ": "at+jwt", "kid": "rsa"}}
	maps.Copy(options.ExtraHeaders, k.Header)
	if k.ID != nil {
		options.ExtraHeaders["kid"] = k.ID
	}
	for name, value := range options.ExtraHeaders {
		if value == nil {
			delete(options.ExtraHeaders, name)
		}
	}
	signer := Must(jose.NewSigner(jose.SigningKey{Algorithm: k.Algorithm, Key: k.Key}, options))
	return Must(Must(signer.Sign(k.Payload())).CompactSerialize())
}

// Payload is what it says.
func (k Token) Payload() []byte {
	now := time.Now()
	all := map[string]any{
		"iss": URL, "sub": "ada", "aud": Audience, "client_id": "harvester", "jti": "1",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "groups": []string{"maps", "staff"}, "name": "Ada",
	}
	maps.Copy(all, k.Claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return Must(json.Marshal(all))
}
