// Package witness tells coordinators, for the record, a sample of the images that an
// edge showed and refused. It never makes a request wait: what comes faster than it can
// be told is counted instead.
package witness

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
)

// MaxBatch bounds what is told at a time, and with Every how fast one edge can make the
// record grow.
const (
	MaxBatch = 64
	Every    = time.Second
)

// Config of a Witness. Send is needed.
type Config struct {
	Grants, Denials int // one in so many is told; 0: none
	// Send tells a batch, and how many sightings were left out since the one before.
	Send func(ctx context.Context, batch []session.Sighting, dropped int64) error
	Log  *slog.Logger
}

// Witness is safe for concurrent use.
type Witness struct {
	cfg     Config
	seen    chan session.Sighting
	dropped atomic.Int64
}

// New makes a witness that tells nothing until it runs.
func New(cfg Config) *Witness {
	return &Witness{cfg: cfg, seen: make(chan session.Sighting, MaxBatch)}
}

// See takes note of a sighting, if it is one of the sample.
func (w *Witness) See(s session.Sighting) {
	in := w.cfg.Denials
	if s.Granted {
		in = w.cfg.Grants
	}
	if in <= 0 || in > 1 && rand.IntN(in) != 0 { //nolint:gosec // a sample, no secret
		return
	}
	select {
	case w.seen <- s:
	default:
		w.dropped.Add(1)
	}
}

// Run tells what was seen, once in a while, until ctx ends; then the rest.
func (w *Witness) Run(ctx context.Context) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), Every)
			defer cancel()
			w.tell(last)
			return
		case <-tick.C:
			w.tell(ctx)
		}
	}
}

func (w *Witness) tell(ctx context.Context) {
	var batch []session.Sighting
	for len(w.seen) > 0 && len(batch) < MaxBatch {
		batch = append(batch, <-w.seen) // there is one reader, so this does not wait
	}
	dropped := w.dropped.Swap(0)
	if len(batch) == 0 && dropped == 0 {
		return
	}
	if err := w.cfg.Send(ctx, batch, dropped); err != nil {
		w.dropped.Add(dropped + int64(len(batch)))
		w.cfg.Log.WarnContext(ctx, "images shown and refused were not told for the record", "sightings", len(batch), "error", err)
	}
}
