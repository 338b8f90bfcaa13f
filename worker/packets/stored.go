package packets

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
)

const (
	storedType = "application/x-tessera-index"
	// storeTime bounds the wait for a store; making an index anew takes about as long.
	storeTime = 5 * time.Second
)

// store keeps the index for the next start, and for other workers. Where that fails it
// is built again.
func (e *Engine) store(o store.Object, x *Index) {
	if data, err := x.AppendBinary(nil); err == nil {
		e.put(o, indexCanonical, data)
	}
}

func (e *Engine) put(o store.Object, canonical string, data []byte) {
	for _, r := range e.cfg.Results {
		ctx, cancel := context.WithTimeout(e.work, storeTime)
		if err := r.Put(ctx, storedKey(o, canonical), storedType, bytes.NewReader(data), int64(len(data))); err != nil {
			e.cfg.Log.Debug("not kept for the next start", "what", canonical, "key", o.Key, "error", err)
		}
		cancel()
	}
}

// load finds a stored index; nil where there is none that is sound.
func (e *Engine) load(o store.Object) *shelved {
	for _, r := range e.cfg.Results {
		data := e.get(r, o, indexCanonical, e.cfg.IndexBytes/indexShare)
		if data == nil {
			continue
		}
		parsed, err := jp2.ParseIndex(data, e.cfg.Header)
		x := &Index{Index: parsed}
		if err == nil {
			err = fits(x.Index, e.cfg.IndexBytes)
		}
		if err == nil {
			e.counts.loads.Add(1)
			return &shelved{index: x}
		}
		e.cfg.Log.Debug("stored index is of no use", "key", o.Key, "error", err)
	}
	return nil
}

// get reads what is stored; nil where there is nothing, or more than limit bytes.
func (e *Engine) get(r Results, o store.Object, canonical string, limit int64) []byte {
	ctx, cancel := context.WithTimeout(e.work, storeTime)
	defer cancel()
	res, ok := r.Get(ctx, storedKey(o, canonical))
	if !ok {
		return nil
	}
	defer func() { _ = res.Body.Close() }()
	if res.Size > limit {
		return nil
	}
	data := make([]byte, res.Size)
	if _, err := io.ReadFull(res.Body, data); err != nil {
		return nil
	}
	return data
}
