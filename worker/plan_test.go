package worker

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

func TestReduction(t *testing.T) {
	for _, c := range []struct {
		name          string
		region        iiifurl.Rect
		width, height int
		levels, want  int
	}{
		{"full size", iiifurl.Rect{W: 256, H: 256}, 256, 256, 6, 0},
		{"half", iiifurl.Rect{X: 512, Y: 512, W: 512, H: 512}, 256, 256, 6, 1},
		{"one pixel more than half", iiifurl.Rect{W: 512, H: 512}, 257, 256, 6, 0},
		{"between levels", iiifurl.Rect{W: 1000, H: 1000}, 300, 300, 6, 1},
		{"bounded by levels", iiifurl.Rect{W: 4096, H: 4096}, 16, 16, 3, 3},
		{"no levels", iiifurl.Rect{W: 4096, H: 4096}, 16, 16, 0, 0},
		{"larger than the region", iiifurl.Rect{W: 100, H: 100}, 400, 400, 6, 0},
		{"narrow in one direction", iiifurl.Rect{W: 1024, H: 1024}, 16, 1024, 6, 0},
		{"last column, rounded up", iiifurl.Rect{X: 512, W: 489, H: 512}, 245, 256, 6, 1},
		{"odd origin loses a sample", iiifurl.Rect{X: 1, W: 3, H: 4}, 2, 2, 6, 0},
		{"one pixel", iiifurl.Rect{X: 8, Y: 8, W: 1, H: 1}, 1, 1, 6, 3},
		{"one pixel between samples", iiifurl.Rect{X: 9, Y: 9, W: 1, H: 1}, 1, 1, 6, 0},
		{"as many levels as a file can have", iiifurl.Rect{W: 10, H: 10}, 1, 1, 32, 31},
		{"more levels than a file can have", iiifurl.Rect{W: 10, H: 10}, 1, 1, 1000, 31},
	} {
		if got := reduction(c.region, c.width, c.height, c.levels); got != c.want {
			t.Errorf("%s: %d levels dropped; want %d", c.name, got, c.want)
		}
	}
}

// Never too few pixels, and never more than one level of them too many.
func TestReductionProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := iiifurl.Rect{
			X: rapid.IntRange(0, 100_000).Draw(t, "x"), Y: rapid.IntRange(0, 100_000).Draw(t, "y"),
			W: rapid.IntRange(1, 100_000).Draw(t, "w"), H: rapid.IntRange(1, 100_000).Draw(t, "h"),
		}
		width, height := rapid.IntRange(1, 2*g.W).Draw(t, "width"), rapid.IntRange(1, 2*g.H).Draw(t, "height")
		levels := rapid.IntRange(0, 8).Draw(t, "levels")
		n := reduction(g, width, height, levels)
		if w, h := reduced(g, n); n > 0 && (w < width || h < height) {
			t.Fatalf("%d levels: %d×%d are too few for %d×%d", n, w, h, width, height)
		}
		if w, h := reduced(g, n+1); n < levels && w >= width && h >= height {
			t.Fatalf("%d levels, though %d would give %d×%d", n, n+1, w, h)
		}
	})
}

func TestPlan(t *testing.T) {
	jp2 := tile.Image{Format: tile.JP2, Width: 20000, Height: 20000, Levels: 6}
	flat := tile.Image{Format: tile.PNG, Width: 5000, Height: 5000}
	pyramid := tile.Image{Format: tile.TIFF, Width: 20000, Height: 20000, TileWidth: 256, TileHeight: 256, Levels: 6}
	huge := tile.Image{Format: tile.JPEG, Width: 60000, Height: 60000}
	full := iiifurl.Rect{W: 20000, H: 20000}
	block := iiifurl.Rect{X: 1024, Y: 1024, W: 1024, H: 1024}
	for _, c := range []struct {
		name   string
		img    tile.Image
		region iiifurl.Rect
		side   int
		lane   lane
		reduce int
		code   tile.Code
	}{
		{"tile", jp2, block, 256, tiles, 2, ""},
		{"thumbnail by level", jp2, full, 300, tiles, 6, ""},
		{"large output", jp2, full, 2049, exports, 3, ""},
		{"four megapixels", jp2, full, 2048, tiles, 3, ""},
		{"little output of much input", tile.Image{Format: tile.JP2, Width: 20000, Height: 20000}, full, 256, exports, 0, ""},
		{"part of a flat file", flat, iiifurl.Rect{W: 256, H: 256}, 256, exports, 0, ""},
		{"pyramid", pyramid, full, 300, tiles, 0, ""},
		{"more than may be decoded", huge, iiifurl.Rect{W: 256, H: 256}, 256, tiles, 0, tile.Invalid},
		{"region left of it", jp2, iiifurl.Rect{X: -1, W: 10, H: 10}, 10, tiles, 0, tile.Invalid},
		{"region above it", jp2, iiifurl.Rect{Y: -1, W: 10, H: 10}, 10, tiles, 0, tile.Invalid},
		{"region beyond", jp2, iiifurl.Rect{X: 19991, W: 10, H: 10}, 10, tiles, 0, tile.Invalid},
		{"region far beyond", jp2, iiifurl.Rect{X: 1<<63 - 1, W: 1<<63 - 1, H: 10}, 10, tiles, 0, tile.Invalid},
		{"empty region", jp2, iiifurl.Rect{H: 10}, 10, tiles, 0, tile.Invalid},
		{"no size", jp2, block, 0, tiles, 0, tile.Invalid},
		{"absurd size", jp2, block, 1 << 40, tiles, 0, tile.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newPlace(t).Worker
			job := tile.Job{JPEGQuality: 80, Render: iiifurl.Resolved{Region: c.region, Width: c.side, Height: c.side, Format: "jpg"}}
			p, err := w.plan(job, c.img)
			wantCode(t, err, c.code)
			if err == nil && (p.lane != c.lane || p.task.Reduce != c.reduce || p.task.Format != c.img.Format || p.task.JPEGQuality != 80) {
				t.Errorf("plan %+v; want lane %d, %d levels dropped", p, c.lane, c.reduce)
			}
		})
	}
}

func TestPlanRefusesFormatsAndQualities(t *testing.T) {
	w := newPlace(t).Worker
	img := tile.Image{Format: tile.JP2, Width: 100, Height: 100}
	ok := iiifurl.Resolved{Region: iiifurl.Rect{W: 10, H: 10}, Width: 10, Height: 10, Format: "jpg"}
	for _, q := range []int{-1, 101} {
		_, err := w.plan(tile.Job{Render: ok, JPEGQuality: q}, img)
		wantCode(t, err, tile.Invalid)
	}
	if p, err := w.plan(tile.Job{Render: ok}, img); err != nil || p.task.JPEGQuality != defaultQuality {
		t.Errorf("plan %+v, %v; want the default quality", p, err)
	}
	wide := ok
	wide.Width, wide.Height = 65_501, 10
	_, err := w.plan(tile.Job{Render: wide}, img)
	wantCode(t, err, tile.Invalid)
	wide.Degrees, wide.Format = 90, "png"
	if _, err := w.plan(tile.Job{Render: wide}, img); err != nil {
		t.Errorf("a wide PNG: %v", err)
	}
	ok.Format = "pdf"
	_, err = w.plan(tile.Job{Render: ok}, img)
	wantCode(t, err, tile.Unsupported)
}
