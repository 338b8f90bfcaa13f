// Package jwks reads the public keys that an OpenID provider publishes (RFC 7517).
package jwks

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	jose "github.com/go-jose/go-jose/v4"
)

const (
	maxKeys    = 100
	minRSABits = 2048
)

// Parse reads a key set and leaves out what cannot verify a signature, or not well: one
// odd key must not take the others away. A set without any other is an error.
func Parse(text []byte) ([]jose.JSONWebKey, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	if len(raw.Keys) > maxKeys {
		return nil, fmt.Errorf("more than %d", maxKeys)
	}
	var usable []jose.JSONWebKey
	for _, one := range raw.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(one, &key) == nil && isUsable(key) {
			usable = append(usable, key)
		}
	}
	if len(usable) == 0 {
		return nil, errors.New("there is none among them that can be used")
	}
	return usable, nil
}

func isUsable(key jose.JSONWebKey) bool {
	if weak, ok := key.Key.(*rsa.PublicKey); ok && weak.N.BitLen() < minRSABits {
		return false
	}
	return key.Valid() && key.IsPublic() && key.Use != "enc"
}
