package oidc

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Said is whether a provider says that it can do something.
type Said string

// The values of Said.
const (
	Yes    Said = "yes"
	No     Said = "no"
	Unsaid Said = "unsaid"
)

// Status is what was seen of an issuer, for administrators. It is of this process alone:
// each finds out for itself.
type Status struct {
	Asked   time.Time // when it was last asked what it says of itself; zero: never yet
	Read    time.Time // when it last answered so that it could be used; zero: never
	Failing bool      // the last answer could not be
	Failure *Failure  // the last that there was, however long ago

	Keys        int
	KeysRead    time.Time
	KeysFailure *Failure // of the last try alone

	Ahead    time.Duration // of this machine's clock, as its last answer said
	Compared time.Time     // when that was; zero: never

	PKCE        Said // with S256, which it is always sent
	EndsSession bool // people can sign out there from here
	TellsLogout bool // it says that it sends logout tokens
}

// sight is what was last seen of an issuer. It can be read while the issuer is being
// asked, which may take its time.
type sight struct {
	mu      sync.Mutex
	known   *discovery
	keys    *keys
	asked   time.Time
	read    time.Time
	failing bool
	failure *Failure
}

func (s *sight) note(now time.Time, known *discovery, keys *keys, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.keys, s.asked, s.failing = known, keys, now, err != nil
	if err != nil {
		s.failure = failureOf(err, now)
		return
	}
	s.read = now
}

func (i *issuer) status() Status {
	i.seen.mu.Lock()
	defer i.seen.mu.Unlock()
	s := Status{Asked: i.seen.asked, Read: i.seen.read, Failing: i.seen.failing, Failure: i.seen.failure, PKCE: Unsaid}
	if d := i.seen.known; d != nil {
		s.PKCE, s.EndsSession, s.TellsLogout = d.pkce(), d.EndSession != "", d.TellsLogout
	}
	if i.seen.keys != nil {
		s.Keys, s.KeysRead, s.KeysFailure = i.seen.keys.status()
	}
	s.Ahead, s.Compared = i.clock.status()
	return s
}

func (d *discovery) pkce() Said {
	switch {
	case len(d.PKCE) == 0:
		return Unsaid
	case slices.Contains(d.PKCE, "S256"):
		return Yes
	}
	return No
}

func (k *keys) status() (n int, read time.Time, failure *Failure) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.known), k.read, k.failed
}

func (c *clockWatch) status() (ahead time.Duration, compared time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead, c.compared
}

// checkEvery bounds how often administrators have an issuer asked.
const checkEvery = 2 * time.Second

// check asks an issuer for what it says of itself and for its keys, however lately
// somebody did: whoever has just changed something wants to see whether it helped.
func (i *issuer) check(ctx context.Context) error {
	select {
	case i.turn <- struct{}{}:
		defer func() { <-i.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	now := i.now()
	if !i.checked.IsZero() && now.Sub(i.checked) < checkEvery {
		return nil
	}
	i.checked = now
	if i.learn(ctx, now) == nil {
		i.keys.check(ctx)
	}
	return nil
}

// ErrNoIssuer says that an issuer is not among those of the set.
var ErrNoIssuer = errors.New("oidc: no such issuer")

// Status tells what was seen of an issuer of the set. It asks nobody.
func (s *Set) Status(issuer string) (Status, error) {
	i := s.issuers[issuer]
	if i == nil {
		return Status{}, ErrNoIssuer
	}
	return i.status(), nil
}

// Check asks an issuer of the set anew; Status has what came of it. Errors: ErrNoIssuer,
// the context's own.
func (s *Set) Check(ctx context.Context, issuer string) error {
	i := s.issuers[issuer]
	if i == nil {
		return ErrNoIssuer
	}
	return i.check(ctx)
}
