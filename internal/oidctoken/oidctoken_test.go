package oidctoken

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/internal/oidctoken/issuertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGoodTokens(t *testing.T) {
	for _, row := range []struct {
		name  string
		token token
	}{
		{"RS256", token{}},
		{"PS512", token{Algorithm: jose.PS512, Key: issuertest.RSA}},
		{"ES256", token{Algorithm: jose.ES256, Key: issuertest.EC, ID: "ec"}},
		{"EdDSA", token{Algorithm: jose.EdDSA, Key: issuertest.Ed25519, ID: "ed"}},
		{"no key named", token{Header: map[jose.HeaderKey]any{"kid": nil}}},
		{"the type as a media type", token{Header: map[jose.HeaderKey]any{"typ": "application/AT+JWT"}}},
		{"one audience of several", token{Claims: map[string]any{"aud": []string{"other", "tessera-api"}}}},
		{"just expired", token{Claims: map[string]any{"exp": ago(15)}}},
		{"not quite begun", token{Claims: map[string]any{"nbf": ago(-29)}}},
		{"no name, no groups", token{Claims: map[string]any{"name": nil, "groups": nil}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newStage(t)
			text := row.token.String()
			for range 2 { // the second from memory
				got, err := s.Verify(t.Context(), text)
				if err != nil || got.Issuer != issuerURL || got.Person.Subject != "ada" {
					t.Fatalf("%+v, %v", got, err)
				}
				if row.token.Claims == nil && (got.Person.Name != "Ada" || !slices.Equal(got.Person.Groups, []string{"maps", "staff"})) {
					t.Errorf("%+v", got)
				}
			}
		})
	}
}

func ago(seconds int) int64 { return time.Now().Add(-time.Duration(seconds) * time.Second).Unix() }

// raw is a token of any header, without a signature that is worth anything.
func raw(header, payload, signature string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(header)) + "." + enc([]byte(payload)) + "." + enc([]byte(signature))
}

// RFC 9068 and RFC 8725: what is wrong with a token of a configured issuer is found, and
// told to whoever sent it.
func TestHostileTokens(t *testing.T) {
	good := token{}.String()
	parts := strings.Split(good, ".")
	payload := string(token{}.Payload())
	symmetric := func(algorithm jose.SignatureAlgorithm, secret string) token {
		return token{Algorithm: algorithm, Key: []byte(secret)}
	}
	embedded := jose.JSONWebKey{Key: issuertest.OtherRSA.Public(), KeyID: "rsa"}
	for _, row := range []struct {
		name, token, reason string
	}{
		{"alg none", raw(`{"alg":"none","typ":"at+jwt"}`, payload, ""), notSigned},
		{"alg None", raw(`{"alg":"None","typ":"at+jwt","kid":"rsa"}`, payload, ""), notSigned},
		{"no alg", raw(`{"typ":"at+jwt"}`, payload, ""), notSigned},
		{"HS256 with the public key as secret", symmetric(jose.HS256, string(issuertest.Must(issuertest.Public("rsa", issuertest.RSA).MarshalJSON()))).String(), notSigned},
		{"HS512", symmetric(jose.HS512, strings.Repeat("k", 64)).String(), notSigned},
		{"a header that is none", raw(`[]`, payload, "x"), notSigned},
		{"no header", "." + parts[1] + "." + parts[2], notSigned},
		{"crit", token{Header: map[jose.HeaderKey]any{"crit": []string{"exp"}}}.String(), notSigned},
		{"crit b64", raw(`{"alg":"RS256","typ":"at+jwt","kid":"rsa","crit":["b64"],"b64":false}`, payload, "x"), notSigned},
		{"another key under that id", token{Algorithm: jose.RS256, Key: issuertest.OtherRSA}.String(), badKey},
		{"an unknown key", token{ID: "unknown"}.String(), badKey},
		{"a key brought along", token{Algorithm: jose.RS256, Key: issuertest.OtherRSA, Header: map[jose.HeaderKey]any{"jwk": embedded}}.String(), badKey},
		{"an address of keys brought along", token{Algorithm: jose.RS256, Key: issuertest.OtherRSA, Header: map[jose.HeaderKey]any{"jku": "https://evil.example/keys", "x5u": "https://evil.example/x"}}.String(), badKey},
		{"a key too weak", token{Algorithm: jose.RS256, Key: issuertest.WeakRSA, ID: "weak"}.String(), badKey},
		{"another algorithm under that id", token{Algorithm: jose.ES256, Key: issuertest.EC}.String(), badKey},
		{"no signature", parts[0] + "." + parts[1] + ".", badKey},
		{"another payload", parts[0] + "." + strings.Split(token{Claims: map[string]any{"sub": "root"}}.String(), ".")[1] + "." + parts[2], badKey},
		{"an ID token", token{Header: map[jose.HeaderKey]any{"typ": "JWT"}, Claims: map[string]any{"nonce": "n"}}.String(), notAccess},
		{"an ID token without a type", token{Header: map[jose.HeaderKey]any{"typ": nil}}.String(), notAccess},
		{"a logout token", token{Header: map[jose.HeaderKey]any{"typ": "logout+jwt"}}.String(), notAccess},
		{"a type that is no text", token{Header: map[jose.HeaderKey]any{"typ": 7}}.String(), notAccess},
		{"an entity statement", token{Header: map[jose.HeaderKey]any{"typ": "at+jwt2"}}.String(), notAccess},
		{"another audience", token{Claims: map[string]any{"aud": "other"}}.String(), elsewhere},
		{"an audience that begins with ours", token{Claims: map[string]any{"aud": audience + ".evil.example"}}.String(), elsewhere},
		{"no audience", token{Claims: map[string]any{"aud": nil}}.String(), elsewhere},
		{"an empty audience", token{Claims: map[string]any{"aud": []string{}}}.String(), elsewhere},
		{"an audience that is none", token{Claims: map[string]any{"aud": 7}}.String(), malformed},
		{"expired", token{Claims: map[string]any{"exp": ago(31)}}.String(), expired},
		{"never expires", token{Claims: map[string]any{"exp": nil}}.String(), incomplete},
		{"an expiry that is none", token{Claims: map[string]any{"exp": "soon"}}.String(), malformed},
		{"an expiry beyond counting", token{Claims: map[string]any{"exp": 1e300}}.String(), malformed},
		{"not begun", token{Claims: map[string]any{"nbf": ago(-45)}}.String(), tooEarly},
		{"made in the future", token{Claims: map[string]any{"iat": ago(-45)}}.String(), tooEarly},
		{"made at no time", token{Claims: map[string]any{"iat": nil}}.String(), incomplete},
		{"of nobody", token{Claims: map[string]any{"sub": nil}}.String(), incomplete},
		{"of nobody that can be named", token{Claims: map[string]any{"sub": ""}}.String(), incomplete},
		{"of a number", token{Claims: map[string]any{"sub": 7}}.String(), malformed},
		{"bound to a key (RFC 9449)", token{Claims: map[string]any{"cnf": map[string]any{"jkt": "x"}}}.String(), bound},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newStage(t)
			s.provider.Keys = append(s.provider.Keys, issuertest.Public("weak", issuertest.WeakRSA))
			for range 2 { // no memory makes it good
				got, err := s.Verify(t.Context(), row.token)
				var wrong *Invalid
				if !errors.As(err, &wrong) || wrong.Reason != row.reason || got.Issuer != "" {
					t.Fatalf("%+v, %v, want %q", got, err, row.reason)
				}
			}
			for _, asked := range s.provider.Asked {
				if !strings.HasPrefix(asked, "https://login.example.edu/") {
					t.Errorf("somebody else was asked: %s", asked)
				}
			}
		})
	}
}

// What is no token of a configured issuer is nobody's, and costs no question.
func TestForeignTokens(t *testing.T) {
	s := newStage(t)
	for name, text := range map[string]string{
		"nothing": "", "a word": "undefined", "a personal access token": "tpat_" + strings.Repeat("x", 43), "an IIIF access token": "tiat_x",
		"two parts": "a.b", "four parts": "a.b.c.d", "dots": "..", "no base64": "a.*.c",
		"padded":         "a." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"`+issuerURL+`"}`)) + "=.c",
		"no object":      raw(`{}`, `[]`, ""),
		"no issuer":      token{Claims: map[string]any{"iss": nil}}.String(),
		"another issuer": token{Claims: map[string]any{"iss": "https://evil.example"}}.String(),
		"slash added":    token{Claims: map[string]any{"iss": issuerURL + "/"}}.String(),
		"other case":     token{Claims: map[string]any{"iss": strings.ToUpper(issuerURL)}}.String(),
		"a list":         token{Claims: map[string]any{"iss": []string{issuerURL}}}.String(),
		"far too long":   token{Claims: map[string]any{"padding": strings.Repeat("x", maxToken)}}.String(),
		"encrypted":      raw(`{"alg":"RSA-OAEP","enc":"A256GCM"}`, "key", "iv") + ".a.b",
	} {
		if got, err := s.Verify(t.Context(), text); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if len(s.provider.Asked) > 0 {
		t.Errorf("asked: %q", s.provider.Asked)
	}
}

// An issuer that says it is another may know any key: who asks by one name must not get
// the keys of another. And a claim iss that is spelled twice is read one way alone.
func TestIssuersThatLie(t *testing.T) {
	s := newStage(t)
	s.provider.Issuer = "https://other.example"
	if _, err := s.Verify(t.Context(), token{}.String()); !errors.Is(err, ErrAway) {
		t.Errorf("discovery names another issuer: %v", err)
	}
	s = newStage(t)
	twice := strings.Replace(string(token{}.Payload()), `"iss":`, `"ISS":"`+issuerURL+`","iss":"https://other.example","iss2":`, 1)
	signer := issuertest.Must(jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: issuertest.RSA}, (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", "rsa")))
	text := issuertest.Must(issuertest.Must(signer.Sign([]byte(twice))).CompactSerialize())
	if got, err := s.Verify(t.Context(), text); err == nil {
		t.Errorf("taken for a token of ours: %+v", got)
	}
}

// Entra and older Keycloaks call access tokens JWT; where that is allowed, what is plainly
// another token is still refused.
func TestTokensWithoutAType(t *testing.T) {
	anyType := func(i *Issuer) { i.AnyType = true }
	for _, row := range []struct {
		name   string
		header any
		claims map[string]any
		ok     bool
	}{
		{"at+jwt", "at+jwt", nil, true},
		{"JWT", "JWT", nil, true},
		{"no type", nil, nil, true},
		{"Keycloak", "JWT", map[string]any{"typ": "Bearer"}, true},
		{"Keycloak's ID token", "JWT", map[string]any{"typ": "ID"}, false},
		{"Keycloak's refresh token", "JWT", map[string]any{"typ": "Refresh"}, false},
		{"nonce", "JWT", map[string]any{"nonce": "n"}, false},
		{"at_hash", "JWT", map[string]any{"at_hash": "h"}, false},
		{"logout", "JWT", map[string]any{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}, false},
		{"logout+jwt", "logout+jwt", nil, false},
	} {
		_, err := newStage(t, anyType).Verify(t.Context(), token{Header: map[jose.HeaderKey]any{"typ": row.header}, Claims: row.claims}.String())
		if (err == nil) != row.ok {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// Two uses of one issuer are told apart by the audience.
func TestTwoAudiences(t *testing.T) {
	s := newStage(t)
	other := s.issuers[issuerURL].readers[0]
	other.Audiences, other.AnyType = []string{"other"}, true
	s.issuers[issuerURL].readers = append(s.issuers[issuerURL].readers, other)
	plain := map[jose.HeaderKey]any{"typ": "JWT"}
	if _, err := s.Verify(t.Context(), token{Header: plain}.String()); err == nil {
		t.Error("the second's leniency reaches the first")
	}
	if _, err := s.Verify(t.Context(), token{Header: plain, Claims: map[string]any{"aud": "other"}}.String()); err != nil {
		t.Error(err)
	}
}

// R36: a changed key is found at once, the old one counts while it is published, and
// nobody's made-up keys make anybody ask more than once a minute.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		now := func(key token) error {
			_, err := s.Verify(t.Context(), key.String())
			return err
		}
		old, fresh := token{}, token{Algorithm: jose.RS256, Key: issuertest.OtherRSA, ID: "new"}
		if err := now(old); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		s.provider.Set(func() { s.provider.Keys = append(s.provider.Keys, issuertest.Public("new", issuertest.OtherRSA)) })
		for range 3 {
			if err := errors.Join(now(old), now(fresh)); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.provider.Count(); n != 2 {
			t.Errorf("keys were read %d times, want 2", n)
		}
	})
}

// R36: 10,000 made-up keys are one question a minute, and keep nobody else waiting.
func TestMadeUpKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		text := token{}.String()
		if _, err := s.Verify(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		made := strings.Split(text, ".")
		for i := range 10_000 {
			header := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"RS256","typ":"at+jwt","kid":"made-up-%d"}`, i))
			var wrong *Invalid
			if _, err := s.Verify(t.Context(), header+"."+made[1]+"."+made[2]); !errors.As(err, &wrong) || wrong.Reason != badKey {
				t.Fatal(err)
			}
			if i%100 == 0 {
				if _, err := s.Verify(t.Context(), (token{}).String()); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(18 * time.Millisecond) // three minutes in all
		}
		if n := s.provider.Count(); n < 3 || n > 4 {
			t.Errorf("keys were read %d times in three minutes", n)
		}
	})
}

// An issuer that is slow holds up few requests, and none by a key that is known.
func TestSlowIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		if _, err := s.Verify(t.Context(), token{}.String()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		s.provider.Set(func() { s.provider.Slow = 2 * time.Second })
		began := time.Now()
		answers := make(chan time.Duration)
		for i := range 100 {
			go func() {
				_, err := s.Verify(t.Context(), token{ID: fmt.Sprint(i)}.String())
				if err == nil {
					t.Error("let in")
				}
				answers <- time.Since(began)
			}()
		}
		synctest.Wait() // those that are not to wait have come to answer
		if _, err := s.Verify(t.Context(), token{}.String()); err != nil || time.Since(began) > 0 {
			t.Errorf("a known key: %v after %v", err, time.Since(began))
		}
		waited := 0
		for range 100 {
			if took := <-answers; took > 0 {
				waited++
			}
		}
		if waited != maxWaiting {
			t.Errorf("%d requests waited", waited)
		}
	})
}

// R36: while the issuer is down its keys count; a token by another cannot be judged.
func TestIssuerDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.provider.Down = true
		if _, err := s.Verify(t.Context(), token{}.String()); !errors.Is(err, ErrAway) {
			t.Fatal(err)
		}
		s.provider.Set(func() { s.provider.Down = false })
		if _, err := s.Verify(t.Context(), token{}.String()); !errors.Is(err, ErrAway) {
			t.Errorf("asked again at once: %v", err)
		}
		s.holds(t, Held{Issuer: issuerURL, Failing: true})
		time.Sleep(keysFirst)
		if _, err := s.Verify(t.Context(), token{}.String()); err != nil {
			t.Fatal(err)
		}
		has := Held{Issuer: issuerURL, Keys: len(s.provider.Keys), Read: time.Now()}
		s.holds(t, has)
		s.provider.Set(func() { s.provider.Down = true })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(24 * time.Hour)
		if _, err := s.Verify(t.Context(), token{}.String()); err != nil {
			t.Errorf("the known keys do not count: %v", err)
		}
		if _, err := s.Verify(t.Context(), token{ID: "new"}.String()); !errors.Is(err, ErrAway) {
			t.Errorf("a token that cannot be judged: %v", err)
		}
		has.Failing = true
		s.holds(t, has)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := strings.Count(s.log.String(), "keys of an issuer cannot be read"); n != 2 {
			t.Errorf("told %d times of two outages: %s", n, s.log.String())
		}
	})
}

// holds compares what administrators are told with what is so.
func (s *stage) holds(t *testing.T, want Held) {
	t.Helper()
	if got := s.Held(); len(got) != 1 || got[0] != want {
		t.Errorf("holds %+v, want %+v", got, want)
	}
}

// A key that the issuer takes back counts no longer than a quarter of an hour, not even
// for tokens that it made good before.
func TestKeyTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		text := token{Claims: map[string]any{"exp": time.Now().Add(24 * time.Hour).Unix()}}.String()
		if _, err := s.Verify(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, err := s.Verify(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		s.provider.Set(func() { s.provider.Keys = []jose.JSONWebKey{issuertest.Public("new", issuertest.OtherRSA)} })
		time.Sleep(keysEach + time.Second)
		if _, err := s.Verify(t.Context(), text); err == nil {
			t.Error("the token of a key that was taken back still counts")
		}
		cancel()
		<-done
	})
}

// From memory too a token ends when it says.
func TestEndOfAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		text := token{}.String()
		for range 11 {
			if _, err := s.Verify(t.Context(), text); err != nil {
				t.Fatal(err)
			}
			time.Sleep(29 * time.Second)
		}
		time.Sleep(12 * time.Second) // 5 m 31 s
		var wrong *Invalid
		if _, err := s.Verify(t.Context(), text); !errors.As(err, &wrong) || wrong.Reason != expired {
			t.Error(err)
		}
	})
}

// R56: clocks that differ by more than two seconds are told of, once an hour.
func TestClocks(t *testing.T) {
	for _, row := range []struct {
		name   string
		skew   time.Duration
		claims map[string]any
		want   string
	}{
		{"alike", 0, nil, ""},
		{"two seconds", 2 * time.Second, map[string]any{"iat": ago(-2)}, ""},
		{"the issuer's answers are ahead", 5 * time.Second, nil, "issuer_is_ahead_by=5s"},
		{"the issuer's answers are behind", -5 * time.Second, nil, "issuer_is_ahead_by=-4s"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.provider.Skew = row.skew
				for range 3 {
					if _, err := s.Verify(t.Context(), token{}.String()); err != nil {
						t.Fatal(err)
					}
				}
				want(t, s.log.String(), row.want)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		for i := range 3 {
			if _, err := s.Verify(t.Context(), (token{Claims: map[string]any{"iat": ago(-10 - i)}}).String()); err != nil {
				t.Fatal(err)
			}
		}
		want(t, s.log.String(), "issuer_is_ahead_by=10s")
	})
}

func want(t *testing.T, log, text string) {
	t.Helper()
	times := strings.Count(log, "clock")
	if text == "" && times > 0 || text != "" && (times != 1 || !strings.Contains(log, text)) {
		t.Errorf("want %q once: %s", text, log)
	}
}

// R53: groups that were left out are none, and an administrator learns of it, not with
// every token.
func TestOverage(t *testing.T) {
	s := newStage(t)
	for i := range 3 {
		text := token{Claims: map[string]any{"_claim_names": map[string]string{"groups": "src1"}, "jti": fmt.Sprint(i)}}.String()
		if got, err := s.Verify(t.Context(), text); err != nil || len(got.Person.Groups) > 0 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if n := strings.Count(s.log.String(), "is not all used"); n != 1 {
		t.Errorf("told %d times: %s", n, s.log.String())
	}
}

// Whatever comes: no panic, no question to anybody but the issuer, and nobody is let in
// but by the one good token.
func FuzzVerify(f *testing.F) {
	good := token{Claims: map[string]any{"exp": time.Now().Add(24 * time.Hour).Unix()}}.String()
	f.Add(good)
	f.Add(raw(`{"alg":"none"}`, string(token{}.Payload()), ""))
	f.Add(token{ID: "ed", Algorithm: jose.EdDSA, Key: issuertest.Ed25519}.String())
	f.Add("..")
	s := newStage(f)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := s.Verify(t.Context(), text)
		if err == nil && (got.Person.Subject != "ada" || !Resembles(text) || issuerOf(text) != issuerURL) {
			t.Errorf("%q let in %+v", text, got)
		}
		for _, asked := range s.provider.Asked {
			if !strings.HasPrefix(asked, "https://login.example.edu/") {
				t.Fatalf("somebody else was asked: %s", asked)
			}
		}
	})
}
