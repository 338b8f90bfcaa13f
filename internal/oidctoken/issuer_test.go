package oidctoken

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/tessera-iiif/tessera/internal/claims"
)

const (
	issuerURL = "https://login.example.edu/realms/main"
	audience  = "https://iiif.example.edu"
)

// The keys of the tests; making them takes long.
var (
	rsaKey   = must(rsa.GenerateKey(rand.Reader, 2048))
	otherRSA = must(rsa.GenerateKey(rand.Reader, 2048))
	weakRSA  = must(rsa.GenerateKey(rand.Reader, 1024))
	ecKey    = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	_, edKey = must2(ed25519.GenerateKey(rand.Reader))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

// provider is an OpenID provider as far as verifiers of its tokens see it. It is reached
// without a network, so that time is the test's.
type provider struct {
	mu      sync.Mutex
	issuer  string // that discovery names
	keys    []jose.JSONWebKey
	down    bool
	skew    time.Duration
	fetches int // of keys
	asked   []string
}

func newProvider() *provider {
	return &provider{issuer: issuerURL, keys: []jose.JSONWebKey{public("rsa", rsaKey), public("ec", ecKey), public("ed", edKey)}}
}

func public(id string, key crypto.Signer) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key.Public(), KeyID: id, Use: "sig"}
}

func (p *provider) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

// RoundTrip implements http.RoundTripper.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, r.URL.String())
	if p.down {
		return nil, errors.New("no route to host")
	}
	w := httptest.NewRecorder()
	w.Header().Set("Date", time.Now().Add(p.skew).UTC().Format(http.TimeFormat))
	switch r.URL.String() {
	case issuerURL + "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": p.issuer, "jwks_uri": "https://login.example.edu/keys"})
	case "https://login.example.edu/keys":
		p.fetches++
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: p.keys})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

// stage is a verifier and what it logs.
type stage struct {
	*Verifier
	provider *provider
	log      bytes.Buffer
}

func newStage(t testing.TB, change ...func(*Issuer)) *stage {
	t.Helper()
	m, err := claims.New(claims.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	i := Issuer{Name: "main", URL: issuerURL, Audiences: []string{audience, "tessera-api"}, Mapping: m}
	for _, f := range change {
		f(&i)
	}
	s := &stage{provider: newProvider()}
	s.Verifier, err = New(Config{
		Issuers: []Issuer{i}, Client: &http.Client{Transport: s.provider}, Now: time.Now, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// token is one to be made; the zero value is a good one.
type token struct {
	algorithm jose.SignatureAlgorithm // default RS256
	key       any                     // default rsaKey
	id        any                     // of the key; default "rsa", nil for none
	header    map[jose.HeaderKey]any  // default typ at+jwt
	claims    map[string]any          // beside the good ones; nil takes one away
}

func (k token) String() string {
	if k.algorithm == "" {
		k.algorithm, k.key = jose.RS256, rsaKey
	}
	options := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{"typ": "at+jwt", "kid": "rsa"}}
	maps.Copy(options.ExtraHeaders, k.header)
	if k.id != nil {
		options.ExtraHeaders["kid"] = k.id
	}
	for name, value := range options.ExtraHeaders {
		if value == nil {
			delete(options.ExtraHeaders, name)
		}
	}
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: k.algorithm, Key: k.key}, options))
	return must(must(signer.Sign(k.payload())).CompactSerialize())
}

func (k token) payload() []byte {
	now := time.Now()
	all := map[string]any{
		"iss": issuerURL, "sub": "ada", "aud": audience, "client_id": "harvester", "jti": "1",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "groups": []string{"maps", "staff"}, "name": "Ada",
	}
	maps.Copy(all, k.claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return must(json.Marshal(all))
}
