package worker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
	"github.com/tessera-iiif/tessera/worker/packets"
)

const (
	// A rendering within both is a tile, anything else an export.
	tileOutput  = 4 << 20  // pixels written
	tileDecoded = 16 << 20 // pixels decoded

	maxLevels      = protocol.MaxReduce
	maxSide        = 1 << 24 // pixels of an answer: no output format reaches it
	defaultQuality = 85
)

// plan is how a job is done, and how much it costs.
type plan struct {
	task decoder.Task // without File and Stream
	lane lane

	width, height         int // of the image
	tileWidth, tileHeight int // of the file's own tiles, 0 where it has none

	object    store.Object
	index     *packets.Index // nil: the whole file is decoded
	unindexed packets.Reason // why, for JPEG 2000
}

// plan checks a job against the image and chooses the resolution level: the lowest
// that still has as many pixels as are asked for.
func (w *Worker) plan(job tile.Job, img tile.Image) (plan, error) {
	r := job.Render
	if err := check(job, img); err != nil {
		return plan{}, err
	}
	if !slices.Contains(w.decoders.Formats(), r.Format) {
		return plan{}, tile.Fail(tile.Unsupported, fmt.Sprintf("format %q is not offered here", r.Format), nil)
	}
	reduce := reduction(r.Region, r.Width, r.Height, img.Levels)
	decoded := decodedArea(img, r.Region, reduce)
	if decoded > w.limits.DecodedArea {
		return plan{}, tile.Fail(tile.Invalid, "the region is too large to be decoded at this size: ask for a smaller region or size", nil)
	}
	p := plan{width: img.Width, height: img.Height, tileWidth: img.TileWidth, tileHeight: img.TileHeight, task: decoder.Task{
		Format: img.Format, Region: r.Region, Width: r.Width, Height: r.Height, Mirror: r.Mirror, Degrees: r.Degrees,
		Quality: r.Quality, Output: r.Format, JPEGQuality: cmp.Or(job.JPEGQuality, defaultQuality),
	}}
	if img.Format.IsJPEG2000() {
		p.task.Reduce = reduce
	}
	if area(r.Width, r.Height) > tileOutput || decoded > tileDecoded {
		p.lane = exports
	}
	return p, nil
}

// check refuses jobs that no edge makes of a request, whoever sent them.
func check(job tile.Job, img tile.Image) error {
	r, q := job.Render, job.JPEGQuality
	g := r.Region
	switch {
	case g.X < 0 || g.Y < 0 || g.W < 1 || g.H < 1 || g.X > img.Width-g.W || g.Y > img.Height-g.H:
		return tile.Fail(tile.Invalid, "the region does not lie in the image", nil)
	case r.Width < 1 || r.Height < 1 || r.Width > maxSide || r.Height > maxSide:
		return tile.Fail(tile.Invalid, "the size is not one an image can have", nil)
	case q < 0 || q > 100:
		return tile.Fail(tile.Invalid, "the quality is not between 1 and 100", nil)
	}
	width, height := r.Bounds()
	return tile.CheckSides(r.Format, width, height)
}

// reduction is the number of resolution levels that can be dropped so that the
// region is still at least width × height.
func reduction(region iiifurl.Rect, width, height, levels int) int {
	n := 0
	for n < min(levels, maxLevels) {
		w, h := reduced(region, n+1)
		if w < width || h < height {
			break
		}
		n++
	}
	return n
}

// reduced is the size of a region n levels down, where a sample stands for 2^n of the
// full grid (ISO/IEC 15444-1, B-15).
func reduced(region iiifurl.Rect, n int) (w, h int) {
	return shrink(region.X+region.W, n) - shrink(region.X, n), shrink(region.Y+region.H, n) - shrink(region.Y, n)
}

// shrink divides by 2^n and rounds up.
func shrink(v, n int) int { return int((int64(v) + 1<<n - 1) >> n) }

// decodedArea is how many pixels must be decoded for a region. Files without tiles
// or levels are read from top to bottom, whatever part is wanted.
func decodedArea(img tile.Image, region iiifurl.Rect, reduce int) int64 {
	if !img.Format.IsJPEG2000() && img.TileWidth == 0 && img.Levels == 0 {
		return area(img.Width, img.Height)
	}
	return area(reduced(region, reduce))
}

func area(w, h int) int64 { return int64(w) * int64(h) }
