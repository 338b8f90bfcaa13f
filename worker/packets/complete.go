package packets

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
)

// batch is of how many tiles the headers, or lower resolutions, are fetched side by side.
const batch = 128

// complete has all tiles known, in x or in the index that it returns.
func (e *Engine) complete(ctx context.Context, f store.Blob, size int64, b *building, x *Index) (*Index, error) {
	if x.crowded() { // many places are read
		if err := b.turn.take(ctx); err != nil {
			return nil, err
		}
	}
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
		return e.walk(ctx, f, size, h, b, err)
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
func (e *Engine) walk(ctx context.Context, f store.Blob, size int64, h *jp2.Header, b *building, why error) (*Index, error) {
	if size > e.cfg.FileBytes {
		return nil, refusal{fmt.Errorf("%w, and the file has %d bytes", why, size)}
	}
	if err := b.turn.take(ctx); err != nil {
		return nil, err
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
