package oidc

import (
	"strings"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
)

// What keys a provider publishes is whatever somebody put there; what is kept of it can
// verify a signature and gives no secret away.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a"},{"kty":"oct","k":"c2VjcmV0"},{"kty":"EC"},7,null]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := parseKeys(body)
		if err != nil {
			return
		}
		if len(keys) == 0 {
			t.Error("no key, and no error")
		}
		for _, key := range keys {
			if !key.IsPublic() {
				t.Error("a secret is kept")
			}
			if _, ok := key.Key.([]byte); ok {
				t.Error("a shared secret would verify signatures")
			}
		}
	})
}

// Whatever comes as a token and a key set, nothing is verified that was not signed.
func FuzzToken(f *testing.F) {
	f.Add(`eyJhbGciOiJub25lIn0.e30.`)
	f.Add(`eyJhbGciOiJSUzI1NiJ9.e30.AAAA`)
	f.Add(`a.b.c`)
	keys := []jose.JSONWebKey{}
	f.Fuzz(func(t *testing.T, token string) {
		isLogoutType(token)
		_, _ = payload(token)
		signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
		if err != nil {
			return
		}
		if _, ok := verify(signed, keys); ok {
			t.Error("verified by no key")
		}
		if strings.Count(token, ".") != 2 {
			t.Error("a token of other than three parts")
		}
	})
}
