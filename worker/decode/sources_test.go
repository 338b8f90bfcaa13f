//go:build cgo

package decode

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"path/filepath"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// TestOrientationOfFormats: A-205; EXIF in JPEG, PNG and WebP, at full size and where the
// loader itself shrinks.
func TestOrientationOfFormats(t *testing.T) {
	for suffix, format := range map[string]tile.Format{".jpg": tile.JPEG, ".png": tile.PNG, ".webp": tile.WebP} {
		for o := 1; o <= 8; o++ {
			t.Run(fmt.Sprint(format, " ", o), func(t *testing.T) {
				to := filepath.Join(t.TempDir(), "oriented"+suffix)
				options := map[string]string{".jpg": "[Q=98,subsample-mode=off]", ".webp": "[lossless]"}[suffix]
				from := decodertest.WriteFile(t, "oriented.tif", oriented(t, o))
				if format == tile.PNG { // libvips makes EXIF of the tag for JPEG alone, and keeps it then
					exif := filepath.Join(t.TempDir(), "exif.jpg")
					decodertest.Run(t, "vips", "copy", from, exif+"[Q=98,subsample-mode=off]")
					from = exif
				}
				decodertest.Run(t, "vips", "copy", from, to+options)
				data := decodertest.Read(t, to)
				facts, err := Inspect(data, format)
				if err != nil || facts.Width != 400 || facts.Height != 200 {
					t.Fatalf("%+v, %v", facts, err)
				}
				for _, size := range []image.Point{{400, 200}, {200, 100}, {100, 50}, {40, 20}} {
					req := whole(format, 400, 200)
					req.Width, req.Height = size.X, size.Y
					im := render(t, data, req)
					for cell := range 8 {
						x, y := cell%4, cell/4
						if d := distance(at(im, (2*x+1)*size.X/8, (2*y+1)*size.Y/4), decodertest.Square(x, y)); d > 8 {
							t.Errorf("%v: square %d,%d is off by %d", size, x, y, d)
						}
					}
				}
			})
		}
	}
}

// TestKindsOfTIFF: what scanners write besides plain RGB.
func TestKindsOfTIFF(t *testing.T) {
	blackAndWhite := image.NewGray(image.Rect(0, 0, 64, 48))
	for i := range blackAndWhite.Pix {
		blackAndWhite.Pix[i] = byte(i/5%2) * 255
	}
	smooth := flat(image.Rect(0, 0, 64, 48), color.NRGBA{180, 90, 40, 255})
	for _, c := range []struct {
		name, command, options string
		im                     image.Image
		tolerance              int
	}{
		{"1 bit", "copy", "[bitdepth=1]", blackAndWhite, 0},
		{"1 bit, white is zero", "copy", "[bitdepth=1,miniswhite]", blackAndWhite, 0},
		{"G4", "copy", "[bitdepth=1,compression=ccittfax4]", blackAndWhite, 0},
		{"JPEG in TIFF", "copy", "[compression=jpeg,Q=98,tile,tile-width=16,tile-height=16]", smooth, 4},
		{"Lab", "lab", "", smooth, 3},
		{"CMYK", "cmyk", "", smooth, 12},
		{"CMYK of 16 bits", "cmyk16", "", smooth, 12},
		{"profile", "p3", "", smooth, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, to := decodertest.WritePNG(t, c.im), filepath.Join(t.TempDir(), "kind.tif")
			switch c.command {
			case "copy":
				decodertest.Run(t, "vips", "copy", from, to+c.options)
			case "lab":
				decodertest.Run(t, "vips", "colourspace", from, to, "lab")
			case "cmyk":
				decodertest.Run(t, "vips", "icc_transform", from, to, "cmyk", "--input-profile", "srgb")
			case "cmyk16":
				decodertest.Run(t, "vips", "icc_transform", from, to, "cmyk", "--input-profile", "srgb", "--depth", "16")
			case "p3":
				decodertest.Run(t, "vips", "icc_transform", from, to, "p3", "--input-profile", "srgb")
			}
			data := decodertest.Read(t, to)
			checkSame(t, render(t, data, whole(tile.TIFF, 64, 48)), c.im, c.tolerance)
			req := whole(tile.TIFF, 64, 48)
			req.Output = "jpg"
			checkSame(t, render(t, data, req), c.im, c.tolerance+70*boolean(c.im == image.Image(blackAndWhite)))
		})
	}
}

func boolean(b bool) int { return int(cBool(b)) }

// TestProfilesOfFormats: A-137; a profile in JPEG and WebP is applied.
func TestProfilesOfFormats(t *testing.T) {
	want := flat(image.Rect(0, 0, 64, 48), color.NRGBA{200, 60, 30, 255})
	for suffix, format := range map[string]tile.Format{".jpg[Q=98]": tile.JPEG, ".webp[lossless]": tile.WebP, ".png": tile.PNG} {
		name := "profile" + suffix
		to := filepath.Join(t.TempDir(), name)
		decodertest.Run(t, "vips", "icc_transform", decodertest.WritePNG(t, want), to, "p3", "--input-profile", "srgb")
		file, _, _ := bytes.Cut([]byte(to), []byte("["))
		checkSame(t, render(t, decodertest.Read(t, string(file)), whole(format, 64, 48)), want, 4)
	}
}

// TestPalettePNG: indices, with and without opacity, are colours.
func TestPalettePNG(t *testing.T) {
	colours := color.Palette{color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 0, 255, 255}, color.NRGBA{10, 200, 30, 128}}
	im := image.NewPaletted(image.Rect(0, 0, 60, 40), colours)
	for i := range im.Pix {
		im.Pix[i] = uint8(i / 7 % 3)
	}
	want := image.NewNRGBA(im.Rect)
	for y := range 40 {
		for x := range 60 {
			want.Set(x, y, im.At(x, y))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	checkSame(t, render(t, b.Bytes(), whole(tile.PNG, 60, 40)), want, 0)
}

// TestReducedYCC: subsampled chroma at lower resolutions.
func TestReducedYCC(t *testing.T) {
	const cw, ch = rawW / 2, rawH / 2
	samples := join(planes(120), bytes.Repeat([]byte{100}, cw*ch), bytes.Repeat([]byte{160}, cw*ch))
	data := rawJ2K(t, samples, 3, "8,u@1x1:2x2:2x2")
	r, g, b := color.YCbCrToRGB(120, 100, 160)
	for reduce := range 3 {
		size := image.Pt(rawW>>reduce, rawH>>reduce)
		req := whole(tile.J2K, rawW, rawH)
		req.Reduce, req.Width, req.Height = reduce, size.X, size.Y
		want := image.NewNRGBA(image.Rect(0, 0, size.X, size.Y))
		draw.Draw(want, want.Rect, image.NewUniform(color.NRGBA{r, g, b, 255}), image.Point{}, draw.Src)
		checkSame(t, render(t, data, req), want, 2)
	}
}
