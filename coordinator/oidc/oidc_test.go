package oidc_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/oidc/oidctest"
	"github.com/tessera-iiif/tessera/internal/egress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const back = "https://iiif.example.org/auth/oidc/campus/callback"

// stage is one client and its provider, with a clock that stands still.
type stage struct {
	*oidctest.Provider
	t      *testing.T
	client *oidc.Provider
	log    *bytes.Buffer
	mu     sync.Mutex
	now    time.Time
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, now: time.Now().Truncate(time.Second), log: &bytes.Buffer{}}
	s.Provider = oidctest.New(t, s.time)
	s.Knows("alice", map[string]any{"name": "Alice", "groups": []string{"staff"}})
	s.client = s.provider("campus", s.URL)
	return s
}

func (s *stage) time() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *stage) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *stage) provider(name, issuer string) *oidc.Provider {
	s.t.Helper()
	set, err := oidc.New(oidc.Config{
		Providers: []oidc.Settings{{Name: name, Issuer: issuer, ClientID: oidctest.ClientID, ClientSecret: oidctest.Secret, Mapping: mapping}},
		Client:    egress.NewClient(egress.Config{Loopback: true, MaxBytes: 64 << 10, Timeout: 2 * time.Second}), Now: s.time, Log: slog.New(slog.NewTextHandler(s.log, nil)),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(set.Close)
	return set.Find(name)
}

// mapping is the plainest there can be.
func mapping(merged map[string]any) (p oidc.Person, warnings []string, err error) {
	p.Name, _ = merged["name"].(string)
	p.Email, _ = merged["email"].(string)
	groups, _ := merged["groups"].([]any)
	for _, g := range groups {
		p.Groups = append(p.Groups, fmt.Sprint(g))
	}
	return p, nil, nil
}

// signIn goes there and back.
func (s *stage) signIn() (oidc.Arrival, error) {
	s.t.Helper()
	address, d, err := s.client.Depart(s.t.Context(), back)
	if err != nil {
		return oidc.Arrival{}, err
	}
	return s.client.Arrive(s.t.Context(), query(s.t, s.Authorize(address, "alice")), d)
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func kind(t *testing.T, err error) oidc.Kind {
	t.Helper()
	var fault *oidc.Fault
	if !errors.As(err, &fault) {
		t.Fatalf("no fault: %v", err)
	}
	return fault.Kind
}

func TestSignIn(t *testing.T) {
	s := newStage(t)
	s.Lie(oidctest.Lies{UserInfo: func(c map[string]any) { c["email"] = "alice@example.edu"; c["name"] = "not signed" }})
	a, err := s.signIn()
	if err != nil {
		t.Fatal(err)
	}
	// R51: userinfo adds, and what is signed counts before it.
	if a.Subject != "alice" || a.Person.Name != "Alice" || a.Person.Email != "alice@example.edu" || fmt.Sprint(a.Person.Groups) != "[staff]" {
		t.Errorf("arrived: %+v", a)
	}
	if a.SID == "" || a.Refresh == "" || a.IDToken == "" || !a.Told {
		t.Errorf("not kept: %+v", a)
	}
}

// R35: a provider that lies, or somebody between, signs nobody in.
func TestLies(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(name string, value any) oidctest.Lies {
		return oidctest.Lies{Claims: func(c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}}
	}
	answer := func(name, value string) oidctest.Lies {
		return oidctest.Lies{Answer: func(a url.Values) {
			if a.Set(name, value); value == "" {
				a.Del(name)
			}
		}}
	}
	now := time.Now()
	for name, test := range map[string]struct {
		lies oidctest.Lies
		want oidc.Kind
	}{
		"R35 iss":                 {claim("iss", "https://evil.example"), oidc.False},
		"R35 iss with a slash":    {oidctest.Lies{Claims: func(c map[string]any) { c["iss"] = fmt.Sprint(c["iss"], "/") }}, oidc.False},
		"R35 no iss":              {claim("iss", nil), oidc.False},
		"R35 aud":                 {claim("aud", "another"), oidc.False},
		"R35 no aud":              {claim("aud", nil), oidc.False},
		"R35 two aud without azp": {claim("aud", []string{oidctest.ClientID, "another"}), oidc.False},
		"R35 azp":                 {claim("azp", "another"), oidc.False},
		"R35 nonce":               {claim("nonce", "of another sign-in"), oidc.False},
		"R35 no nonce":            {claim("nonce", nil), oidc.False},
		"R35 no sub":              {claim("sub", nil), oidc.False},
		"R35 long sub":            {claim("sub", strings.Repeat("x", 256)), oidc.False},
		"R35 expired":             {claim("exp", now.Add(-time.Minute).Unix()), oidc.Clock},
		"R35 no exp":              {claim("exp", nil), oidc.Clock},
		"R35 of tomorrow":         {claim("iat", now.Add(time.Hour).Unix()), oidc.Clock},
		"R35 of yesterday":        {claim("iat", now.Add(-time.Hour).Unix()), oidc.Clock},
		"R35 not yet valid":       {claim("nbf", now.Add(time.Hour).Unix()), oidc.False},
		"R35 at_hash":             {claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), oidc.False},
		"R35 sid is a number":     {claim("sid", 7), oidc.False},
		"R35 alg none":            {oidctest.Lies{Sign: oidctest.Unsigned}, oidc.False},
		"R35 alg HS256 by secret": {oidctest.Lies{Sign: func(p []byte) string {
			return oidctest.SignWith(t, jose.HS256, []byte(strings.Repeat(oidctest.Secret, 2)), p)
		}}, oidc.False},
		"R35 alg not announced":   {oidctest.Lies{Sign: func(p []byte) string { return oidctest.SignWith(t, jose.PS256, other, p) }}, oidc.False},
		"R35 another key":         {oidctest.Lies{Sign: func(p []byte) string { return oidctest.SignWith(t, jose.RS256, other, p) }}, oidc.False},
		"R35 not a token":         {oidctest.Lies{Sign: func([]byte) string { return "a.b.c" }}, oidc.False},
		"R35 no ID token":         {oidctest.Lies{Token: func(a map[string]any) { delete(a, "id_token") }}, oidc.False},
		"R35 huge ID token":       {oidctest.Lies{Token: func(a map[string]any) { a["id_token"] = strings.Repeat("x", 65<<10) }}, oidc.False},
		"R35 ID token is a map":   {oidctest.Lies{Token: func(a map[string]any) { a["id_token"] = map[string]any{} }}, oidc.False},
		"R35 swapped code":        {answer("code", "of somebody else"), oidc.Over},
		"R35 no code":             {answer("code", ""), oidc.False},
		"R35 RFC 9207 iss":        {answer("iss", "https://evil.example"), oidc.False},
		"R35 RFC 9207 no iss":     {answer("iss", ""), oidc.False},
		"turned back":             {answer("error", "access_denied"), oidc.Refused},
		"a stranger's client":     {answer("error", "unauthorized_client"), oidc.Misset},
		"busy":                    {answer("error", "temporarily_unavailable"), oidc.Away},
		"R51 userinfo of another": {oidctest.Lies{UserInfo: func(c map[string]any) { c["sub"] = "mallory" }}, oidc.False},
		"R51 userinfo of nobody":  {oidctest.Lies{UserInfo: func(c map[string]any) { delete(c, "sub") }}, oidc.False},
		"R27 too much userinfo":   {oidctest.Lies{UserInfo: func(c map[string]any) { c["x"] = strings.Repeat("x", 65<<10) }}, oidc.False},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.Lie(test.lies)
			a, err := s.signIn()
			if err == nil {
				t.Fatalf("%+v came in", a)
			}
			if got := kind(t, err); got != test.want {
				t.Errorf("kind %d, want %d: %v", got, test.want, err)
			}
			s.Lie(oidctest.Lies{})
			if _, err := s.signIn(); err != nil {
				t.Errorf("honest again: %v", err)
			}
		})
	}
}

// R35: what was begun for one sign-in fits no other.
func TestMixedUp(t *testing.T) {
	s := newStage(t)
	one, d1, err := s.client.Depart(t.Context(), back)
	if err != nil {
		t.Fatal(err)
	}
	two, d2, err := s.client.Depart(t.Context(), back)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.Arrive(t.Context(), query(t, s.Authorize(one, "alice")), d2); err == nil {
		t.Error("R35 the code of another sign-in came in (PKCE)")
	}
	d1.Nonce = d2.Nonce
	if _, err := s.client.Arrive(t.Context(), query(t, s.Authorize(one, "alice")), d1); err == nil {
		t.Error("R35 the ID token of another sign-in came in (nonce)")
	}
	answer := query(t, s.Authorize(two, "alice"))
	if _, err := s.client.Arrive(t.Context(), answer, d2); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.Arrive(t.Context(), answer, d2); kind(t, err) != oidc.Over {
		t.Errorf("R35 the code came twice: %v", err)
	}
	t.Run("R35 mix-up", func(t *testing.T) {
		evil := oidctest.New(t, s.time)
		evil.Knows("alice", map[string]any{})
		client := s.provider("evil", evil.URL)
		_, d, err := client.Depart(t.Context(), "https://iiif.example.org/auth/oidc/evil/callback")
		if err != nil {
			t.Fatal(err)
		}
		// The honest provider's answer is turned to the other's callback.
		address, _, err := s.client.Depart(t.Context(), back)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Arrive(t.Context(), query(t, s.Authorize(address, "alice")), d); kind(t, err) != oidc.False {
			t.Errorf("%v", err)
		}
		if evil.Asked("/token") != 0 {
			t.Error("the code of the honest provider was told to the other")
		}
	})
}

// A provider that is down keeps nobody waiting, and is asked again when it may be back.
func TestDown(t *testing.T) {
	s := newStage(t)
	s.Lie(oidctest.Lies{Serve: func(w http.ResponseWriter, _ string) bool { w.WriteHeader(http.StatusBadGateway); return true }})
	for range 5 {
		if _, err := s.signIn(); kind(t, err) != oidc.Away {
			t.Fatalf("%v", err)
		}
	}
	if n := s.Asked("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("asked %d times within a moment", n)
	}
	s.Lie(oidctest.Lies{})
	s.pass(3 * time.Second)
	if _, err := s.signIn(); err != nil {
		t.Errorf("back again: %v", err)
	}
	t.Run("what it said holds while it is down", func(t *testing.T) {
		s.pass(7 * time.Hour)
		s.Lie(oidctest.Lies{Serve: func(w http.ResponseWriter, path string) bool {
			if path == "/.well-known/openid-configuration" || path == "/jwks" {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
			return false
		}})
		if _, err := s.signIn(); err != nil {
			t.Error(err)
		}
	})
	t.Run("userinfo", func(t *testing.T) {
		s.Lie(oidctest.Lies{Serve: func(w http.ResponseWriter, path string) bool {
			if path == "/userinfo" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return path == "/userinfo"
		}})
		if _, err := s.signIn(); kind(t, err) != oidc.Away {
			t.Error(err)
		}
	})
}

func TestSlow(t *testing.T) {
	s := newStage(t)
	release := make(chan struct{})
	defer close(release)
	s.Lie(oidctest.Lies{Serve: func(http.ResponseWriter, string) bool { <-release; return true }})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := s.client.Depart(ctx, back); kind(t, err) != oidc.Away {
		t.Error(err)
	}
}

func TestFalseDiscovery(t *testing.T) {
	set := func(name string, value any) func(map[string]any) {
		return func(doc map[string]any) { doc[name] = value }
	}
	for name, test := range map[string]struct {
		lie  func(map[string]any)
		want oidc.Kind
	}{
		"R35 another issuer":   {set("issuer", "https://evil.example"), oidc.False},
		"R35 script":           {set("authorization_endpoint", "javascript:alert(1)"), oidc.False},
		"R35 no token address": {set("token_endpoint", ""), oidc.False},
		"R35 algorithms":       {set("id_token_signing_alg_values_supported", []string{"none", "HS256"}), oidc.False},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.Lie(oidctest.Lies{Discovery: test.lie})
			if _, err := s.signIn(); kind(t, err) != test.want {
				t.Error(err)
			}
		})
	}
	t.Run("R27 keys inside the network", func(t *testing.T) {
		s := newStage(t)
		s.Lie(oidctest.Lies{Discovery: set("jwks_uri", "https://169.254.169.254/keys")})
		if _, err := s.signIn(); kind(t, err) != oidc.Misset {
			t.Error(err)
		}
	})
}

// R36: keys change without anybody noticing, and nobody makes us ask for them often.
func TestKeys(t *testing.T) {
	s := newStage(t)
	for range 3 {
		if _, err := s.signIn(); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Asked("/jwks"); n != 1 {
		t.Fatalf("keys read %d times", n)
	}
	s.pass(time.Minute)
	s.Rotate()
	if _, err := s.signIn(); err != nil {
		t.Fatalf("R36 after the key changed: %v", err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	before := s.Asked("/jwks")
	for i := range 10_000 {
		token := forged(t, key, fmt.Sprint("kid-", i), i)
		if _, err := s.client.VerifyLogout(t.Context(), token); err == nil {
			t.Fatal("a forged token was believed")
		}
		s.pass(6 * time.Millisecond) // a minute in all
	}
	if n := s.Asked("/jwks") - before; n > 1 {
		t.Errorf("R36 keys read %d times in a minute", n)
	}
	s.pass(time.Minute)
	s.Lie(oidctest.Lies{Serve: func(w http.ResponseWriter, path string) bool {
		if path == "/jwks" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return path == "/jwks"
	}})
	if _, err := s.client.VerifyLogout(t.Context(), forged(t, key, "x", 0)); kind(t, err) != oidc.Away {
		t.Errorf("keys cannot be read: %v", err)
	}
	if _, err := s.signIn(); err != nil {
		t.Errorf("R36 keys are kept while they cannot be read: %v", err)
	}
}

var template = struct {
	sync.Mutex
	token string
}{}

// forged is a token by a key nobody published. Signing is slow, and the signature is
// wrong in any case: one is enough, under many names.
func forged(t *testing.T, key *rsa.PrivateKey, kid string, i int) string {
	t.Helper()
	template.Lock()
	defer template.Unlock()
	if template.token == "" || i == 0 {
		template.token = oidctest.SignWith(t, jose.RS256, key, []byte(`{}`))
	}
	_, rest, _ := strings.Cut(template.token, ".")
	return b64(`{"alg":"RS256","kid":"`+kid+`"}`) + "." + rest
}

func TestTooLateOrTooEarly(t *testing.T) {
	s := newStage(t)
	if _, err := s.signIn(); err != nil {
		t.Fatal(err)
	}
	if s.log.Len() > 0 {
		t.Errorf("clocks agree, and yet: %s", s.log)
	}
	// R56: an alarm above two seconds; the provider's clock is this machine's.
	s.pass(10 * time.Second)
	if _, err := s.signIn(); err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(s.log); !strings.Contains(string(text), "set both by NTP") {
		t.Errorf("R56 no alarm: %s", text)
	}
}
