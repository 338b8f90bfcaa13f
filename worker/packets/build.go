package packets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// indexPackets bounds the packets of an index that is kept in memory: 64 MiB of places.
const indexPackets = 1 << 22

// build makes the index of a version, or its refusal. The error is for what says nothing
// about the file.
func (e *Engine) build(ctx context.Context, o store.Object) (*shelved, error) {
	f, err := e.cfg.Source.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	x, err := e.index(ctx, f, o.Size)
	if !f.Same() {
		return nil, tile.Fail(tile.Changed, "", err)
	}
	if err == nil && x.Memory() > e.cfg.IndexBytes/2 {
		err = refusal{fmt.Errorf("the index would take %d bytes of memory", x.Memory())}
	}
	if errors.Is(err, context.DeadlineExceeded) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = refusal{fmt.Errorf("indexing took longer than %v", e.cfg.BuildTime)}
	}
	var fault *jp2.Error
	var refused refusal
	if errors.As(err, &fault) || errors.As(err, &refused) {
		return &shelved{refusal: err}, nil
	}
	if err != nil {
		return nil, err
	}
	return &shelved{index: x}, nil
}

// refusal is a reason of this package's own not to index a file.
type refusal struct{ error }

// index reads packet lengths where the file tells them, in few reads. Only where it does
// not is the whole file needed.
func (e *Engine) index(ctx context.Context, f store.Blob, size int64) (*jp2.Index, error) {
	h, err := jp2.ReadHeader(bound{ctx, f}, size, e.cfg.Header)
	if err != nil {
		return nil, err
	}
	b := e.cfg.Header
	b.Packets, b.WalkBytes = min(b.Packets, indexPackets), 0
	src := io.ReaderAt(f)
	if e.cfg.Remote {
		src = &heads{Blob: f, size: size, offsets: jp2.TilePartOffsets(bound{ctx, f}, size, h, b)}
	}
	x, err := jp2.BuildIndex(bound{ctx, src}, size, h, b)
	if !errors.Is(err, jp2.ErrWalk) {
		return x, err
	}
	if size > e.cfg.FileBytes {
		return nil, refusal{fmt.Errorf("%w, and the file has %d bytes", err, size)}
	}
	whole, err := f.Local()
	if err != nil {
		return nil, err
	}
	b.WalkBytes = size
	return jp2.BuildIndex(bound{ctx, whole}, size, h, b)
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

const indexType = "application/x-tessera-index"

// indexKey is the name of a version's index among the results. No rendering has it: the
// canonical form of a request has slashes.
func indexKey(o store.Object) tile.Key {
	return tile.Key{ID: o.Key, Version: o.Version, Canonical: "index"}
}

// store keeps the index for the next start, and for other workers. Where that fails it
// is built again.
func (e *Engine) store(o store.Object, x *jp2.Index) {
	data, err := x.AppendBinary(nil)
	if err != nil {
		return
	}
	for _, r := range e.cfg.Results {
		ctx, cancel := context.WithTimeout(e.work, storeTime)
		if err := r.Put(ctx, indexKey(o), indexType, bytes.NewReader(data), int64(len(data))); err != nil {
			e.cfg.Log.Debug("index not kept", "key", o.Key, "error", err)
		}
		cancel()
	}
}

// storeTime bounds the wait for a store; making an index anew takes about as long.
const storeTime = 5 * time.Second

// load finds a stored index; nil where there is none that is sound.
func (e *Engine) load(o store.Object) *shelved {
	for _, r := range e.cfg.Results {
		if x := e.loadFrom(r, o); x != nil {
			e.counts.loads.Add(1)
			return &shelved{index: x}
		}
	}
	return nil
}

func (e *Engine) loadFrom(r Results, o store.Object) *jp2.Index {
	ctx, cancel := context.WithTimeout(e.work, storeTime)
	defer cancel()
	res, ok := r.Get(ctx, indexKey(o))
	if !ok {
		return nil
	}
	defer func() { _ = res.Body.Close() }()
	if res.Size > e.cfg.IndexBytes {
		return nil
	}
	data := make([]byte, res.Size)
	if _, err := io.ReadFull(res.Body, data); err != nil {
		return nil
	}
	b := e.cfg.Header
	b.Packets = min(b.Packets, indexPackets)
	x, err := jp2.ParseIndex(data, b)
	if err != nil {
		e.cfg.Log.Debug("stored index is of no use", "key", o.Key, "error", err)
		return nil
	}
	return x
}
