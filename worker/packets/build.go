package packets

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// build makes the index of a version, each step of which is of use to those who wait:
//
//  1. What was stored beside the results, by this worker or another.
//  2. The main header, which takes a read or two of a file far away. With TLM any tile can
//     then be found, in one read more, by whoever needs it (learn).
//  3. All tiles, in the background: with TLM by their headers, many side by side; without
//     by the chain of tile-parts, a round trip each, so that a file of thousands should
//     have TLM. An untiled file is all known after its front was read, if PLT is there.
//     Where lengths are not told, all packets have to be walked: the whole of a file far
//     away is read for that only where no tile can be had otherwise. What takes that much
//     of a far file one worker does for all (turn).
//  4. The file of lower resolutions, where the image has many tiles.
func (e *Engine) build(id version, o store.Object, b *building) {
	so, _, _ := b.look()
	if so == nil {
		if so = e.begun(o, b); so == nil {
			return
		}
		e.shelve(id, b, so)
	}
	if so.ready() {
		return // nothing is left to be done, as with most of those that were stored
	}
	if so.index.outlined && !e.recede(b) {
		b.failed = errBusy
		return
	}
	if e.courteous(so.index, b) != nil {
		return
	}
	waiting, cancel := context.WithTimeout(e.work, e.cfg.BuildTime)
	defer cancel()
	for alone := false; ; {
		if !e.inLane(id, o, b, so, alone) {
			return
		}
		var found *shelved
		if found, alone = b.turn.wait(waiting); found != nil {
			e.shelve(id, b, found)
			if so = found; so.ready() {
				return
			}
		}
	}
}

// ready tells that nothing is left to be done for a version.
func (s *shelved) ready() bool { return s.index == nil || s.index.Complete() && !s.index.crowded() }

// inLane does what is left, one build after the other. It tells whether another worker is at
// it: that is waited for elsewhere, so that others may have the lane.
func (e *Engine) inLane(id version, o store.Object, b *building, so *shelved, alone bool) (elsewhere bool) {
	select {
	case e.lane <- struct{}{}:
		defer func() { <-e.lane }()
	case <-e.work.Done():
		return false
	}
	ctx, cancel := context.WithTimeout(e.work, e.cfg.BuildTime)
	defer cancel()
	if !so.index.Complete() {
		b.turn = e.turn(o, alone)
		defer b.turn.leave()
		if so = e.completed(ctx, o, b, so.index); so == nil {
			return b.turn.elsewhere()
		}
		e.shelve(id, b, so)
	}
	if x := so.index; x != nil && x.Complete() && x.crowded() && !x.settled.Load() {
		e.settle(ctx, o, x)
		e.shelve(id, b, so)
	}
	return false
}

// begun has the first that can be known of a file, when it is this build's turn.
func (e *Engine) begun(o store.Object, b *building) *shelved {
	select {
	case e.opening <- struct{}{}:
		defer func() { <-e.opening }()
	case <-e.work.Done():
		return nil
	}
	if so := e.load(o); so != nil {
		return so
	}
	return e.outline(o, b)
}

// courtesy is how long the first tiles of a file far away have the store to themselves.
const courtesy = time.Second

// courteous puts off what nobody waits for.
func (e *Engine) courteous(x *Index, b *building) error {
	if !e.cfg.Remote || !x.outlined || x.Complete() {
		return e.work.Err()
	}
	later := time.NewTimer(courtesy)
	defer later.Stop()
	select {
	case <-b.hurry:
	case <-later.C:
	case <-e.work.Done():
	}
	return e.work.Err()
}

// outline opens the file for what the main header tells. nil is for what says nothing about
// the file.
func (e *Engine) outline(o store.Object, b *building) *shelved {
	ctx, cancel := context.WithTimeout(e.work, e.cfg.BuildTime)
	defer cancel()
	var x *Index
	err := e.opened(ctx, o, func(f store.Blob) error {
		h, err := jp2.ReadHeader(bound{ctx, f}, o.Size, e.cfg.Header)
		if err != nil {
			return err
		}
		outlined, err := jp2.Outline(bound{ctx, f}, o.Size, h, e.cfg.Header)
		if outlined != nil {
			x = &Index{Index: outlined, outlined: true}
		} else if err == nil {
			x = &Index{}
			x.Index, err = jp2.NewIndex(h)
		}
		if err == nil {
			err = fits(x.Index, e.cfg.IndexBytes)
		}
		return err
	})
	return e.verdict(ctx, o, b, x, err)
}

// fits refuses what would take too much of the memory for all indices.
func fits(x *jp2.Index, most int64) error {
	if n := x.Memory(); n > most/indexShare {
		return refusal{fmt.Errorf("the index would take %d bytes of memory", n)}
	}
	return nil
}

// opened works on a version's file. Its error is tile.Changed where the file was written to.
func (e *Engine) opened(ctx context.Context, o store.Object, work func(store.Blob) error) error {
	f, err := e.cfg.Source.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err = work(f); !f.Same() {
		err = tile.Fail(tile.Changed, "", err)
	}
	return err
}

// refusal is a reason of this package's own not to index a file.
type refusal struct{ error }

// verdict is what became of reading a file: x, a refusal to be remembered, or nil where the
// error says nothing about the file, so that the next caller tries again.
func (e *Engine) verdict(ctx context.Context, o store.Object, b *building, x *Index, err error) *shelved {
	if errors.Is(err, context.DeadlineExceeded) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = refusal{fmt.Errorf("indexing took longer than %v", e.cfg.BuildTime)}
	}
	var fault *jp2.Error
	var refused refusal
	switch {
	case err == nil:
		return &shelved{index: x}
	case errors.As(err, &fault) || errors.As(err, &refused):
		return e.refused(o, err)
	case errors.Is(err, errElsewhere):
	case e.work.Err() == nil:
		b.failed = err
		e.cfg.Log.Warn("image not indexed this time", "key", o.Key, "error", err)
	}
	return nil
}

// refused is a refusal to be remembered.
func (e *Engine) refused(o store.Object, why error) *shelved {
	e.counts.refusals.Add(1)
	e.cfg.Log.Warn("image is decoded from the whole file: it cannot be indexed", "key", o.Key, "version", o.Version, "reason", why)
	return &shelved{refusal: why}
}

// completed is an index of all tiles, stored, or why there is none.
func (e *Engine) completed(ctx context.Context, o store.Object, b *building, x *Index) *shelved {
	began := time.Now()
	err := e.opened(ctx, o, func(f store.Blob) (err error) {
		x, err = e.complete(ctx, f, o.Size, b, x)
		return err
	})
	so := e.verdict(ctx, o, b, x, err)
	if e.work.Err() == nil { // or it was given up
		defer b.turn.done(so)
	}
	if so == nil || so.index == nil || !so.index.Complete() {
		return so
	}
	e.counts.builds.Add(1)
	e.cfg.Log.Info("image indexed", "key", o.Key, "from", x.Origin(), "took", time.Since(began))
	if err := x.Refused(); err != nil {
		e.cfg.Log.Warn("parts of the image are decoded from the whole file: some tiles cannot be indexed", "key", o.Key, "version", o.Version, "reason", err)
	} else {
		e.store(o, x)
	}
	return so
}
