package oidctoken

import (
	"context"
	"fmt"
	"io"
	"net/http"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/tessera-iiif/tessera/internal/jwks"
)

const maxKeySet = 512 << 10 // bytes

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
	keys, err := jwks.Parse(text)
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
