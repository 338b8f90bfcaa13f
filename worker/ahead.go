package worker

import (
	"context"
	"time"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	// fetchers is how many tiles for each decoder may be fetched at a time.
	fetchers = 4
	// aheadBytes bounds what is fetched ahead of one rendering: with fetchers, the memory
	// that takes. What needs more is fetched by the decoder's slot.
	aheadBytes = 4 << 20
)

// keeper is a file that is far away, and of which what was read is kept at hand.
type keeper interface {
	// Holds tells whether Fetch of these ranges would take nothing from afar.
	Holds(ranges []store.Range) bool
}

// freely is the gate of fetches: they cost no decoder child.
type freely struct{}

func (freely) enter() bool { return true }
func (freely) leave()      {}

// ahead has the packets of a far away file brought to hand before a slot is asked for, so
// that a slow store holds up no decoder. done lets go of them; spent is the time it took.
func (w *Worker) ahead(ctx context.Context, job tile.Job, p plan) (done func(), spent time.Duration, err error) {
	done = func() {}
	if !w.remote || p.index == nil {
		return done, 0, nil
	}
	ranges, n := w.packets.Ranges(p.index, p.object.Size, rectangle(p.task.Region), p.task.Reduce)
	if n == 0 || n > aheadBytes {
		return done, 0, nil
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, w.limits.Timeout)
	defer cancel()
	f, err := w.openVersion(ctx, job)
	if err != nil {
		return done, 0, err
	}
	done = func() { _ = f.Close() }
	if err := w.bring(ctx, f, p, ranges); err != nil {
		done()
		return func() {}, 0, err
	}
	return done, time.Since(began), nil
}

// bring fetches ranges that are not at hand when it is their turn. Whoever would be refused
// a decoder, or the image, is refused now.
func (w *Worker) bring(ctx context.Context, f store.Blob, p plan, ranges []store.Range) error {
	k, ok := f.(keeper)
	if !ok || k.Holds(ranges) {
		return nil
	}
	if err := w.wards.verdict(wardKey{p.object.Key, p.object.Version}); err != nil {
		return err
	}
	if err := w.admission.outlook(p.lane); err != nil {
		return err
	}
	leave, _, err := w.fetches.enter(ctx, p.lane, freely{})
	if err != nil {
		return err
	}
	defer leave()
	_, err = f.Fetch(ranges)
	return err
}
