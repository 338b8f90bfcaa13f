package oidctoken

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"
)

const (
	maxKeySet  = 512 << 10 // bytes
	maxKeys    = 100
	minRSABits = 2048
)

// fetch asks the issuer where its keys are and reads them. The answer is the issuer's own
// or refused (OpenID Connect Discovery 1.0, 4.3).
func (k *keyring) fetch(ctx context.Context) (*keySet, error) {
	provider, err := gooidc.NewProvider(gooidc.ClientContext(ctx, k.client), k.issuer)
	if err != nil {
		return nil, fmt.Errorf("discovery: %.300w", err)
	}
	var found struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&found); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	text, err := k.get(ctx, found.Keys)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	keys, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return &keySet{keys: keys, text: string(text)}, nil
}

func (k *keyring) get(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	sent := k.now()
	answer, err := k.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	k.clock.compare(answer.Header, sent, k.now())
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%.200s answered %.60s", address, answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxKeySet+1))
	if err == nil && len(text) > maxKeySet {
		err = fmt.Errorf("more than %d bytes", maxKeySet)
	}
	return text, err
}

// parseKeys leaves out what cannot be used: one odd key must not take the others away.
func parseKeys(text []byte) ([]jose.JSONWebKey, error) {
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
