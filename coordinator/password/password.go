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
	"sync"
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

	// Command starts a process that runs Serve. Hashing is its work then, at low priority:
	// within this process every hash would make images wait for the scheduler's next turn.
	// Default: none, passwords are hashed here.
	Command []string
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
	helpers *helpers
	closed  sync.Once
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

		helpers: newHelpers(c.Command, c.Concurrency),
	}
}

// Close waits for what is being hashed and ends the processes that did it. Nothing may be
// hashed any more.
func (h *Hasher) Close() {
	h.closed.Do(func() {
		for range cap(h.slots) {
			h.slots <- struct{}{}
		}
		h.helpers.end()
	})
}

// phcOfNobody has the parameters of every other hash, so that a sign-in with an
// unknown name takes as long as one with a wrong password.
func phcOfNobody(p argon2id.Params) string {
	const salt, key = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.Memory, p.Iterations, p.Parallelism, salt, key)
}

// Hash makes the PHC string of a password. Errors: ErrBusy, the context's.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	o, err := h.inSlot(ctx, task{Password: password, Params: h.params})
	return o.PHC, err
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
	o, err := h.inSlot(ctx, task{Password: password, PHC: phc})
	return o.Match && known, err == nil && o.Params != h.params, err
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

// inSlot does a task when a slot is free; callers beyond the queue are sent away.
func (h *Hasher) inSlot(ctx context.Context, t task) (outcome, error) {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > h.limit {
		return outcome{}, ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
		return h.do(t)
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	}
}

func (h *Hasher) do(t task) (o outcome, err error) {
	if h.helpers == nil {
		o = t.do()
	} else if o, err = h.helpers.do(t); err != nil {
		return outcome{}, err
	}
	if o.Fault != "" {
		return outcome{}, errors.New(o.Fault)
	}
	return o, nil
}

// MakeUp returns a password of 100 random bits that can be read out aloud:
// "k7q2m-x4hd5-…", four groups of five.
func MakeUp() string {
	letters := strings.ToLower(rand.Text())
	return strings.Join([]string{letters[:5], letters[5:10], letters[10:15], letters[15:20]}, "-")
}
