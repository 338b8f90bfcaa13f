package packets

import (
	"fmt"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
)

// Foresee plans a region, in pixels with reduce levels dropped, of a file of size bytes that
// x is all of, or says why the whole file will be decoded, as an engine of default bounds does
// that has had the time to do all it does.
func Foresee(x *jp2.Index, size int64, region jp2.Rect, reduce int) (*jp2.Plan, Reason) {
	c := Config{}.withDefaults()
	if lowered(x, reduce) { // all packets are at hand
		plan, err := x.Plan(region, reduce)
		if err != nil {
			return nil, Region
		}
		if _, needed := plan.Packets(); needed > c.StreamBytes {
			return nil, Large
		}
		return plan, ""
	}
	if x.Touched(region) > manyTiles {
		return nil, Large
	}
	plan, _, why := planned(x, size, region, reduce, c.StreamBytes)
	return plan, why
}

// ForeseeRefusal says why an engine of default bounds does not index a file of size bytes,
// though x could be made of it; nil where it does.
func ForeseeRefusal(x *jp2.Index, size int64) error {
	c := Config{}.withDefaults()
	if from := x.Origin(); (from == jp2.FromHeaders || from == jp2.FromSOP) && size > c.FileBytes {
		return fmt.Errorf("%w, and the file has %d bytes", jp2.ErrWalk, size)
	}
	return fits(x, c.IndexBytes)
}

// lowered tells whether there will be a file of lower resolutions for the reduction.
func lowered(x *jp2.Index, reduce int) bool {
	from := lowerFrom(x)
	if x.Tiles() <= fewTiles || reduce < from || from < 1 {
		return false
	}
	_, err := x.Lower(from)
	return err == nil
}

// planned plans a region and says what to read for it, or why the whole file is rather
// decoded. A codestream may have so many bytes at most.
func planned(x *jp2.Index, size int64, region jp2.Rect, reduce int, most int64) (*jp2.Plan, []store.Range, Reason) {
	plan, err := x.Plan(region, reduce)
	if err != nil {
		return nil, nil, Region
	}
	wanted := ranges(plan.Ranges(Gap))
	_, needed := plan.Packets()
	reading := total(wanted)
	switch {
	case max(reading, needed) > most:
		return nil, nil, Large
	case size > smallFile && reading > size/4*3:
		return nil, nil, Most
	}
	return plan, wanted, ""
}
