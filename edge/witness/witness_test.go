package witness_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/edge/witness"
	"github.com/tessera-iiif/tessera/internal/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// court hears what a witness tells.
type court struct {
	heard   []session.Sighting
	batches int
	dropped int64
	away    atomic.Bool
}

func (c *court) hear(_ context.Context, batch []session.Sighting, dropped int64) error {
	if c.away.Load() {
		return errors.New("nobody listens")
	}
	c.heard, c.dropped = append(c.heard, batch...), c.dropped+dropped
	c.batches++
	return nil
}

// run lets a witness run while test goes on, and ends it.
func run(t *testing.T, cfg witness.Config, test func(w *witness.Witness, c *court)) *court {
	t.Helper()
	c := &court{}
	synctest.Test(t, func(t *testing.T) {
		cfg.Send, cfg.Log = c.hear, slog.New(slog.DiscardHandler)
		w := witness.New(cfg)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.Run(ctx) }()
		test(w, c)
		cancel()
		<-done
	})
	return c
}

// pass lets a second and a bit go by.
func pass() {
	time.Sleep(witness.Every + time.Millisecond)
	synctest.Wait()
}

func TestSample(t *testing.T) {
	shown, refused := session.Sighting{Granted: true}, session.Sighting{}
	for name, test := range map[string]struct {
		grants, denials int
		low, high       int // of a thousand each
	}{
		"none":       {0, 0, 0, 0},
		"all shown":  {1, 0, 1000, 1000},
		"all":        {1, 1, 2000, 2000},
		"one in ten": {0, 10, 30, 300},
	} {
		t.Run(name, func(t *testing.T) {
			c := run(t, witness.Config{Grants: test.grants, Denials: test.denials}, func(w *witness.Witness, _ *court) {
				for i := range 1000 {
					w.See(shown)
					w.See(refused)
					if i%20 == 0 {
						pass()
					}
				}
			})
			if n := len(c.heard); n < test.low || n > test.high || c.dropped != 0 {
				t.Errorf("%d told, %d dropped; want %d to %d", n, c.dropped, test.low, test.high)
			}
		})
	}
}

// R64: what comes faster than it can be told is counted, and never waited for.
func TestFlood(t *testing.T) {
	c := run(t, witness.Config{Denials: 1}, func(w *witness.Witness, _ *court) {
		for range 1000 {
			w.See(session.Sighting{})
		}
		pass()
	})
	if len(c.heard) != witness.MaxBatch || c.dropped != 1000-witness.MaxBatch || c.batches != 1 {
		t.Errorf("%d told in %d batches, %d dropped", len(c.heard), c.batches, c.dropped)
	}
}

// What could not be told is counted when somebody listens again; a quiet second says
// nothing; the end tells the rest.
func TestNobodyListens(t *testing.T) {
	c := run(t, witness.Config{Denials: 1}, func(w *witness.Witness, c *court) {
		c.away.Store(true)
		w.See(session.Sighting{})
		pass()
		c.away.Store(false)
		pass()
		pass()
		if c.batches != 1 || c.dropped != 1 {
			t.Errorf("%d batches, %d dropped", c.batches, c.dropped)
		}
		w.See(session.Sighting{Image: "last"})
	})
	if len(c.heard) != 1 || c.heard[0].Image != "last" {
		t.Errorf("at the end: %+v", c.heard)
	}
}
