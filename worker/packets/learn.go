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
	// headBytes is what of a file is held at a time to index tiles one by one: times learners,
	// the memory that takes.
	headBytes = 16 << 20
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
			err = e.learnFrom(f, x, tiles, false, e.told(ctx))
		}
		if errors.Is(err, jp2.ErrWalk) {
			x.walking.Store(true)
			err = e.learnFrom(f, x, tiles, true, e.walked(ctx))
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
func (e *Engine) walked(ctx context.Context) jp2.Budget { return e.within(ctx, e.cfg.headBytes) }

// within is a budget that ends with its context: work goes on for long without a read.
func (e *Engine) within(ctx context.Context, walk int64) jp2.Budget {
	b := e.cfg.Header
	b.WalkBytes, b.Stop = walk, ctx.Err
	return b
}

// learnFrom reads as much at a time as may be held. Packets that have to be walked are not
// read at all where they are more than that.
func (e *Engine) learnFrom(f store.Blob, x *Index, tiles []int, whole bool, b jp2.Budget) error {
	if whole {
		if n := total(ranges(x.Heads(tiles, true))); n > b.WalkBytes {
			return fmt.Errorf("%w: %d bytes of packets", errLongWalk, n)
		}
	}
	for len(tiles) > 0 {
		n, heads := e.portion(tiles, func(t []int) []jp2.Range { return x.Heads(t, whole) })
		src, err := fetchHeads(f, heads)
		if err == nil {
			err = x.Learn(src, heads, tiles[:n], b)
		}
		if err != nil {
			return err
		}
		tiles = tiles[n:]
	}
	return nil
}

// portion says how many of the tiles, one at least, have heads that may be held together.
func (e *Engine) portion(tiles []int, headsOf func(tiles []int) []jp2.Range) (n int, heads []jp2.Range) {
	held := int64(0)
	for n < len(tiles) {
		own := headsOf(tiles[n : n+1])
		if held += total(ranges(own)); held > e.cfg.headBytes && n > 0 {
			break
		}
		heads, n = append(heads, own...), n+1
	}
	return n, heads
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
