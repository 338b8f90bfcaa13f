//go:build cgo

package decode

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// TestTranslucent: a flat picture of half opacity is the same at every size, and what
// it is on white where there is no opacity.
func TestTranslucent(t *testing.T) {
	const side = 120
	box := image.Rect(0, 0, side, side)
	eight := image.NewNRGBA(box)
	draw.Draw(eight, box, image.NewUniform(color.NRGBA{63, 63, 128, 117}), image.Point{}, draw.Src)
	for i := range eight.Pix { // Draw goes over premultiplied colours, which round
		eight.Pix[i] = [4]byte{63, 63, 128, 117}[i%4]
	}
	sixteen := image.NewNRGBA64(box)
	for y := range side {
		for x := range side {
			sixteen.SetNRGBA64(x, y, color.NRGBA64{63 * 257, 63 * 257, 128 * 257, 117 * 257})
		}
	}
	gray := vipsGrayAlpha(t, side)
	for _, f := range []struct {
		name   string
		format tile.Format
		data   []byte
		want   color.NRGBA
	}{
		{"png", tile.PNG, decodertest.Read(t, decodertest.WritePNG(t, eight)), color.NRGBA{63, 63, 128, 117}},
		{"png 16", tile.PNG, decodertest.Read(t, decodertest.WritePNG(t, sixteen)), color.NRGBA{63, 63, 128, 117}},
		{"tiff", tile.TIFF, vipsCopy(t, eight, ".tif", ""), color.NRGBA{63, 63, 128, 117}},
		{"tiff 16", tile.TIFF, vipsCopy(t, sixteen, ".tif", ""), color.NRGBA{63, 63, 128, 117}},
		{"webp", tile.WebP, vipsCopy(t, eight, ".webp", "[lossless]"), color.NRGBA{63, 63, 128, 117}},
		{"jp2", tile.JP2, decodertest.Read(t, decodertest.JP2(t, eight)), color.NRGBA{63, 63, 128, 117}},
		{"jp2 16", tile.JP2, decodertest.Read(t, decodertest.JP2(t, sixteen)), color.NRGBA{63, 63, 128, 117}},
		{"gray tiff", tile.TIFF, gray, color.NRGBA{63, 63, 63, 117}},
	} {
		t.Run(f.name, func(t *testing.T) {
			for _, size := range []image.Point{{side, side}, {60, 60}, {37, 50}, {7, 7}, {1, 1}, {200, 130}} {
				for _, output := range []string{"png", "jpg"} {
					req := whole(f.format, side, side)
					req.Width, req.Height, req.Output = size.X, size.Y, output
					want, tolerance := f.want, 1
					if output == "jpg" {
						want, tolerance = onWhite(want), 3
					}
					checkSame(t, render(t, f.data, req), flatRaw(size, want), tolerance)
				}
			}
		})
	}
}

// vipsGrayAlpha is an uncompressed TIFF of two bands, which Go cannot write.
func vipsGrayAlpha(t *testing.T, side int) []byte {
	t.Helper()
	pixels := make([]byte, 0, 2*side*side)
	for range side * side {
		pixels = append(pixels, 63, 117)
	}
	return rawTIFF{side, side, 8, sampleUint, 1, 2, 1, pixels}.bytes()
}

func onWhite(c color.NRGBA) color.NRGBA {
	over := func(v uint8) uint8 { return uint8((int(v)*int(c.A) + 255*(255-int(c.A)) + 127) / 255) }
	return color.NRGBA{over(c.R), over(c.G), over(c.B), 255}
}

// flatRaw fills without going over premultiplied colours.
func flatRaw(size image.Point, c color.NRGBA) image.Image {
	im := image.NewNRGBA(image.Rect(0, 0, size.X, size.Y))
	for y := range size.Y {
		for x := range size.X {
			im.SetNRGBA(x, y, c)
		}
	}
	return im
}

// TestOpacityEdge: colours of transparent pixels do not bleed into the opaque ones.
func TestOpacityEdge(t *testing.T) {
	im := image.NewNRGBA(image.Rect(0, 0, 240, 80))
	for y := range 80 {
		for x := range 240 {
			im.SetNRGBA(x, y, [2]color.NRGBA{{255, 0, 0, 0}, {0, 0, 255, 255}}[x/3%2])
		}
	}
	for format, data := range map[tile.Format][]byte{
		tile.PNG: decodertest.Read(t, decodertest.WritePNG(t, im)), tile.JP2: decodertest.Read(t, decodertest.JP2(t, im)),
	} {
		for _, size := range []image.Point{{101, 33}, {30, 10}, {240, 40}, {500, 170}} {
			t.Run(fmt.Sprint(format, size), func(t *testing.T) {
				req := whole(format, 240, 80)
				req.Width, req.Height = size.X, size.Y
				got := render(t, data, req)
				for x := range size.X {
					if c := at(got, x, size.Y/2); c.A > 8 && (c.R > 8 || c.B < 247) {
						t.Fatalf("column %d is %v", x, c)
					}
				}
			})
		}
	}
}
