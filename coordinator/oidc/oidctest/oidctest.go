// Package oidctest is an OpenID provider for tests that can be told to lie. It follows
// the specification where it was not told otherwise: it checks the client's secret, the
// exact redirect address and PKCE, and gives a code once.
package oidctest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// The client that every provider knows.
const (
	ClientID = "tessera"
	Secret   = "a secret of the client: 100%"
)

// Lies is what a provider does otherwise than it should. The zero value is the truth.
type Lies struct {
	Discovery func(doc map[string]any)
	Answer    func(answer url.Values)                       // to the browser
	Claims    func(claims map[string]any)                   // of ID tokens
	Sign      func(payload []byte) string                   // instead of Sign
	UserInfo  func(claims map[string]any)                   // what it says there
	Token     func(answer map[string]any)                   // of the token endpoint
	Serve     func(w http.ResponseWriter, path string) bool // true: has answered
}

// Provider is a running provider. Its fields may be changed between requests.
type Provider struct {
	URL string
	Now func() time.Time

	t       testing.TB
	mu      sync.Mutex
	lies    Lies
	key     *rsa.PrivateKey
	kid     string
	people  map[string]map[string]any // claims by subject
	codes   map[string]grant
	refresh map[string]grant
	asked   map[string]int // requests by path
}

type grant struct {
	subject, nonce, challenge, redirect, sid string
}

// New starts a provider until the test ends.
func New(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	p := &Provider{
		t: t, Now: now, people: map[string]map[string]any{}, codes: map[string]grant{}, refresh: map[string]grant{}, asked: map[string]int{},
	}
	p.key, p.kid = firstKey(), rand.Text()
	server := httptest.NewServer(p)
	p.URL = server.URL
	t.Cleanup(server.Close)
	return p
}

// Lie changes what the provider does; the zero Lies makes it honest again.
func (p *Provider) Lie(l Lies) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lies = l
}

// Knows adds a person.
func (p *Provider) Knows(subject string, claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.people[subject] = claims
}

// Rotate makes a new key and forgets the old one.
func (p *Provider) Rotate() {
	key := newKey()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.kid = key, rand.Text()
}

// firstKey is that of all providers of a test binary: making one takes long.
var firstKey = sync.OnceValue(newKey)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic("oidctest: " + err.Error())
	}
	return key
}

// Asked counts the requests to a path.
func (p *Provider) Asked(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

// Authorize is the page where somebody signs in: it reads the address a browser was sent
// to and gives the address it is sent back to.
func (p *Provider) Authorize(address, subject string) string {
	p.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" ||
		q.Get("nonce") == "" || q.Get("state") == "" || !strings.Contains(" "+q.Get("scope")+" ", " openid ") {
		p.t.Fatalf("the client asks wrongly: %s", address)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code := rand.Text()
	p.codes[code] = grant{subject, q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri"), "sid-" + rand.Text()}
	answer := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.URL}}
	if p.lies.Answer != nil {
		p.lies.Answer(answer)
	}
	return q.Get("redirect_uri") + "?" + answer.Encode()
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked[r.URL.Path]++
	serve := p.lies.Serve
	p.mu.Unlock()
	if serve != nil && serve(w, r.URL.Path) { // not locked: it may take its time
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		p.discovery(w)
	case "/jwks":
		reply(w, http.StatusOK, map[string]any{"keys": []jose.JSONWebKey{{Key: p.key.Public(), KeyID: p.kid, Algorithm: "RS256", Use: "sig"}}})
	case "/token":
		p.token(w, r)
	case "/userinfo":
		p.userinfo(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (p *Provider) discovery(w http.ResponseWriter) {
	doc := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/jwks", "userinfo_endpoint": p.URL + "/userinfo", "end_session_endpoint": p.URL + "/end",
		"id_token_signing_alg_values_supported":          []string{"RS256", "HS256", "none"},
		"authorization_response_iss_parameter_supported": true,
	}
	if p.lies.Discovery != nil {
		p.lies.Discovery(doc)
	}
	reply(w, http.StatusOK, doc)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id, _ = url.QueryUnescape(id); id == "" {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	} else {
		secret, _ = url.QueryUnescape(secret)
	}
	if id != ClientID || secret != Secret {
		reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	var g grant
	var ok bool
	switch r.PostFormValue("grant_type") {
	case "authorization_code":
		g, ok = p.codes[r.PostFormValue("code")]
		delete(p.codes, r.PostFormValue("code"))
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		ok = ok && g.redirect == r.PostFormValue("redirect_uri") && g.challenge == base64.RawURLEncoding.EncodeToString(sum[:])
	case "refresh_token":
		g, ok = p.refresh[r.PostFormValue("refresh_token")]
		delete(p.refresh, r.PostFormValue("refresh_token"))
		g.nonce = ""
	}
	if !ok || p.people[g.subject] == nil {
		reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	p.grant(w, g)
}

func (p *Provider) grant(w http.ResponseWriter, g grant) {
	access, refresh := "access-"+g.subject, rand.Text()
	p.refresh[refresh] = g
	now := p.Now()
	hash := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"iss": p.URL, "sub": g.subject, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "sid": g.sid,
		"at_hash": base64.RawURLEncoding.EncodeToString(hash[:16]),
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	maps.Copy(claims, p.people[g.subject])
	if p.lies.Claims != nil {
		p.lies.Claims(claims)
	}
	sign := p.sign
	if p.lies.Sign != nil {
		sign = p.lies.Sign
	}
	answer := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": 300, "refresh_token": refresh, "id_token": sign(encode(p.t, claims)),
	}
	if p.lies.Token != nil {
		p.lies.Token(answer)
	}
	reply(w, http.StatusOK, answer)
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	subject, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer access-")
	if !ok {
		reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	claims := map[string]any{"sub": subject}
	if p.lies.UserInfo != nil {
		p.lies.UserInfo(claims)
	}
	reply(w, http.StatusOK, claims)
}

// LogoutToken makes a logout token; change, if not nil, makes it another.
func (p *Provider) LogoutToken(subject, sid string, change func(claims map[string]any)) string {
	now := p.Now()
	claims := map[string]any{
		"iss": p.URL, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": rand.Text(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	if subject != "" {
		claims["sub"] = subject
	}
	if sid != "" {
		claims["sid"] = sid
	}
	if change != nil {
		change(claims)
	}
	return p.Sign(encode(p.t, claims))
}

// Sign signs by the provider's key of now.
func (p *Provider) Sign(payload []byte) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sign(payload)
}

func (p *Provider) sign(payload []byte) string {
	return SignWith(p.t, jose.RS256, jose.JSONWebKey{Key: p.key, KeyID: p.kid}, payload)
}

// SignWith signs by any key.
func SignWith(t testing.TB, alg jose.SignatureAlgorithm, key any, payload []byte) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Unsigned is a token of algorithm none.
func Unsigned(payload []byte) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

func encode(t testing.TB, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
