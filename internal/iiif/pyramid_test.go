package iiif

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

func TestTileSize(t *testing.T) {
	cases := []struct {
		id            string
		width, height int
		configured    int
		undivided     bool
		want          int
	}{
		{"A-210 configured", 1024, 1024, 300, false, 300},
		{"A-210 of the file", 1024, 1024, 0, false, 1024},
		{"A-210 of the file, smallest", 256, 256, 0, false, 256},
		{"A-210 untiled", 0, 0, 0, false, 512},
		{"A-210 small tiles", 128, 128, 0, false, 512},
		{"A-210 large tiles", 2048, 2048, 0, false, 512},
		{"A-210 strips", 6000, 16, 0, false, 512},
		{"A-210 oblong tiles", 512, 256, 0, false, 512},
		{"A-210 neither tiles nor precincts", 0, 0, 0, true, 1024},
		{"A-210 configured for neither tiles nor precincts", 0, 0, 256, true, 256},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			if got := TileSize(tile.Image{TileWidth: c.width, TileHeight: c.height, Undivided: c.undivided}, c.configured); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestPyramid(t *testing.T) {
	cases := []struct {
		id      string
		d       Description
		side    int
		factors []int
		sizes   []imageSize
	}{
		{
			"A-209 ceil halvings, ascending", sized(6000, 4000, 512, iiifurl.Limits{}),
			512,
			[]int{1, 2, 4, 8, 16},
			[]imageSize{{375, 250}, {750, 500}, {1500, 1000}, {3000, 2000}, {6000, 4000}},
		},
		{
			"A-209 odd sizes", sized(1025, 769, 256, iiifurl.Limits{}),
			256,
			[]int{1, 2, 4, 8},
			[]imageSize{{129, 97}, {257, 193}, {513, 385}, {1025, 769}},
		},
		{
			"A-092 strip", sized(30000, 50, 512, iiifurl.Limits{}),
			512,
			[]int{1, 2, 4, 8, 16, 32, 64},
			[]imageSize{{469, 1}, {938, 2}, {1875, 4}, {3750, 7}, {7500, 13}, {15000, 25}, {30000, 50}},
		},
		{"A-210 one tile", sized(300, 200, 512, iiifurl.Limits{}), 512, []int{1}, []imageSize{{300, 200}}},
		{
			"A-208 within the width", sized(6000, 4000, 512, iiifurl.Limits{MaxWidth: 3000}),
			512,
			[]int{1, 2, 4, 8, 16},
			[]imageSize{{375, 250}, {750, 500}, {1500, 1000}, {3000, 2000}},
		},
		{
			"A-206 width implies height", sized(4000, 6000, 512, iiifurl.Limits{MaxWidth: 2000}),
			512,
			[]int{1, 2, 4, 8, 16},
			[]imageSize{{250, 375}, {500, 750}, {1000, 1500}},
		},
		{
			"A-208 within the area", sized(6000, 4000, 512, iiifurl.Limits{MaxWidth: 3000, MaxHeight: 2000, MaxArea: 4000000}),
			512,
			[]int{1, 2, 4, 8, 16},
			[]imageSize{{375, 250}, {750, 500}, {1500, 1000}},
		},
		{
			"A-210 tiles within the limits", sized(1000, 1000, 512, iiifurl.Limits{MaxWidth: 400, MaxArea: 62500}),
			250,
			[]int{1, 2, 4},
			[]imageSize{{250, 250}},
		},
		{"A-210 chosen for the file", sized(600, 600, 0, iiifurl.Limits{}), 512, []int{1, 2}, []imageSize{{300, 300}, {600, 600}}},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			sizes, tiles := pyramid(c.d)
			if len(tiles) != 1 || tiles[0].Width != c.side || !slices.Equal(tiles[0].ScaleFactors, c.factors) {
				t.Errorf("tiles %v", tiles)
			}
			if !slices.Equal(sizes, c.sizes) {
				t.Errorf("sizes %v", sizes)
			}
		})
	}
}

func sized(width, height, side int, l iiifurl.Limits) Description {
	return Description{Image: tile.Image{Width: width, Height: height}, TileSize: side, Limits: l}
}

func drawDescription(t *rapid.T) Description {
	l := iiifurl.Limits{
		MaxWidth: rapid.OneOf(rapid.Just(0), rapid.IntRange(1, 9000)).Draw(t, "maxWidth"),
		MaxArea:  rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(1, 1<<26)).Draw(t, "maxArea"),
	}
	if l.MaxWidth > 0 {
		l.MaxHeight = rapid.OneOf(rapid.Just(0), rapid.IntRange(1, 9000)).Draw(t, "maxHeight")
	}
	return sized(
		rapid.IntRange(1, 40000).Draw(t, "width"), rapid.IntRange(1, 40000).Draw(t, "height"),
		rapid.SampledFrom([]int{0, 256, 512, 600, 1024}).Draw(t, "side"), l,
	)
}

// What info.json promises, the request parser has to grant to the pixel.
func TestPromisedRequestsAreGranted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDescription(t)
		sizes, tiles := pyramid(d)
		for _, s := range sizes {
			grant(t, "A-093", d, "full", s.Width, s.Height)
		}
		side := tiles[0].Width
		for _, f := range tiles[0].ScaleFactors {
			columns, rows := ceilDiv(d.Image.Width, side*f), ceilDiv(d.Image.Height, side*f)
			x := rapid.SampledFrom([]int{0, columns - 1}).Draw(t, "column") * side * f
			y := rapid.SampledFrom([]int{0, rows - 1}).Draw(t, "row") * side * f
			w, h := min(side*f, d.Image.Width-x), min(side*f, d.Image.Height-y)
			grant(t, "A-211", d, fmt.Sprintf("%d,%d,%d,%d", x, y, w, h), ceilDiv(w, f), ceilDiv(h, f))
		}
	})
}

func grant(t *rapid.T, id string, d Description, region string, w, h int) {
	t.Helper()
	for _, v := range []iiifurl.Version{iiifurl.V2, iiifurl.V3} {
		req, err := iiifurl.ParseRequest(v, region, fmt.Sprintf("%d,%d", w, h), "0", "default.jpg")
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		got, err := req.Resolve(d.Image.Source(), d.Limits)
		if err != nil {
			t.Fatalf("%s: %s to %d,%d: %v", id, region, w, h, err)
		}
		if got.Width != w || got.Height != h {
			t.Fatalf("%s: %s to %d,%d gives %d,%d", id, region, w, h, got.Width, got.Height)
		}
	}
}

// OpenSeadragon takes sizes for the sizes of its levels when their number fits the
// largest scale factor. Then each has to be the size of its level.
func TestSizesMisleadNoViewer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDescription(t)
		sizes, tiles := pyramid(d)
		factors := tiles[0].ScaleFactors
		top := int(math.Round(math.Log2(float64(slices.Max(factors)))))
		if len(sizes) == top {
			sizes = append(sizes, imageSize{d.Image.Width, d.Image.Height})
		}
		if len(sizes) != top+1 {
			return
		}
		for level, s := range sizes {
			f := 1 << (top - level)
			if want := (imageSize{ceilDiv(d.Image.Width, f), ceilDiv(d.Image.Height, f)}); s != want {
				t.Fatalf("A-209: level %d is %v, want %v", level, s, want)
			}
		}
	})
}
