package iiif

import (
	"math"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

const (
	defaultTile = 512
	dearTile    = 1024 // where each tile costs much however small it is
	minFileTile = 256  // below it, requests outnumber what they save
	maxFileTile = 1024 // above it, a viewer loads far more than it shows
)

// TileSize chooses the side in pixels of the square tiles that info.json advertises: the
// configured one if it is positive, else what costs least for the pixels that a viewer
// shows (docs/adr/0011 has the figures). That is the file's own if it is square and between
// 256 and 1024, so that each tile asked for is one tile read; 1024 where every tile takes
// all packets of its resolution; and otherwise 512: smaller tiles take most code-blocks
// again and again, of larger ones too much lies beside the screen.
func TileSize(img tile.Image, configured int) int {
	switch {
	case configured > 0:
		return configured
	case img.TileWidth == img.TileHeight && img.TileWidth >= minFileTile && img.TileWidth <= maxFileTile:
		return img.TileWidth
	case img.Undivided:
		return dearTile
	}
	return defaultTile
}

// imageSize is an entry of sizes.
type imageSize struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

// tiling is an entry of tiles. Without a height the tiles are square.
type tiling struct {
	Width        int   `json:"width"`
	ScaleFactors []int `json:"scaleFactors"`
}

// pyramid is what sizes and tiles say of an image, both from the same scale factors:
// OpenSeadragon takes sizes for its levels when they are as many as the factors, or
// one fewer (the full size is not allowed). A size that belongs to no factor could
// make up the number and shift every level.
func pyramid(d Description) ([]imageSize, []tiling) {
	t := allowedTile(d)
	factors := scaleFactors(d.Image.Width, d.Image.Height, t)
	var sizes []imageSize
	for i := len(factors) - 1; i >= 0; i-- {
		s := imageSize{ceilDiv(d.Image.Width, factors[i]), ceilDiv(d.Image.Height, factors[i])}
		if within(d.Limits, s.Width, s.Height) {
			sizes = append(sizes, s)
		}
	}
	return sizes, []tiling{{Width: t, ScaleFactors: factors}}
}

// allowedTile is the description's tile size, cut to its limits.
func allowedTile(d Description) int {
	t := d.TileSize
	if t <= 0 {
		t = TileSize(d.Image, 0)
	}
	maxWidth, maxHeight := sideLimits(d.Limits)
	if maxWidth > 0 {
		t = min(t, maxWidth)
	}
	if maxHeight > 0 {
		t = min(t, maxHeight)
	}
	if d.Limits.MaxArea > 0 {
		t = min(t, int(math.Sqrt(float64(d.Limits.MaxArea))))
	}
	return max(t, 1)
}

// scaleFactors doubles from 1 until the whole image fits in one tile.
func scaleFactors(width, height, side int) []int {
	factors := []int{1}
	for f := 1; ceilDiv(width, f) > side || ceilDiv(height, f) > side; {
		f *= 2
		factors = append(factors, f)
	}
	return factors
}

// sideLimits gives the limits of width and height, 0 where there is none. A width
// limit alone binds the height too.
func sideLimits(l iiifurl.Limits) (width, height int) {
	if l.MaxHeight == 0 {
		return l.MaxWidth, l.MaxWidth
	}
	return l.MaxWidth, l.MaxHeight
}

func within(l iiifurl.Limits, width, height int) bool {
	maxWidth, maxHeight := sideLimits(l)
	return (maxWidth == 0 || width <= maxWidth) &&
		(maxHeight == 0 || height <= maxHeight) &&
		(l.MaxArea == 0 || int64(width)*int64(height) <= l.MaxArea)
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
