package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// maxAhead bounds, in chunks, what a read here and there asks for: it doubles while
// reads follow one another.
const maxAhead = 16

// windowKey names a read that others can join.
type windowKey struct {
	object string
	chunk  int64
	chunks int64
}

// blob is one version of an object.
type blob struct {
	ctx    context.Context
	cancel context.CancelFunc
	source *Source
	key    string
	object string // names the version in this process
	pin    pin
	copy   *localCopy

	mu     sync.Mutex
	next   int64 // chunk that a reader front to back asks for next
	ahead  int64 // chunks asked for last
	locals []*os.File
}

func newBlob(ctx context.Context, s *Source, o store.Object, p pin) *blob {
	ctx, cancel := context.WithCancel(ctx)
	object := s.where.String() + o.Key + "\x00" + o.Version
	return &blob{ctx: ctx, cancel: cancel, source: s, key: o.Key, object: object, pin: p, copy: s.copies.acquire(object, p.size)}
}

// Close implements store.Blob.
func (b *blob) Close() error {
	b.cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, f := range b.locals {
		errs = append(errs, f.Close())
	}
	b.locals = nil
	if b.copy != nil {
		b.source.copies.release(b.copy)
		b.copy = nil
	}
	return errors.Join(errs...)
}

// Same implements store.Blob: every read is pinned.
func (b *blob) Same() bool { return true }

// ReadAt implements io.ReaderAt.
func (b *blob) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, tile.Fail(tile.Internal, "", fmt.Errorf("read at %d", off))
	}
	if off >= b.pin.size {
		return 0, io.EOF
	}
	whole := p[:min(int64(len(p)), b.pin.size-off)]
	for done := 0; done < len(whole); {
		n, err := b.readSome(whole[done:], off+int64(done))
		if err != nil {
			return done, err
		}
		done += n
	}
	if len(whole) < len(p) {
		return len(whole), io.EOF
	}
	return len(p), nil
}

// readSome reads at least a byte of p: a block that is kept, or a window asked for.
func (b *blob) readSome(p []byte, off int64) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	at := b.copy.blockSpan(off / blockBytes)
	var block [blockBytes]byte
	if kept := block[:at.n]; b.copy.read(off/blockBytes, kept) {
		b.source.client.counts.hits.Add(1)
		return copy(p, kept[off-at.off:]), nil
	}
	w := b.choose(off, int64(len(p)))
	data, _, err := b.source.windows.Do(b.ctx, w, func(ctx context.Context) ([]byte, error) { return b.window(ctx, w) })
	if err != nil {
		return 0, b.outcome(err)
	}
	return copy(p, data[off-w.chunk*chunkBytes:]), nil
}

// choose decides how much to ask for where n bytes at off are wanted.
func (b *blob) choose(off, n int64) windowKey {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := off / chunkBytes
	if first == b.next && first > 0 {
		b.ahead *= 2
	} else {
		b.ahead = 1
	}
	last := (off + n - 1) / chunkBytes
	b.ahead = min(max(b.ahead, last-first+1), maxAhead)
	b.next = first + b.ahead
	return windowKey{b.object, first, b.ahead}
}

// window reads whole chunks. It may go on when this blob is closed, for others: so it
// holds the copy itself.
func (b *blob) window(ctx context.Context, w windowKey) ([]byte, error) {
	b.source.jobs.Add(1)
	defer b.source.jobs.Done()
	kept := b.source.copies.acquire(b.object, b.pin.size)
	defer b.source.copies.release(kept)
	off := w.chunk * chunkBytes
	data := make([]byte, min(w.chunks*chunkBytes, b.pin.size-off))
	return data, b.source.fill(ctx, b.pin, kept, []piece{{off, data}})
}

// Fetch implements store.Blob.
func (b *blob) Fetch(ranges []store.Range) (io.ReaderAt, error) {
	if err := b.ctx.Err(); err != nil {
		return nil, err
	}
	f, err := newFetched(ranges, b.pin.size)
	if err != nil {
		return nil, err
	}
	if err := b.source.fill(b.ctx, b.pin, b.copy, f.pieces); err != nil {
		return nil, b.outcome(err)
	}
	return f, nil
}

// Holds tells whether Fetch of these ranges would ask nothing of the store.
func (b *blob) Holds(ranges []store.Range) bool {
	united, err := unite(ranges, b.pin.size)
	if err != nil {
		return false // Fetch says why
	}
	spans, _ := spansOf(united, b.pin.size)
	for _, s := range spans {
		if !b.copy.has(s) {
			return false
		}
	}
	return true
}

// Local implements store.Blob.
func (b *blob) Local() (*os.File, error) {
	if b.pin.size > b.source.copies.limit {
		return nil, tile.Fail(tile.Unsupported, "This image is too large to be fetched.",
			fmt.Errorf("an object of %d bytes does not fit the %d of --object-cache-bytes", b.pin.size, b.source.copies.limit))
	}
	_, _, err := b.source.wholes.Do(b.ctx, b.object, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, b.whole(ctx)
	})
	if err != nil {
		return nil, b.outcome(err)
	}
	f, err := b.copy.open()
	if err != nil {
		return nil, tile.Fail(tile.Internal, "", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.locals = append(b.locals, f)
	return f, nil
}

// whole keeps all of the object, for others too.
func (b *blob) whole(ctx context.Context) error {
	b.source.jobs.Add(1)
	defer b.source.jobs.Done()
	kept := b.source.copies.acquire(b.object, b.pin.size)
	defer b.source.copies.release(kept)
	return b.source.complete(ctx, b.pin, kept)
}

// outcome of a read. A version that has gone is not to be found again.
func (b *blob) outcome(err error) error {
	err = b.source.outcome(b.ctx, b.key, tile.Changed, err)
	if tile.CodeOf(err) == tile.Changed {
		b.source.known.forget(b.key)
	}
	return err
}
