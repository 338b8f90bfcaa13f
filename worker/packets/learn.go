package packets

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
)

const (
	// learners is how many wishes at a time have tiles read to be indexed.
	learners = 8
	// walkBytes bounds what of a file is read to walk the packets of the tiles that one wish
	// touches: times learners, the memory that takes.
	walkBytes = 16 << 20
)

// errLongWalk says that too many bytes of packets would have to be walked for a wish.
var errLongWalk = errors.New("tiles are too large to be indexed one by one")

// learn has x know tiles, in one round of requests: two for the first tile of a file that
// does not tell packet lengths.
func (e *Engine) learn(ctx context.Context, o store.Object, x *Index, tiles []int) error {
	select {
	case e.learning <- struct{}{}:
		defer func() { <-e.learning }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return e.opened(ctx, o, func(f store.Blob) error {
		err := jp2.ErrWalk
		if !x.walking.Load() {
			err = learnFrom(f, x, tiles, false, e.told(ctx))
		}
		if errors.Is(err, jp2.ErrWalk) {
			x.walking.Store(true)
			err = learnFrom(f, x, tiles, true, e.walked(ctx))
		}
		if err == nil {
			e.counts.learnt.Add(uint64(len(tiles)))
		}
		return err
	})
}

// told is the budget of indexing by what headers tell.
func (e *Engine) told(ctx context.Context) jp2.Budget { return e.within(ctx, 0) }

// walked is the budget of walking the packets of a few tiles.
func (e *Engine) walked(ctx context.Context) jp2.Budget { return e.within(ctx, walkBytes) }

// within is a budget that ends with its context: work goes on for long without a read.
func (e *Engine) within(ctx context.Context, walk int64) jp2.Budget {
	b := e.cfg.Header
	b.WalkBytes, b.Stop = walk, ctx.Err
	return b
}

func learnFrom(f store.Blob, x *Index, tiles []int, whole bool, b jp2.Budget) error {
	heads := x.Heads(tiles, whole)
	if n := total(ranges(heads)); whole && n > b.WalkBytes {
		return fmt.Errorf("%w: %d bytes of packets", errLongWalk, n)
	}
	src, err := fetchHeads(f, heads)
	if err != nil {
		return err
	}
	return x.Learn(src, heads, tiles, b)
}

// fetched reads what was fetched of a file, and the rest from the file.
type fetched struct {
	store.Blob
	ranges []jp2.Range
	held   io.ReaderAt
}

func fetchHeads(f store.Blob, heads []jp2.Range) (io.ReaderAt, error) {
	held, err := f.Fetch(ranges(heads))
	return fetched{f, heads, held}, err
}

func (f fetched) ReadAt(p []byte, off int64) (int, error) {
	for _, r := range f.ranges {
		if off >= r.Offset && off+int64(len(p)) <= r.Offset+r.Length {
			return f.held.ReadAt(p, off)
		}
	}
	return f.Blob.ReadAt(p, off)
}

func ranges(all []jp2.Range) []store.Range {
	out := make([]store.Range, len(all))
	for i, r := range all {
		out[i] = store.Range(r)
	}
	return out
}
