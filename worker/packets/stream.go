package packets

import (
	"fmt"

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
func (e *Engine) Stream(f store.Blob, x *jp2.Index, size int64, region jp2.Rect, reduce int) (Stream, Reason, error) {
	plan, ranges, why := e.choose(x, size, region, reduce)
	if why != "" {
		return Stream{}, why, nil
	}
	n, _ := plan.Packets()
	src, err := f.Fetch(ranges)
	if err != nil {
		return Stream{}, "", err
	}
	data, err := plan.SynthesiseFile(src)
	if err != nil {
		return Stream{}, "", readError(err)
	}
	e.counts.tiles.Add(1)
	e.counts.packets.Add(uint64(n))
	e.counts.ranges.Add(uint64(len(ranges)))
	e.counts.bytes.Add(uint64(total(ranges)))
	return Stream{Data: data, Region: plan.Pixels()}, "", nil
}

// Ranges are what Stream would read of the source; none where it would say why not.
func (e *Engine) Ranges(x *jp2.Index, size int64, region jp2.Rect, reduce int) ([]store.Range, int64) {
	_, ranges, _ := e.choose(x, size, region, reduce)
	return ranges, total(ranges)
}

// choose plans a region and says what to read for it, or why not.
func (e *Engine) choose(x *jp2.Index, size int64, region jp2.Rect, reduce int) (*jp2.Plan, []store.Range, Reason) {
	plan, err := x.Plan(region, reduce)
	if err != nil {
		return nil, nil, Region
	}
	var ranges []store.Range
	for _, r := range plan.Ranges(Gap) {
		ranges = append(ranges, store.Range(r))
	}
	_, needed := plan.Packets()
	reading := total(ranges)
	switch {
	case max(reading, needed) > e.cfg.StreamBytes:
		return nil, nil, Large
	case size > smallFile && reading > size/4*3:
		return nil, nil, Most
	}
	return plan, ranges, ""
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
