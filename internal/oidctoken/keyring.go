package oidctoken

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

const (
	keysTime   = 8 * time.Second  // for an issuer to tell its keys
	keysEach   = 15 * time.Minute // they are read, whatever tokens come
	keysAtMost = time.Minute      // R36: whatever tokens come, they are read once in so long
	keysFirst  = 5 * time.Second  // and while there are none at all, once in so long
	maxWaiting = 16               // for them at a time: a slow issuer must hold up few requests
)

// keySet is keys as they were read; it never changes.
type keySet struct {
	keys []jose.JSONWebKey
	text string // they were read from
}

func (s *keySet) has(id string) bool {
	return s != nil && (id == "" || slices.ContainsFunc(s.keys, func(k jose.JSONWebKey) bool { return k.KeyID == id }))
}

// matching are the keys that may have made a signature.
func (s *keySet) matching(h jose.Header) []jose.JSONWebKey {
	var all []jose.JSONWebKey
	for _, k := range s.keys {
		if (h.KeyID == "" || k.KeyID == h.KeyID) && (k.Algorithm == "" || k.Algorithm == h.Algorithm) {
			all = append(all, k)
		}
	}
	return all
}

// keyring is an issuer's keys. They are read anew for a token whose key is not among
// them, so that an issuer may change them as it likes; they are kept while it cannot be
// reached. go-oidc's key set asks for every unknown key, whoever made it up.
type keyring struct {
	issuer string
	client *http.Client
	clock  *clockWatch
	now    func() time.Time
	log    *slog.Logger

	set     atomic.Pointer[keySet]
	waiting chan struct{} // holds who wants them read
	turn    chan struct{} // holds who reads them

	mu     sync.Mutex
	asked  time.Time
	got    time.Time // the last time that they could be read
	failed error     // of the last try
}

func newKeyring(issuer string, c Config, clock *clockWatch) *keyring {
	return &keyring{issuer: issuer, client: c.Client, clock: clock, now: c.Now, log: c.Log, turn: make(chan struct{}, 1), waiting: make(chan struct{}, maxWaiting)}
}

// find gives the keys there are, read anew where none has that id. Errors: ErrAway, the
// context's own.
func (k *keyring) find(ctx context.Context, id string) (*keySet, error) {
	set := k.set.Load()
	if set.has(id) {
		return set, nil
	}
	if err := k.renew(ctx, set); err != nil {
		return nil, err
	}
	if set = k.set.Load(); set.has(id) {
		return set, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failed != nil || set == nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, k.failed)
	}
	return set, nil
}

// renew reads the keys unless somebody did meanwhile or it is too early. Errors: ErrAway,
// the context's own.
func (k *keyring) renew(ctx context.Context, had *keySet) error {
	select {
	case k.waiting <- struct{}{}:
		defer func() { <-k.waiting }()
	default:
		return fmt.Errorf("%w: too many wait for them", ErrAway)
	}
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if k.set.Load() == had && k.mayAsk(had) {
		k.read(ctx)
	}
	return nil
}

func (k *keyring) mayAsk(had *keySet) bool {
	every := keysAtMost
	if had == nil {
		every = keysFirst
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.asked.IsZero() || k.now().Sub(k.asked) >= every
}

// read goes on when whoever needed a key has left: others need it as well. Equal keys
// stay the same set, so that what they verified holds.
func (k *keyring) read(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTime)
	defer cancel()
	k.mu.Lock()
	k.asked = k.now()
	k.mu.Unlock()
	set, err := k.fetch(ctx)
	if err == nil {
		if had := k.set.Load(); had == nil || had.text != set.text {
			k.set.Store(set)
		}
	}
	k.note(err)
}

// note logs where things turn bad or good again, not every minute of it.
func (k *keyring) note(err error) {
	k.mu.Lock()
	turned := (err != nil) != (k.failed != nil)
	if k.failed = err; err == nil {
		k.got = k.now()
	}
	k.mu.Unlock()
	switch {
	case turned && err != nil:
		k.log.Warn("the keys of an issuer cannot be read; its access tokens count as long as the keys known are theirs", "issuer", k.issuer, "error", err)
	case turned:
		k.log.Info("the keys of an issuer can be read again", "issuer", k.issuer)
	}
}

func (k *keyring) held() Held {
	h := Held{Issuer: k.issuer}
	if set := k.set.Load(); set != nil {
		h.Keys = len(set.keys)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	h.Read, h.Failing = k.got, k.failed != nil
	return h
}

// run reads the keys now and then until ctx ends.
func (k *keyring) run(ctx context.Context) {
	for ctx.Err() == nil {
		_ = k.renew(ctx, k.set.Load()) // where it fails there is another turn
		wait := keysEach
		if k.set.Load() == nil {
			wait = keysAtMost
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}
