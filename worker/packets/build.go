package packets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// batch is of how many tiles the headers, or lower resolutions, are fetched side by side.
const batch = 128

// build makes the index of a version, each step of which is of use to those who wait:
//
//  1. What was stored beside the results, by this worker or another.
//  2. The main header, which takes a read or two of a file far away. With TLM any tile can
//     then be found, in one read more, by whoever needs it (learn).
//  3. All tiles, in the background: with TLM by their headers, many side by side; without
//     by the chain of tile-parts, a round trip each, so that a file of thousands should
//     have TLM. An untiled file is all known after its front was read, if PLT is there.
//     Where lengths are not told, all packets have to be walked: the whole of a file far
//     away is read for that only where no tile can be had otherwise.
//  4. The file of lower resolutions, where the image has many tiles.
func (e *Engine) build(id version, o store.Object, b *building) {
	so, _, _ := b.look()
	if so == nil {
		if so = e.begun(o, b); so == nil {
			return
		}
		e.shelve(id, b, so)
	}
	if so.index == nil || so.index.Complete() && !so.index.crowded() {
		return // nothing is left to be done, as with most of those that were stored
	}
	if so.index.outlined && !e.recede(b) {
		b.failed = errBusy
		return
	}
	if e.courteous(so.index, b) != nil {
		return
	}
	select {
	case e.lane <- struct{}{}:
		defer func() { <-e.lane }()
	case <-e.work.Done():
		return
	}
	ctx, cancel := context.WithTimeout(e.work, e.cfg.BuildTime)
	defer cancel()
	if !so.index.Complete() {
		if so = e.inLane(ctx, o, b, so.index); so == nil {
			return
		}
		e.shelve(id, b, so)
	}
	if x := so.index; x != nil && x.Complete() && x.crowded() && !x.settled.Load() {
		e.settle(ctx, o, x)
		e.shelve(id, b, so)
	}
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
		e.counts.refusals.Add(1)
		e.cfg.Log.Warn("image is decoded from the whole file: it cannot be indexed", "key", o.Key, "version", o.Version, "reason", err)
		return &shelved{refusal: err}
	case e.work.Err() == nil:
		b.failed = err
		e.cfg.Log.Warn("image not indexed this time", "key", o.Key, "error", err)
	}
	return nil
}

// inLane has all tiles known, when it is this build's turn.
func (e *Engine) inLane(ctx context.Context, o store.Object, b *building, x *Index) *shelved {
	began := time.Now()
	err := e.opened(ctx, o, func(f store.Blob) (err error) {
		x, err = e.complete(ctx, f, o.Size, b, x)
		return err
	})
	so := e.verdict(ctx, o, b, x, err)
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

// complete has all tiles known, in x or in the index that it returns.
func (e *Engine) complete(ctx context.Context, f store.Blob, size int64, b *building, x *Index) (*Index, error) {
	h, err := jp2.ReadHeader(bound{ctx, f}, size, e.cfg.Header)
	if err != nil {
		return nil, err
	}
	if x.outlined {
		if err = e.learnAll(ctx, f, size, x); errors.Is(err, jp2.ErrOutline) {
			e.cfg.Log.Debug("tile-parts are followed", "reason", err)
		} else if errors.Is(err, jp2.ErrWalk) && e.cfg.Remote && !b.walked {
			x.walking.Store(true)
			return x, nil
		}
	}
	if !x.outlined || errors.Is(err, jp2.ErrOutline) {
		x, err = e.follow(ctx, f, size, h, b)
	}
	if errors.Is(err, jp2.ErrWalk) {
		return e.walk(ctx, f, size, h, err)
	}
	return x, err
}

// learnAll learns all tiles of a file with an outline by their headers.
func (e *Engine) learnAll(ctx context.Context, f store.Blob, size int64, x *Index) error {
	for tiles := x.Left(0, batch); len(tiles) > 0; tiles = x.Left(tiles[0], batch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, ranges := e.portion(tiles, func(t []int) []jp2.Range {
			heads := x.Heads(t, false)
			if e.cfg.Remote {
				widen(heads, size)
			}
			return heads
		})
		src, err := fetchHeads(f, ranges)
		if err == nil {
			err = x.Learn(src, ranges, tiles[:n], e.told(ctx))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// widen has as much read of each tile-part as costs nothing more: lower resolutions, which
// are wanted next, often stand there.
func widen(ranges []jp2.Range, size int64) {
	for i := range ranges {
		ranges[i].Length = min(max(ranges[i].Length, jp2.Glance), size-ranges[i].Offset)
	}
}

// follow indexes by the chain of tile-parts, in few reads where they tell packet lengths.
func (e *Engine) follow(ctx context.Context, f store.Blob, size int64, h *jp2.Header, b *building) (*Index, error) {
	plain, err := jp2.NewIndex(h)
	if err != nil {
		return nil, err
	}
	x, front := &Index{Index: plain}, plain.Front(h)
	src, err := fetchHeads(f, front)
	if err != nil {
		return nil, err
	}
	so := &shelved{index: x}
	err = x.Follow(bound{ctx, src}, size, h, front, e.told(ctx), func() { b.step(so, false) })
	return x, err
}

// walk indexes by all packets of the file, which tells nothing of them.
func (e *Engine) walk(ctx context.Context, f store.Blob, size int64, h *jp2.Header, why error) (*Index, error) {
	if size > e.cfg.FileBytes {
		return nil, refusal{fmt.Errorf("%w, and the file has %d bytes", why, size)}
	}
	local, err := f.Local()
	if err != nil {
		return nil, err
	}
	x, err := jp2.BuildIndex(bound{ctx, local}, size, h, e.within(ctx, size))
	return &Index{Index: x}, err
}

// bound is a reader that stops when its context ends: building reads all the time.
type bound struct {
	ctx context.Context
	io.ReaderAt
}

func (b bound) ReadAt(p []byte, off int64) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.ReaderAt.ReadAt(p, off)
}
