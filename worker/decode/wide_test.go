//go:build cgo

package decode

import (
	"fmt"
	"image"
	"image/draw"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

const (
	veryLong = maxWhole + 11
	narrowly = 90
)

// TestWide: pictures wider than libvips' TIFF tiles show what their parts show, however
// they are turned and coloured.
func TestWide(t *testing.T) {
	for _, size := range []image.Point{{veryLong, narrowly}, {narrowly, veryLong}} {
		im := decodertest.Texture(size.X, size.Y)
		for _, f := range []struct {
			name   string
			format tile.Format
			data   []byte
		}{
			{"png", tile.PNG, decodertest.Read(t, decodertest.WritePNG(t, im))},
			{"jp2", tile.JP2, decodertest.Read(t, decodertest.JP2(t, im, "-t", "512,512"))},
			{"tiff with profile", tile.TIFF, vipsCopy(t, im, ".tif", "[profile=p3]")},
			{"jpeg with profile", tile.JPEG, vipsCopy(t, im, ".jpg", "[Q=98,profile=p3]")},
		} {
			t.Run(fmt.Sprintf("%s %v", f.name, size), func(t *testing.T) { checkLong(t, f.data, f.format, size) })
		}
	}
}

// checkLong compares the whole with a part from its far end, and with itself turned.
func checkLong(t *testing.T, data []byte, format tile.Format, size image.Point) {
	for _, quality := range []iiifurl.Quality{iiifurl.Default, iiifurl.Gray} {
		req := whole(format, size.X, size.Y)
		req.Quality = quality
		all := render(t, data, req)
		if all.Bounds().Size() != size {
			t.Fatalf("%v", all.Bounds())
		}
		end := region(format, size.X-70, size.Y-80, 70, 80)
		end.Quality = quality
		part := image.NewNRGBA(image.Rect(0, 0, 70, 80))
		draw.Draw(part, part.Rect, all, image.Pt(size.X-70, size.Y-80), draw.Src)
		checkSame(t, render(t, data, end), part, 0)
		req.Degrees, req.Mirror = 90, true
		turned := render(t, data, req)
		for y := range size.Y {
			for x := range size.X {
				if got, want := at(turned, size.Y-1-y, size.X-1-x), at(all, x, y); got != want {
					t.Fatalf("pixel %d,%d turned is %v, want %v", x, y, got, want)
				}
			}
		}
	}
	req := whole(format, size.X, size.Y)
	req.Width, req.Height, req.Output = size.X+9, size.Y+5, "tif"
	if got := render(t, data, req).Bounds().Size(); got != image.Pt(req.Width, req.Height) {
		t.Errorf("enlarged to %v", got)
	}
}
