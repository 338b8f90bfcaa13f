package oidc

import (
	"strings"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
)

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
