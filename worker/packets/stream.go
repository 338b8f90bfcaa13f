package packets

import (
	"bytes"
	"fmt"
	"io"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	// Gap is how many idle bytes are rather read than skipped by another request. Four
	// times as much saves two requests of twelve for a tile of an untiled file, and reads
	// half as much again.
	Gap = 16 << 10
	// smallFile is up to where it makes no difference how much of a file is needed.
	smallFile = 1 << 20
)

// Stream is a codestream made for one region.
type Stream struct {
	Data   []byte   // with boxes around it where the file has them
	Region jp2.Rect // what to decode of it, in pixels from its top left corner, at full resolution
}

// Stream makes the codestream of a region, in pixels of the image, with reduce levels
// dropped, or says why not. The error is that of reading the source.
func (e *Engine) Stream(f store.Blob, x *Index, size int64, region jp2.Rect, reduce int) (Stream, Reason, error) {
	if err := e.complement(f, x, region, reduce); err != nil {
		return Stream{}, "", readError(err)
	}
	c, why := e.choose(x, size, region, reduce)
	if why != "" {
		return Stream{}, why, nil
	}
	n, _ := c.plan.Packets()
	src, err := c.source(f)
	if err != nil {
		return Stream{}, "", err
	}
	data, err := c.plan.SynthesiseFile(src)
	if err != nil {
		return Stream{}, "", readError(err)
	}
	e.counts.tiles.Add(1)
	e.counts.packets.Add(uint64(n))
	e.counts.ranges.Add(uint64(len(c.ranges)))
	e.counts.bytes.Add(uint64(total(c.ranges)))
	return Stream{Data: data, Region: c.plan.Pixels()}, "", nil
}

// complement has x know what is missing of the rectangle around several regions, each of
// which it was asked for.
func (e *Engine) complement(f store.Blob, x *Index, region jp2.Rect, reduce int) error {
	if x.lowerFor(reduce) != nil || !x.outlined {
		return nil
	}
	tiles := x.Unknown(region)
	if len(tiles) == 0 || len(tiles) > fewTiles {
		return nil
	}
	return e.learnFrom(f, x, tiles, x.walking.Load(), e.walked(e.work))
}

// Ranges are what Stream would read of the source; none where it would say why not.
func (e *Engine) Ranges(x *Index, size int64, region jp2.Rect, reduce int) ([]store.Range, int64) {
	c, _ := e.choose(x, size, region, reduce)
	return c.ranges, total(c.ranges)
}

// choice is how a region is made.
type choice struct {
	plan   *jp2.Plan
	ranges []store.Range // of the source; none where low has the packets
	low    *lower
}

// source has the packets of the plan.
func (c choice) source(f store.Blob) (io.ReaderAt, error) {
	if c.low != nil {
		return bytes.NewReader(c.low.data), nil
	}
	return f.Fetch(c.ranges)
}

// choose plans a region and says what to read for it, or why not.
func (e *Engine) choose(x *Index, size int64, region jp2.Rect, reduce int) (choice, Reason) {
	if low := x.lowerFor(reduce); low != nil {
		return e.chooseLower(x, low, region, reduce)
	}
	plan, ranges, why := planned(x.Index, size, region, reduce, e.cfg.StreamBytes)
	return choice{plan: plan, ranges: ranges}, why
}

// chooseLower plans a region of which all packets are at hand.
func (e *Engine) chooseLower(x *Index, low *lower, region jp2.Rect, reduce int) (choice, Reason) {
	plan, err := low.index.Plan(x.Below(region, low.reduce), reduce-low.reduce)
	if err != nil {
		return choice{}, Region
	}
	if _, needed := plan.Packets(); needed > e.cfg.StreamBytes {
		return choice{}, Large
	}
	return choice{plan: plan, low: low}, ""
}

func total(ranges []store.Range) (n int64) {
	for _, r := range ranges {
		n += r.Length
	}
	return n
}

// readError is the error of a source that did not give the bytes its index promises. The
// source's own errors are kept; a file cut short under our eyes is one that changes.
func readError(err error) error {
	if tile.CodeOf(err) != tile.Internal {
		return err
	}
	return tile.Fail(tile.Internal, "", fmt.Errorf("codestream not put together: %w", err))
}
