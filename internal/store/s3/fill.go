package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	maxRequest = 1 << 20   // bytes of one request for ranges
	maxGap     = 16 << 10  // bytes between two ranges that cost less than another request
	maxFetch   = 512 << 20 // bytes of one Fetch, held in memory
	wholePiece = 4 << 20   // bytes of one request for a whole object
	wholeSide  = 4         // of these at a time
)

type span struct{ off, n int64 }

func (s span) end() int64 { return s.off + s.n }

// piece is where the bytes at off go. It begins at a block's beginning, and ends at
// a block's or the object's end.
type piece struct {
	off  int64
	data []byte
}

// fill fills pieces from what is kept, from what others are reading at the moment, and,
// several requests at a time, from the store. The first error stops the rest.
func (s *Source) fill(ctx context.Context, p pin, kept *localCopy, pieces []piece) error {
	for len(pieces) > 0 {
		own, shares := kept.claim(s.missing(kept, pieces))
		s.client.counts.misses.Add(blocksOf(own))
		s.client.counts.joined.Add(int64(len(shares)))
		if err := s.fetchClaims(ctx, p, kept, own); err != nil {
			return err
		}
		var err error
		if pieces, err = await(ctx, shares); err != nil {
			return err
		}
	}
	return nil
}

// fetchClaims reads what was claimed, and settles all of it whatever happens.
func (s *Source) fetchClaims(ctx context.Context, p pin, kept *localCopy, own []*claim) error {
	err := s.each(ctx, side, pieces(own), func(ctx context.Context, m piece) error {
		if err := s.fetch(ctx, p, kept, m); err != nil {
			return err
		}
		kept.settle(own, m.off, nil, false)
		return nil
	})
	if err != nil {
		kept.settle(own, -1, err, ctx.Err() != nil)
	}
	return err
}

// fetch reads a piece from the store and keeps it.
func (s *Source) fetch(ctx context.Context, p pin, kept *localCopy, m piece) error {
	if err := s.client.read(ctx, p, m.off, m.data); err != nil {
		return err
	}
	kept.keep(m.off, m.data)
	return nil
}

// missing copies what is kept into the pieces and returns the rest.
func (s *Source) missing(kept *localCopy, pieces []piece) (rest []piece) {
	for _, w := range pieces {
		rest = append(rest, s.missingOf(kept, w)...)
	}
	return rest
}

// missingOf copies what is kept into w and returns the rest, in few pieces.
func (s *Source) missingOf(kept *localCopy, w piece) (rest []piece) {
	begin := int64(-1) // of a run of blocks to ask for, in data
	end := int64(0)
	hits := int64(0)
	for at := int64(0); at < int64(len(w.data)); at += blockBytes {
		block := w.data[at:min(at+blockBytes, int64(len(w.data)))]
		if kept.read((w.off+at)/blockBytes, block) {
			hits++
			continue
		}
		if begin >= 0 && at-end > maxGap {
			rest = append(rest, w.part(begin, end))
			begin = -1
		}
		if begin < 0 {
			begin = at
		}
		end = at + int64(len(block))
	}
	if begin >= 0 {
		rest = append(rest, w.part(begin, end))
	}
	s.client.counts.hits.Add(hits)
	return rest
}

func (w piece) part(begin, end int64) piece { return piece{w.off + begin, w.data[begin:end]} }

// split cuts a piece into such of at most n bytes, a multiple of blocks.
func (w piece) split(n int64) (parts []piece) {
	for at := int64(0); at < int64(len(w.data)); at += n {
		parts = append(parts, w.part(at, min(at+n, int64(len(w.data)))))
	}
	return parts
}

// each does work for all, side by side, and waits; after an error it begins no more.
func (s *Source) each(ctx context.Context, abreast int, pieces []piece, work func(context.Context, piece) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, abreast)
	var group sync.WaitGroup
	for _, m := range pieces {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		group.Go(func() {
			defer func() { <-slots }()
			if err := work(ctx, m); err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// errNoRoom: the disk is full, or full of what is being read.
var errNoRoom = errors.New("no room for a whole object on the local disk")

// complete keeps all of an object.
func (s *Source) complete(ctx context.Context, p pin, kept *localCopy) error {
	var rest []piece
	for off := int64(0); off < p.size; off += wholePiece {
		n := min(wholePiece, p.size-off)
		if !kept.hasAll(off, n) {
			rest = append(rest, piece{off: off})
		}
	}
	buffers := sync.Pool{New: func() any { return new([wholePiece]byte) }}
	return s.each(ctx, wholeSide, rest, func(ctx context.Context, m piece) error {
		buffer := buffers.Get().(*[wholePiece]byte)
		defer buffers.Put(buffer)
		m.data = buffer[:min(wholePiece, p.size-m.off)]
		if err := s.fetch(ctx, p, kept, m); err != nil {
			return err
		}
		if !kept.hasAll(m.off, int64(len(m.data))) {
			return tile.Fail(tile.Unavailable, "The server has no room for this image at the moment.", errNoRoom)
		}
		return nil
	})
}

// fetched is ranges of an object in memory.
type fetched struct {
	ranges []store.Range // as asked for, in order and apart
	pieces []piece       // that hold them, in order
}

// newFetched lays out the pieces for ranges. Those close together share one.
func newFetched(ranges []store.Range, size int64) (*fetched, error) {
	f := &fetched{}
	var err error
	if f.ranges, err = unite(ranges, size); err != nil {
		return nil, err
	}
	spans, total := spansOf(f.ranges, size)
	if total > maxFetch {
		return nil, tile.Fail(tile.Unsupported, "This part of the image is too large to be fetched at once.", fmt.Errorf("ranges of %d bytes", total))
	}
	for _, s := range spans {
		f.pieces = append(f.pieces, piece{s.off, make([]byte, s.n)})
	}
	return f, nil
}

// spansOf is what is read for united ranges: whole blocks, and small gaps too.
func spansOf(ranges []store.Range, size int64) (spans []span, total int64) {
	for _, r := range ranges {
		begin := r.Offset / blockBytes * blockBytes
		end := min((r.Offset+r.Length+blockBytes-1)/blockBytes*blockBytes, size)
		if n := len(spans); n > 0 && begin <= spans[n-1].end()+maxGap {
			total += end - spans[n-1].end()
			spans[n-1].n = end - spans[n-1].off
		} else {
			total += end - begin
			spans = append(spans, span{begin, end - begin})
		}
	}
	return spans, total
}

// unite sorts ranges, and makes one of those that overlap or touch.
func unite(ranges []store.Range, size int64) (united []store.Range, err error) {
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b store.Range) int { return cmp.Compare(a.Offset, b.Offset) })
	for _, r := range sorted {
		if r.Offset < 0 || r.Length < 0 || r.Offset > size-r.Length {
			return nil, tile.Fail(tile.Internal, "", fmt.Errorf("range of %d bytes at %d of an object of %d", r.Length, r.Offset, size))
		}
		if r.Length == 0 {
			continue
		}
		if n := len(united); n > 0 && r.Offset <= united[n-1].Offset+united[n-1].Length {
			last := &united[n-1]
			last.Length = max(last.Length, r.Offset+r.Length-last.Offset)
			continue
		}
		united = append(united, r)
	}
	return united, nil
}

var errNotFetched = errors.New("bytes that were not asked for are read")

// ReadAt implements io.ReaderAt for what lies within the ranges.
func (f *fetched) ReadAt(p []byte, off int64) (int, error) {
	i, _ := slices.BinarySearchFunc(f.ranges, off+1, func(r store.Range, off int64) int { return cmp.Compare(r.Offset, off) })
	if i == 0 || off+int64(len(p)) > f.ranges[i-1].Offset+f.ranges[i-1].Length {
		return 0, tile.Fail(tile.Internal, "", fmt.Errorf("%w: %d at %d", errNotFetched, len(p), off))
	}
	return f.copy(p, off), nil
}

func (f *fetched) copy(p []byte, off int64) int {
	for _, w := range f.pieces {
		if off >= w.off && off < w.off+int64(len(w.data)) {
			return copy(p, w.data[off-w.off:])
		}
	}
	return 0 // nothing was asked for, as len(p) is 0
}
