package jwks

import (
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
)

func public(t *testing.T, key jose.JSONWebKey) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// bits is an RSA key that is not one, but as long.
func bits(n uint) *rsa.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), int(n)-1, 1), E: 65537} //nolint:gosec // a few thousand
}

// What cannot be used takes nothing else away, and where nothing can be used that is said.
func TestParse(t *testing.T) {
	sound := public(t, jose.JSONWebKey{Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public(), KeyID: "sound"})
	for name, odd := range map[string]json.RawMessage{
		"for encryption":  public(t, jose.JSONWebKey{Key: bits(2048), Use: "enc"}),
		"weak":            public(t, jose.JSONWebKey{Key: bits(1024)}),
		"a shared secret": json.RawMessage(`{"kty":"oct","k":"c2VjcmV0"}`),
		"unknown":         json.RawMessage(`{"kty":"XY"}`),
		"no key":          json.RawMessage(`7`),
	} {
		text, err := json.Marshal(map[string]any{"keys": []json.RawMessage{odd, sound}})
		if err != nil {
			t.Fatal(err)
		}
		if keys, err := Parse(text); err != nil || len(keys) != 1 || keys[0].KeyID != "sound" {
			t.Errorf("%s beside a sound one: %v, %v", name, keys, err)
		}
		if keys, err := Parse([]byte(`{"keys":[` + string(odd) + `]}`)); err == nil {
			t.Errorf("%s alone: %v", name, keys)
		}
	}
	strong := public(t, jose.JSONWebKey{Key: bits(2048)})
	if keys, err := Parse([]byte(`{"keys":[` + string(strong) + `]}`)); err != nil || len(keys) != 1 {
		t.Errorf("of 2048 bits: %v, %v", keys, err)
	}
	if _, err := Parse([]byte(`{"keys":[` + strings.Repeat("7,", maxKeys) + string(sound) + `]}`)); err == nil {
		t.Error("too many were read")
	}
}

// What keys a provider publishes is whatever somebody put there; what is kept of it can
// verify a signature and gives no secret away.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a"},{"kty":"oct","k":"c2VjcmV0"},{"kty":"EC"},7,null]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := Parse(body)
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
