package main

import (
	"fmt"
	"math/rand/v2"
)

// tileSide is the side in pixels of the tiles asked for.
const tileSide = 256

// scales are the factors at which viewers ask for tiles of a large image.
var scales = []int{1, 2, 4, 8, 16}

// tile is one square of a viewer's grid: a region in pixels of the whole image and
// the size of the answer, smaller than tileSide at the right and lower edges.
type tile struct {
	Scale, X, Y, W, H int
	Width, Height     int
}

// path is the image request below the image's base URI, the same in Image API 2
// and 3.
func (t tile) path() string {
	return fmt.Sprintf("/%d,%d,%d,%d/%d,%d/0/default.jpg", t.X, t.Y, t.W, t.H, t.Width, t.Height)
}

// grid lists the tiles of an image at one scale, with answers of side pixels.
func grid(width, height, scale, side int) []tile {
	var all []tile
	span := side * scale
	for y := 0; y < height; y += span {
		for x := 0; x < width; x += span {
			w, h := min(span, width-x), min(span, height-y)
			all = append(all, tile{Scale: scale, X: x, Y: y, W: w, H: h, Width: (w + scale - 1) / scale, Height: (h + scale - 1) / scale})
		}
	}
	return all
}

// draw picks n tiles without repeats. Every scale is as likely as any other until
// its grid is used up. The same seed draws the same tiles.
func draw(seed uint64, width, height, n int) ([]tile, error) {
	rnd := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a draw that can be repeated is the point
	var grids [][]tile
	for _, s := range scales {
		g := grid(width, height, s, tileSide)
		rnd.Shuffle(len(g), func(i, j int) { g[i], g[j] = g[j], g[i] })
		grids = append(grids, g)
	}
	drawn := make([]tile, 0, n)
	for len(drawn) < n {
		if len(grids) == 0 {
			return nil, fmt.Errorf("an image of %d x %d pixels has only %d tiles, not %d", width, height, len(drawn), n)
		}
		i := rnd.IntN(len(grids))
		last := len(grids[i]) - 1
		if last < 0 {
			grids = append(grids[:i], grids[i+1:]...)
			continue
		}
		drawn, grids[i] = append(drawn, grids[i][last]), grids[i][:last]
	}
	return drawn, nil
}
