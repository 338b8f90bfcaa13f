package password_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/tessera-iiif/tessera/coordinator/password"
)

func TestR60Parameters(t *testing.T) {
	phc, err := password.NewHasher(password.Config{}).Hash(t.Context(), "x")
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("R60: %s, %v", phc, err)
	}
}

// TestMain makes this program also the process that hashes.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "hash-passwords" {
		if err := password.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	m.Run()
}

// cheap costs little; apart has processes of its own hash.
func cheap(apart bool) password.Config {
	c := password.Config{MemoryKiB: 64, Iterations: 1, Concurrency: 2}
	if apart {
		c.Command = []string{os.Args[0], "hash-passwords"}
	}
	return c
}

func TestVerify(t *testing.T) {
	t.Run("here", func(t *testing.T) { testVerify(t, false) })
	t.Run("apart", func(t *testing.T) { testVerify(t, true) })
}

func testVerify(t *testing.T, apart bool) {
	h := password.NewHasher(cheap(apart))
	defer h.Close()
	now, err := h.Hash(t.Context(), "right")
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := h.Hash(t.Context(), "\xff\x00")
	if err != nil {
		t.Fatal(err)
	}
	old, err := argon2id.CreateHash("right", &argon2id.Params{Memory: 32, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		text, phc           string
		match, stale, fails bool
	}{
		"right":          {"right", now, true, false, false},
		"wrong":          {"wrong", now, false, false, false},
		"any bytes":      {"\xff\x00", bytes, true, false, false},
		"other bytes":    {"\xfe\x00", bytes, false, false, false},
		"R60 rehash":     {"right", old, true, true, false},
		"R60 nobody":     {"right", "", false, false, false},
		"R60 too long":   {strings.Repeat("x", password.MaxLength+1), now, false, false, false},
		"hash of others": {"right", "$2y$10$abc", false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			match, stale, err := h.Verify(t.Context(), test.text, test.phc)
			if match != test.match || stale != test.stale || (err != nil) != test.fails {
				t.Errorf("match %v, stale %v, %v", match, stale, err)
			}
		})
	}
}

// R60: what exceeds the bound waits; what exceeds the queue is sent away.
func TestR60Bounded(t *testing.T) {
	h := password.NewHasher(password.Config{MemoryKiB: 8 << 10, Iterations: 8, Concurrency: 1, Queue: 2})
	var all sync.WaitGroup
	results := make(chan error, 40)
	for range cap(results) {
		all.Go(func() {
			_, err := h.Hash(t.Context(), "x")
			results <- err
		})
	}
	all.Wait()
	close(results)
	done, busy := 0, 0
	for err := range results {
		switch {
		case err == nil:
			done++
		case errors.Is(err, password.ErrBusy):
			busy++
		default:
			t.Error(err)
		}
	}
	if done == 0 || busy == 0 || done+busy != cap(results) {
		t.Errorf("%d hashed, %d sent away", done, busy)
	}
}

func TestWaitersCanLeave(t *testing.T) {
	h := password.NewHasher(password.Config{MemoryKiB: 16 << 10, Iterations: 20, Concurrency: 1})
	var running sync.WaitGroup
	running.Go(func() { _, _ = h.Hash(t.Context(), "x") })
	defer running.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		if _, err := h.Hash(ctx, "y"); errors.Is(err, context.Canceled) {
			return
		}
	}
	t.Error("a waiter that left keeps waiting")
}

func TestMakeUp(t *testing.T) {
	first, second := password.MakeUp(), password.MakeUp()
	if first == second || !regexp.MustCompile(`^([a-z2-7]{5}-){3}[a-z2-7]{5}$`).MatchString(first) {
		t.Errorf("made up %s and %s", first, second)
	}
}

// R60: a name that nobody has costs what a wrong password costs.
func BenchmarkVerify(b *testing.B) {
	h := password.NewHasher(password.Config{})
	phc, err := h.Hash(b.Context(), "right")
	if err != nil {
		b.Fatal(err)
	}
	for name, stored := range map[string]string{"somebody": phc, "nobody": ""} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if match, _, err := h.Verify(b.Context(), "wrong", stored); match || err != nil {
					b.Fatal(match, err)
				}
			}
		})
	}
}
