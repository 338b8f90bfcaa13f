//go:build cgo

package decode

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// vipsCopy has the vips program write a picture in another format.
func vipsCopy(t testing.TB, im image.Image, suffix, options string) []byte {
	t.Helper()
	to := filepath.Join(t.TempDir(), "picture"+suffix)
	decodertest.Run(t, "vips", "copy", decodertest.WritePNG(t, im), to+options)
	return decodertest.Read(t, to)
}

var wholeFormats = []struct {
	name, suffix, options string
	format                tile.Format
	lossy                 bool
}{
	{"png", ".png", "", tile.PNG, false},
	{"png interlaced", ".png", "[interlace]", tile.PNG, false},
	{"tiff strips", ".tif", "", tile.TIFF, false},
	{"tiff tiles deflate", ".tif", "[tile,tile-width=128,tile-height=64,compression=deflate]", tile.TIFF, false},
	{"tiff pyramid of pages", ".tif", "[tile,pyramid,tile-width=128,tile-height=128]", tile.TIFF, false},
	{"tiff pyramid of subifds", ".tif", "[tile,pyramid,subifd,tile-width=128,tile-height=128]", tile.TIFF, false},
	{"bigtiff", ".tif", "[tile,bigtiff]", tile.TIFF, false},
	{"jpeg", ".jpg", "[Q=98,subsample-mode=off]", tile.JPEG, true},
	{"jpeg progressive", ".jpg", "[Q=98,interlace,subsample-mode=off]", tile.JPEG, true},
	{"webp", ".webp", "[lossless]", tile.WebP, false},
}

// TestWholeFormats reads regions of each at many sizes and compares the middle of every
// square.
func TestWholeFormats(t *testing.T) {
	for _, f := range wholeFormats {
		t.Run(f.name, func(t *testing.T) {
			data := vipsCopy(t, decodertest.Squares(), f.suffix, f.options)
			tolerance := 4
			if f.lossy {
				tolerance = 8
			}
			exact := render(t, data, region(f.format, 150, 250, 300, 200))
			if d := difference(exact, decodertest.Squares().SubImage(image.Rect(150, 250, 450, 450))); d > tolerance*4 || !f.lossy && d != 0 {
				t.Errorf("full resolution differs by %d", d)
			}
			for _, side := range []int{1000, 600, 500, 250, 249, 126, 90, 60} {
				req := region(f.format, 200, 300, 600, 600)
				req.Width, req.Height = side, side
				im := render(t, data, req)
				if im.Bounds().Size() != image.Pt(side, side) {
					t.Fatalf("size %v, want %d", im.Bounds().Size(), side)
				}
				for cell := range 36 {
					x, y := cell%6, cell/6
					got := at(im, (2*x+1)*side/12, (2*y+1)*side/12)
					if d := distance(got, decodertest.Square(2+x, 3+y)); d > tolerance {
						t.Errorf("side %d, square %d,%d: off by %d", side, x, y, d)
					}
				}
			}
		})
	}
}

// TestPyramidLevels: what is drawn for a small answer is a small page.
func TestPyramidLevels(t *testing.T) {
	for _, options := range []string{"[tile,pyramid,tile-width=64,tile-height=64]", "[tile,pyramid,subifd,tile-width=64,tile-height=64]"} {
		data := vipsCopy(t, decodertest.Texture(1001, 777), ".tif", options)
		facts, err := Inspect(data, tile.TIFF)
		if err != nil {
			t.Fatal(err)
		}
		if facts.Levels < 3 || facts.TileWidth != 64 || facts.TileHeight != 64 || facts.Width != 1001 || facts.Height != 777 {
			t.Errorf("%s: %+v", options, facts)
		}
		for most, want := range map[int]bool{1: true, 2: false, 4: false, 9: false} {
			if got := chooseLevel(data, tile.TIFF, most, most) == asStored; got != want {
				t.Errorf("%s: at 1/%d the full page is chosen: %t", options, most, got)
			}
		}
	}
}

func TestShrinkOnLoad(t *testing.T) {
	for most, want := range map[int]int{1: 1, 2: 2, 3: 2, 4: 4, 7: 4, 8: 8, 100: 8} {
		if got := chooseLevel(nil, tile.JPEG, most, most+1).shrink; got != want {
			t.Errorf("at 1/%d: shrink %d, want %d", most, got, want)
		}
	}
}

// oriented is a picture that shows the same upright whatever its EXIF orientation is.
func oriented(t testing.TB, o int) []byte {
	t.Helper()
	up := decodertest.Squares().SubImage(image.Rect(0, 0, 400, 200))
	size := up.Bounds().Size()
	stored := image.NewNRGBA(image.Rect(0, 0, size.X, size.Y))
	if o >= 5 {
		stored = image.NewNRGBA(image.Rect(0, 0, size.Y, size.X))
	}
	for y := range size.Y {
		for x := range size.X {
			right, bottom := size.X-1-x, size.Y-1-y
			sx, sy := [...]int{0, x, right, right, x, y, y, bottom, bottom}[o], [...]int{0, y, y, bottom, bottom, x, right, right, x}[o]
			stored.Set(sx, sy, up.At(x, y))
		}
	}
	path := decodertest.WritePNG(t, stored)
	to := filepath.Join(t.TempDir(), "oriented.tif")
	decodertest.Run(t, "vips", "tiffsave", path, to)
	data := decodertest.Read(t, to)
	return append(data[:0:0], setOrientation(t, data, uint16(o))...)
}

// setOrientation overwrites the tag in a little-endian TIFF file.
func setOrientation(t testing.TB, data []byte, o uint16) []byte {
	t.Helper()
	at := int(data[4]) | int(data[5])<<8 | int(data[6])<<16 | int(data[7])<<24
	n := int(data[at]) | int(data[at+1])<<8
	for i := range n {
		entry := data[at+2+12*i:]
		if tag := int(entry[0]) | int(entry[1])<<8; tag == 274 {
			entry[8], entry[9] = byte(o), byte(o>>8)
			return data
		}
	}
	t.Fatal("no orientation tag")
	return nil
}

// TestOrientation: A-205.
func TestOrientation(t *testing.T) {
	for o := 1; o <= 8; o++ {
		t.Run(fmt.Sprint(o), func(t *testing.T) {
			data := oriented(t, o)
			facts, err := Inspect(data, tile.TIFF)
			if err != nil {
				t.Fatal(err)
			}
			if facts.Width != 400 || facts.Height != 200 {
				t.Errorf("facts %+v", facts)
			}
			for _, r := range []image.Rectangle{image.Rect(0, 0, 400, 200), image.Rect(30, 110, 333, 190), image.Rect(399, 0, 400, 1)} {
				got := render(t, data, region(tile.TIFF, r.Min.X, r.Min.Y, r.Dx(), r.Dy()))
				checkSame(t, got, decodertest.Squares().SubImage(r), 0)
			}
			req := region(tile.TIFF, 100, 0, 200, 200)
			req.Width, req.Height, req.Output = 50, 60, "jpg"
			im := render(t, data, req)
			if d := distance(at(im, 12, 15), decodertest.Square(1, 0)); d > 8 || im.Bounds().Dx() != 50 {
				t.Errorf("scaled: %v off by %d", im.Bounds(), d)
			}
		})
	}
}

func TestInspect(t *testing.T) {
	gray16 := image.NewGray16(image.Rect(0, 0, 30, 20))
	clear := image.NewNRGBA(image.Rect(0, 0, 30, 20))
	for _, c := range []struct {
		name    string
		im      image.Image
		suffix  string
		options string
		format  tile.Format
		want    string
	}{
		{"gray 16", gray16, ".png", "", tile.PNG, "{30 20 1 16 true false 0 0 0}"},
		{"rgba", clear, ".png", "", tile.PNG, "{30 20 4 8 false true 0 0 0}"},
		{"jpeg", decodertest.Texture(30, 20), ".jpg", "", tile.JPEG, "{30 20 3 8 false false 0 0 0}"},
		{"tiff", decodertest.Texture(30, 20), ".tif", "", tile.TIFF, "{30 20 3 8 false false 0 0 0}"},
		{"webp", decodertest.Texture(30, 20), ".webp", "", tile.WebP, "{30 20 3 8 false false 0 0 0}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			facts, err := Inspect(vipsCopy(t, c.im, c.suffix, c.options), c.format)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(facts); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestCMYKJPEG: A-137.
func TestCMYKJPEG(t *testing.T) {
	to := filepath.Join(t.TempDir(), "cmyk.jpg")
	decodertest.Run(t, "vips", "colourspace", decodertest.WritePNG(t, flat(image.Rect(0, 0, 64, 64), color.NRGBA{200, 60, 40, 255})), to, "cmyk")
	for _, output := range []string{"png", "jpg"} {
		req := whole(tile.JPEG, 64, 64)
		req.Output = output
		if got := at(render(t, decodertest.Read(t, to), req), 32, 32); distance(got, color.NRGBA{200, 60, 40, 255}) > 20 {
			t.Errorf("%s: %v", output, got)
		}
	}
}

// TestDamagedWhole: R7 for whole formats: an error, never gray pixels.
func TestDamagedWhole(t *testing.T) {
	for _, f := range wholeFormats {
		data := vipsCopy(t, decodertest.Texture(300, 300), f.suffix, f.options)
		want := render(t, data, whole(f.format, 300, 300))
		for cut := len(data) / 12; cut < len(data); cut += len(data)/12 + 1 {
			result, err := Render(data[:cut], whole(f.format, 300, 300))
			if err == nil {
				if difference(decodeAnswer(t, "png", result.Body), want) != 0 {
					t.Errorf("%s cut at %d of %d: wrong pixels", f.name, cut, len(data))
				}
				result.Free()
			} else if code := tile.CodeOf(err); code != tile.Broken {
				t.Errorf("%s cut at %d: %v", f.name, cut, err)
			}
		}
	}
}

// TestForeignFormats: R4: what no registered loader reads is refused, whatever its name.
func TestForeignFormats(t *testing.T) {
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>`)
	jpg := filepath.Join(t.TempDir(), "x.jpg")
	f, err := os.Create(jpg)
	if err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(f, decodertest.Texture(9, 9), nil); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	for name, data := range map[string][]byte{
		"SVG": svg, "PDF": []byte("%PDF-1.4\n1 0 obj"), "PSD": []byte("8BPS\x00\x01"), "MAT": []byte("MATLAB 5.0 MAT-file"),
		"nothing": nil, "JPEG": decodertest.Read(t, jpg),
	} {
		for _, format := range []tile.Format{tile.JP2, tile.J2K, tile.TIFF, tile.PNG, tile.WebP} {
			if _, err := Render(data, region(format, 0, 0, 9, 9)); tile.CodeOf(err) != tile.Broken {
				t.Errorf("%s as %s: %v", name, format, err)
			}
		}
	}
}

// TestBudget: refused before memory is taken.
func TestBudget(t *testing.T) {
	jp2 := decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(500, 400)))
	png := decodertest.Read(t, decodertest.WritePNG(t, decodertest.Texture(500, 400)))
	for format, data := range map[tile.Format][]byte{tile.JP2: jp2, tile.PNG: png} {
		req := whole(format, 500, 400)
		req.Budget = 500*400*3 - 1
		if _, err := Render(data, req); tile.CodeOf(err) != tile.Invalid {
			t.Errorf("%s: %v", format, err)
		}
		req.Region = iiifurl.Rect{W: 100, H: 100}
		req.Width, req.Height = 100, 100
		render(t, data, req)
	}
}
