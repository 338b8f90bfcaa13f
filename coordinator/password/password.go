// Package password hashes what people type with argon2id, a bounded number of
// passwords at a time so that sign-ins never starve the images.
package password

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/alexedwards/argon2id"
)

// MaxLength bounds a password, in bytes.
const MaxLength = 256

// ErrBusy says that too many passwords wait to be hashed.
var ErrBusy = errors.New("too many sign-ins at the same moment")

// Config sets the cost of hashing. Zero fields stand for the defaults, which are
// OWASP's floor: 19 MiB, 2 passes, 1 lane.
type Config struct {
	MemoryKiB   uint32
	Iterations  uint32
	Parallelism uint8
	Concurrency int // hashes computed at the same time; default: half the cores, at least one
	Queue       int // hashes that may wait for that; default 64
}

func (c Config) withDefaults() Config {
	if c.MemoryKiB == 0 {
		c.MemoryKiB = 19 * 1024
	}
	if c.Iterations == 0 {
		c.Iterations = 2
	}
	if c.Parallelism == 0 {
		c.Parallelism = 1
	}
	if c.Concurrency == 0 {
		c.Concurrency = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if c.Queue == 0 {
		c.Queue = 64
	}
	return c
}

// Hasher hashes and verifies. It is safe for concurrent use.
type Hasher struct {
	params  argon2id.Params
	slots   chan struct{}
	waiting atomic.Int64
	limit   int64  // of waiting
	nobody  string // PHC string that no password matches, as dear as any other
}

// NewHasher makes a hasher.
func NewHasher(c Config) *Hasher {
	c = c.withDefaults()
	params := argon2id.Params{
		Memory: c.MemoryKiB, Iterations: c.Iterations, Parallelism: c.Parallelism, SaltLength: 16, KeyLength: 32,
	}
	return &Hasher{
		params: params,
		slots:  make(chan struct{}, c.Concurrency),
		limit:  int64(c.Queue + c.Concurrency),
		nobody: phcOfNobody(params),
	}
}

// phcOfNobody has the parameters of every other hash, so that a sign-in with an
// unknown name takes as long as one with a wrong password.
func phcOfNobody(p argon2id.Params) string {
	const salt, key = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.Memory, p.Iterations, p.Parallelism, salt, key)
}

// Hash makes the PHC string of a password. Errors: ErrBusy, the context's.
func (h *Hasher) Hash(ctx context.Context, password string) (phc string, err error) {
	err = h.inSlot(ctx, func() error {
		phc, err = argon2id.CreateHash(password, &h.params)
		return err
	})
	return phc, err
}

// Verify compares a password with a PHC string; "" is nobody's and never matches.
// stale tells that the string was made with other parameters than today's.
func (h *Hasher) Verify(ctx context.Context, password, phc string) (match, stale bool, err error) {
	if len(password) > MaxLength {
		return false, false, nil
	}
	known := phc != ""
	if !known {
		phc = h.nobody
	}
	err = h.inSlot(ctx, func() error {
		var params *argon2id.Params
		match, params, err = argon2id.CheckHash(password, phc)
		stale = params != nil && *params != h.params
		return err
	})
	return match && known, stale, err
}

// Bounds of a PHC string from elsewhere.
const (
	maxMemoryKiB  = 1 << 20
	maxIterations = 64
)

// Check refuses what is no PHC string of argon2id, or would cost too much to verify.
func Check(phc string) error {
	params, _, _, err := argon2id.DecodeHash(phc)
	switch {
	case err != nil:
		return fmt.Errorf("password hash: %w", err)
	case params.Memory > maxMemoryKiB || params.Iterations > maxIterations || params.Iterations < 1 || params.Parallelism < 1:
		return fmt.Errorf("password hash: m=%d,t=%d,p=%d is beyond m=%d,t=%d", params.Memory, params.Iterations, params.Parallelism, maxMemoryKiB, maxIterations)
	}
	return nil
}

// inSlot runs fn when a slot is free; callers beyond the queue are sent away.
func (h *Hasher) inSlot(ctx context.Context, fn func() error) error {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > h.limit {
		return ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
		return fn()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// MakeUp returns a password of 100 random bits that can be read out aloud:
// "k7q2m-x4hd5-…", four groups of five.
func MakeUp() string {
	letters := strings.ToLower(rand.Text())
	return strings.Join([]string{letters[:5], letters[5:10], letters[10:15], letters[15:20]}, "-")
}
