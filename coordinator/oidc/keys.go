package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/tessera-iiif/tessera/internal/jwks"
)

const (
	keysTime   = 5 * time.Second
	keysEvery  = time.Minute     // R36: whatever tokens come, keys are read so often at most
	keysAtLast = 5 * time.Second // and so often while there are none at all
)

// errUnknownKey says that no key the provider publishes has made a signature.
var errUnknownKey = errors.New("signed by no key that the provider publishes")

// keysError says that keys could not be read.
type keysError struct{ error }

func (e keysError) Unwrap() error { return e.error }

// keys are the public keys of an issuer. They are read when a token is signed by one
// that is not known, so that a provider may change them as it likes; they are kept while
// it cannot be read.
type keys struct {
	url        string
	algorithms []jose.SignatureAlgorithm
	client     *http.Client
	now        func() time.Time

	turn   chan struct{} // holds who reads them anew
	mu     sync.Mutex
	known  []jose.JSONWebKey
	asked  time.Time
	read   time.Time // when known was
	failed *Failure  // of the last try
}

func newKeys(d *discovery, client *http.Client, now func() time.Time) *keys {
	return &keys{url: d.JWKS, algorithms: d.signatures(), client: client, now: now, turn: make(chan struct{}, 1)}
}

// VerifySignature implements the KeySet of go-oidc.
func (k *keys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, k.algorithms)
	if err != nil {
		return nil, err
	}
	if len(signed.Signatures) != 1 {
		return nil, errors.New("one signature is wanted")
	}
	known, asked := k.have()
	if payload, ok := verify(signed, known); ok {
		return payload, nil
	}
	if known, err = k.ask(ctx, asked); err != nil {
		return nil, err
	}
	if payload, ok := verify(signed, known); ok {
		return payload, nil
	}
	return nil, errUnknownKey
}

func verify(signed *jose.JSONWebSignature, known []jose.JSONWebKey) ([]byte, bool) {
	header := signed.Signatures[0].Header
	for _, key := range known {
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := signed.Verify(&key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

func (k *keys) have() (known []jose.JSONWebKey, asked time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known, k.asked
}

// ask reads the keys anew unless somebody did since, or it is too early.
func (k *keys) ask(ctx context.Context, since time.Time) ([]jose.JSONWebKey, error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	known, asked := k.have()
	if asked.After(since) {
		return known, nil
	}
	every := keysEvery
	if len(known) == 0 {
		every = keysAtLast
	}
	if !asked.IsZero() && k.now().Sub(asked) < every {
		return known, nil
	}
	return k.renew(ctx)
}

// renew reads the keys for whoever has the turn.
func (k *keys) renew(ctx context.Context) ([]jose.JSONWebKey, error) {
	fetched, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = k.now()
	if err != nil {
		k.failed = failureOf(err, k.asked)
		return nil, keysError{fmt.Errorf("keys of the provider: %w", err)}
	}
	k.known, k.read, k.failed = fetched, k.asked, nil
	return fetched, nil
}

// check reads the keys however lately they were.
func (k *keys) check(ctx context.Context) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return
	}
	_, _ = k.renew(ctx) // keeps what went wrong
}

func (k *keys) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := k.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %w", k.url, statusError(answer.Status))
	}
	known, err := jwks.Parse(body)
	if err != nil {
		return nil, unreadable{err}
	}
	return known, nil
}
