package packets

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	// lowerSide and lowerTiles say from which reduction on there is a file of lower
	// resolutions: where what is asked for most, so many pixels square, would touch more
	// tiles than that, and be as many reads of a file.
	lowerSide, lowerTiles = 256, 16
	// lowerMagic begins the stored form, with a version; reduction, CRC-32C and the file
	// follow.
	lowerMagic = "TJPL\x01"
	lowerHead  = len(lowerMagic) + 1 + crc32.Size
)

// lower is a file of an image's lower resolutions, all its packets in memory: a few bytes
// of each of thousands of tiles.
type lower struct {
	reduce int // so many levels less
	index  *jp2.Index
	data   []byte
	form   []byte // as it is stored; data is its end
}

// lowerShare is how much of Config.IndexBytes one such file may take.
const lowerShare = 4

var (
	errLowerLarge = errors.New("more bytes than are kept in memory")
	errNotLower   = errors.New("not whole, or of another version")
	castagnoli    = crc32.MakeTable(crc32.Castagnoli)
)

// crowded tells images of so many tiles that a region may touch too many.
func (x *Index) crowded() bool { return x.Tiles() > fewTiles }

// settle finds or makes the file of lower resolutions of a crowded image. After an error
// that says nothing about the file it is tried again when somebody needs it.
func (e *Engine) settle(ctx context.Context, o store.Object, x *Index) {
	reduce := lowerFrom(x.Index)
	if reduce < 1 || x.Refused() != nil {
		x.settled.Store(true)
		return
	}
	if low := e.loadLower(o); low != nil {
		x.low.Store(low)
		x.settled.Store(true)
		return
	}
	began := time.Now()
	low, err := e.makeLower(ctx, o, x, reduce)
	var fault *jp2.Error
	switch {
	case err == nil:
		x.low.Store(low)
		x.settled.Store(true)
		e.counts.lower.Add(1)
		e.cfg.Log.Info("lower resolutions put together", "key", o.Key, "levels", low.reduce, "bytes", len(low.data), "took", time.Since(began))
		e.put(o, lowerCanonical, low.form)
	case errors.As(err, &fault), errors.Is(err, errLowerLarge):
		x.settled.Store(true)
		e.cfg.Log.Info("lower resolutions are read from many places", "key", o.Key, "reason", err)
	case e.work.Err() == nil:
		e.cfg.Log.Warn("lower resolutions not put together this time", "key", o.Key, "error", err)
	}
}

// lowerFrom is the least reduction of the file of lower resolutions.
func lowerFrom(x *jp2.Index) int { return min(max(1, x.Crowded(lowerSide, lowerTiles)), x.Levels()) }

// makeLower drops as few levels as give a file that may be kept.
func (e *Engine) makeLower(ctx context.Context, o store.Object, x *Index, reduce int) (low *lower, err error) {
	err = e.opened(ctx, o, func(f store.Blob) error {
		for ; ; reduce++ {
			low, err = e.cutLower(ctx, f, x, reduce)
			if !errors.Is(err, errLowerLarge) || reduce >= x.Levels() {
				return err
			}
		}
	})
	return low, err
}

// cutLower reads the packets of a batch of tiles after the other.
func (e *Engine) cutLower(ctx context.Context, f store.Blob, x *Index, reduce int) (*lower, error) {
	cut, err := x.Lower(reduce)
	if err != nil {
		return nil, err
	}
	form := cut.Begin(make([]byte, lowerHead))
	for t, n := 0, 0; t < x.Tiles(); t += n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if t > 0 && t == n { // the others are likely to be as long
			form = slices.Grow(form, min(len(form)*(x.Tiles()/n+1), int(e.cfg.IndexBytes/lowerShare)))
		}
		n = cut.Batch(t, min(t+batch, x.Tiles()))
		if form, err = e.appendLower(form, f, cut, t, t+n); err != nil {
			return nil, err
		}
	}
	form = cut.End(form)
	copy(form, lowerMagic)
	form[len(lowerMagic)] = byte(reduce)
	binary.BigEndian.PutUint32(form[lowerHead-crc32.Size:], crc32.Checksum(form[lowerHead:], castagnoli))
	return e.readLower(ctx, form)
}

func (e *Engine) appendLower(out []byte, f store.Blob, cut *jp2.Lower, from, to int) ([]byte, error) {
	var plans []*jp2.Plan
	var all []jp2.Range
	for t := from; t < to; t++ {
		p, err := cut.Tile(t)
		if err != nil {
			return nil, err
		}
		plans, all = append(plans, p), append(all, p.Ranges(Gap)...)
	}
	limit := e.cfg.IndexBytes / lowerShare
	if total(ranges(all))+int64(len(out)) > limit {
		return nil, fmt.Errorf("%w: over %d", errLowerLarge, limit)
	}
	src, err := f.Fetch(ranges(all))
	for i := 0; err == nil && i < len(plans); i++ {
		out, err = cut.Append(out, from+i, plans[i], src)
	}
	if err != nil {
		return nil, readError(err)
	}
	return out, nil
}

// readLower takes over the stored form, which must be sound.
func (e *Engine) readLower(ctx context.Context, form []byte) (*lower, error) {
	if len(form) < lowerHead || string(form[:len(lowerMagic)]) != lowerMagic {
		return nil, errNotLower
	}
	low := &lower{reduce: int(form[len(lowerMagic)]), data: form[lowerHead:], form: form}
	if crc32.Checksum(low.data, castagnoli) != binary.BigEndian.Uint32(form[lowerHead-crc32.Size:]) {
		return nil, errNotLower
	}
	r, size := bytes.NewReader(low.data), int64(len(low.data))
	h, err := jp2.ReadHeader(r, size, e.cfg.Header)
	if err != nil {
		return nil, err
	}
	low.index, err = jp2.BuildIndex(r, size, h, e.told(ctx))
	return low, err
}

// loadLower finds what is stored; nil where there is nothing that is sound.
func (e *Engine) loadLower(o store.Object) *lower {
	for _, r := range e.cfg.Results {
		form := e.get(r, o, lowerCanonical, e.cfg.IndexBytes/lowerShare+int64(lowerHead))
		if form == nil {
			continue
		}
		low, err := e.readLower(e.work, form)
		if err == nil {
			return low
		}
		e.cfg.Log.Debug("stored lower resolutions are of no use", "key", o.Key, "error", err)
	}
	return nil
}

// What is stored beside the results of a version. No rendering has such a name: the
// canonical form of a request has slashes.
const (
	indexCanonical = "index"
	lowerCanonical = "lower"
)

func storedKey(o store.Object, canonical string) tile.Key {
	return tile.Key{ID: o.Key, Version: o.Version, Canonical: canonical}
}
