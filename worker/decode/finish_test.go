//go:build cgo

package decode

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"slices"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

var white = color.NRGBA{255, 255, 255, 255}

// tolerances of one pixel in a flat area. Go's WebP decoder takes studio range for full.
var tolerances = map[string]int{"png": 4, "tif": 4, "jpg": 4, "gif": 4, "webp": 16}

func squaresJP2(t testing.TB) []byte {
	return decodertest.Read(t, decodertest.JP2(t, decodertest.Squares(), "-t", "256,256", "-n", "4"))
}

// TestSizes: always exactly what was asked for.
func TestSizes(t *testing.T) {
	data := squaresJP2(t)
	for _, c := range []struct{ x, y, w, h, width, height, reduce int }{
		{0, 0, 1000, 1000, 500, 500, 1},
		{0, 0, 1000, 1000, 333, 333, 1},
		{0, 0, 1000, 1000, 125, 125, 3},
		{0, 0, 1000, 1000, 100, 7, 0},
		{0, 0, 1000, 1000, 1, 1, 3},
		{0, 0, 1000, 1000, 1, 400, 1},
		{3, 5, 777, 501, 194, 125, 2},
		{3, 5, 777, 501, 195, 126, 1},
		{900, 900, 100, 100, 1000, 999, 0},
		{999, 999, 1, 1, 50, 60, 0},
		{768, 0, 232, 1000, 58, 250, 2},
		{0, 0, 1000, 1, 999, 1, 0},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			req := region(tile.JP2, c.x, c.y, c.w, c.h)
			req.Reduce, req.Width, req.Height = c.reduce, c.width, c.height
			im := render(t, data, req)
			if got := im.Bounds().Size(); got != image.Pt(c.width, c.height) {
				t.Errorf("size %v", got)
			}
		})
	}
}

// TestMostLevels: a file of as many levels as there may be is drawn from the fewest samples
// that can be asked for.
func TestMostLevels(t *testing.T) {
	const levels = 32 // no encoder at hand makes so many: gray, of a packet without blocks for each
	data := slices.Concat([]byte("\xFF\x4F\xFF\x51\x00\x29\x00\x00"+
		"\x00\x00\x03\xE8\x00\x00\x03\xE8\x00\x00\x00\x00\x00\x00\x00\x00"+
		"\x00\x00\x03\xE8\x00\x00\x03\xE8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x07\x01\x01"+
		"\xFF\x52\x00\x0C\x00\x00\x00\x01\x00\x20\x04\x04\x00\x01"+
		"\xFF\x5C\x00\x64\x40"), bytes.Repeat([]byte{0x48}, 3*levels+1),
		[]byte("\xFF\x90\x00\x0A\x00\x00\x00\x00\x00\x2F\x00\x01\xFF\x93"), make([]byte, levels+1), []byte("\xFF\xD9"))
	for _, reduce := range []int{0, 3, protocol.MaxReduce} {
		req := region(tile.J2K, 0, 0, 1000, 1000)
		req.Reduce, req.Width, req.Height = reduce, 1, 1
		if got := render(t, data, req).Bounds().Size(); got != image.Pt(1, 1) {
			t.Errorf("reduced by %d: size %v", reduce, got)
		}
	}
}

// TestScaledPixels: the middle of every square has its colour at any size, in place.
func TestScaledPixels(t *testing.T) {
	data := squaresJP2(t)
	for _, side := range []int{1000, 710, 500, 431, 250, 125, 90} {
		for reduce := range 3 {
			req := whole(tile.JP2, 1000, 1000)
			req.Reduce, req.Width, req.Height = reduce, side, side
			if 1000>>reduce < side {
				continue
			}
			im := render(t, data, req)
			for cell := range 100 {
				x, y := cell%10, cell/10
				got := at(im, (2*x+1)*side/20, (2*y+1)*side/20)
				if d := distance(got, decodertest.Square(x, y)); d > 6 {
					t.Errorf("side %d, reduce %d, square %d,%d: off by %d", side, reduce, x, y, d)
				}
			}
		}
	}
}

// corners are the squares at the corners of an answer, clockwise from the top left.
func corners(im image.Image) [4]color.NRGBA {
	w, h := im.Bounds().Dx(), im.Bounds().Dy()
	return [4]color.NRGBA{at(im, 10, 10), at(im, w-10, 10), at(im, w-10, h-10), at(im, 10, h-10)}
}

// TestTurns: the mirror comes before the rotation.
func TestTurns(t *testing.T) {
	data := squaresJP2(t)
	tl, tr := decodertest.Square(0, 0), decodertest.Square(3, 0)
	bl, br := decodertest.Square(0, 1), decodertest.Square(3, 1)
	for _, c := range []struct {
		row     string
		mirror  bool
		degrees float64
		want    [4]color.NRGBA
		size    image.Point
	}{
		{"A-110 0", false, 0, [4]color.NRGBA{tl, tr, br, bl}, image.Pt(400, 200)},
		{"A-111 90", false, 90, [4]color.NRGBA{bl, tl, tr, br}, image.Pt(200, 400)},
		{"A-111 180", false, 180, [4]color.NRGBA{br, bl, tl, tr}, image.Pt(400, 200)},
		{"A-111 270", false, 270, [4]color.NRGBA{tr, br, bl, tl}, image.Pt(200, 400)},
		{"A-112 360", false, 360, [4]color.NRGBA{tl, tr, br, bl}, image.Pt(400, 200)},
		{"A-113 !0", true, 0, [4]color.NRGBA{tr, tl, bl, br}, image.Pt(400, 200)},
		{"A-113 !90", true, 90, [4]color.NRGBA{br, tr, tl, bl}, image.Pt(200, 400)},
		{"A-113 !180", true, 180, [4]color.NRGBA{bl, br, tr, tl}, image.Pt(400, 200)},
	} {
		for _, output := range []string{"png", "jpg", "tif"} {
			t.Run(c.row+" "+output, func(t *testing.T) {
				req := region(tile.JP2, 0, 0, 400, 200)
				req.Mirror, req.Degrees, req.Output = c.mirror, c.degrees, output
				im := render(t, data, req)
				if im.Bounds().Size() != c.size {
					t.Fatalf("size %v, want %v", im.Bounds().Size(), c.size)
				}
				for i, got := range corners(im) {
					if d := distance(got, c.want[i]); d > 5 {
						t.Errorf("corner %d: %v, want %v", i, got, c.want[i])
					}
				}
			})
		}
	}
}

// TestFreeRotation: tight box, contents in place, corners as the format can.
func TestFreeRotation(t *testing.T) {
	data := squaresJP2(t)
	for _, degrees := range []float64{22.5, 1, 45, 89.9, 90.1, 133, 200.25, 359} {
		for output, corner := range map[string]color.NRGBA{
			"png": {}, "webp": {}, "tif": {}, "gif": {}, "jpg": white,
		} {
			t.Run(fmt.Sprintf("%v %s", degrees, output), func(t *testing.T) {
				req := region(tile.JP2, 100, 100, 200, 100)
				req.Degrees, req.Output = degrees, output
				im := render(t, data, req)
				sin, cos := math.Sincos(degrees * math.Pi / 180)
				w := int(math.Round(200*math.Abs(cos) + 100*math.Abs(sin)))
				h := int(math.Round(100*math.Abs(cos) + 200*math.Abs(sin)))
				if im.Bounds().Size() != image.Pt(w, h) {
					t.Fatalf("A-114: size %v, want %dx%d", im.Bounds().Size(), w, h)
				}
				if got := at(im, 0, 0); degrees == 45 && distance(got, corner) > 3 {
					t.Errorf("A-115: corner %v, want %v", got, corner)
				}
				for side, want := range map[float64]color.NRGBA{-1: decodertest.Square(1, 1), 1: decodertest.Square(2, 1)} {
					x, y := float64(w)/2+side*50*cos, float64(h)/2+side*50*sin
					if d := distance(at(im, int(x), int(y)), want); d > 3*tolerances[output] {
						t.Errorf("square %v is %v, want %v", side, at(im, int(x), int(y)), want)
					}
				}
			})
		}
	}
}

// TestQualities.
func TestQualities(t *testing.T) {
	colourful := squaresJP2(t)
	gray := rawJ2K(t, planes(90), 1, "8,u")
	for _, output := range []string{"png", "jpg"} {
		for _, degrees := range []float64{0, 90, 30} {
			t.Run(fmt.Sprintf("%s %v", output, degrees), func(t *testing.T) {
				get := func(data []byte, req protocol.Request, q iiifurl.Quality) image.Image {
					req.Quality, req.Output, req.Degrees = q, output, degrees
					return render(t, data, req)
				}
				squares, flat := region(tile.JP2, 0, 0, 400, 300), whole(tile.J2K, rawW, rawH)
				if im := get(colourful, squares, iiifurl.Color); isGray(im) {
					t.Error("A-131: color has no colour")
				}
				if im := get(colourful, squares, iiifurl.Gray); !isGray(im) {
					t.Errorf("A-133: gray is %T", im)
				}
				if im := get(gray, flat, iiifurl.Color); at(im, im.Bounds().Dx()/2, im.Bounds().Dy()/2) != (color.NRGBA{90, 90, 90, 255}) {
					t.Error("A-132: color of a gray picture is not its gray")
				}
				checkBitonal(t, get(colourful, squares, iiifurl.Bitonal), output)
			})
		}
	}
}

// isGray tells single-channel pictures; png keeps opacity beside the channel, which Go
// reads as three equal ones.
func isGray(im image.Image) bool {
	for y := range im.Bounds().Dy() {
		for x := range im.Bounds().Dx() {
			if c := at(im, x, y); c.A == 255 && (c.R != c.G || c.G != c.B) {
				return false
			}
		}
	}
	return true
}

func checkBitonal(t *testing.T, im image.Image, output string) {
	t.Helper()
	if im.ColorModel() != color.GrayModel && output == "jpg" {
		t.Errorf("A-134: more than one channel: %T", im)
	}
	tolerance := map[string]int{"png": 0, "jpg": 2}[output]
	for y := range im.Bounds().Dy() {
		for x := range im.Bounds().Dx() {
			if c := at(im, x, y); distance(c, white) > tolerance && distance(c, color.NRGBA{A: 255}) > tolerance {
				t.Fatalf("A-134: pixel %d,%d is %v", x, y, c)
			}
		}
	}
}

// offered are the outputs that the libraries at hand can write.
func offered(t *testing.T) []string {
	t.Helper()
	formats, err := Formats()
	if err != nil {
		t.Fatal(err)
	}
	return formats
}

// TestBitonal: A-134; black and white alone, in every format. JPEG knows no other way
// than to come near.
func TestBitonal(t *testing.T) {
	data := decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(200, 150)))
	for _, output := range offered(t) {
		t.Run(output, func(t *testing.T) {
			req := whole(tile.JP2, 200, 150)
			req.Quality, req.Output, req.JPEG = iiifurl.Bitonal, output, 60
			checkBitonal(t, render(t, data, req), output)
		})
	}
}

// TestOutputs: every format shows the picture, scaled and not, lossless ones exactly.
func TestOutputs(t *testing.T) {
	lossy := map[string]int{"jpg": 10, "webp": 40, "gif": 40, "avif": 12, "jp2": 6}
	data := squaresJP2(t)
	for _, output := range offered(t) {
		for _, side := range []int{400, 200, 131} {
			t.Run(fmt.Sprint(output, side), func(t *testing.T) {
				req := region(tile.JP2, 300, 200, 400, 400)
				req.Width, req.Height, req.Output = side, side, output
				im := render(t, data, req)
				if im.Bounds().Size() != image.Pt(side, side) {
					t.Fatalf("size %v", im.Bounds().Size())
				}
				for cell := range 16 {
					x, y := cell%4, cell/4
					got := at(im, (2*x+1)*side/8, (2*y+1)*side/8)
					if d := distance(got, decodertest.Square(3+x, 2+y)); d > max(lossy[output], 2) {
						t.Errorf("square %d,%d: off by %d", x, y, d)
					}
				}
			})
		}
	}
}

// TestOpacity: kept where the format can, on white where not, and not lost by scaling.
func TestOpacity(t *testing.T) {
	im := image.NewNRGBA(image.Rect(0, 0, 128, 128))
	for y := range 128 {
		for x := range 128 {
			im.SetNRGBA(x, y, color.NRGBA{200, 0, 0, uint8(255 * (x / 64))})
		}
	}
	jp2 := decodertest.Read(t, decodertest.JP2(t, im))
	png := decodertest.Read(t, decodertest.WritePNG(t, im))
	for format, data := range map[tile.Format][]byte{tile.JP2: jp2, tile.PNG: png} {
		for _, side := range []int{128, 32, 7, 300} {
			for output, clear := range map[string]uint8{"png": 0, "webp": 0, "tif": 0, "jpg": 255} {
				req := whole(format, 128, 128)
				req.Width, req.Height, req.Output = side, side, output
				got := render(t, data, req)
				if a := at(got, side/8, side/2).A; a != clear {
					t.Errorf("%s to %s at %d: opacity %d, want %d", format, output, side, a, clear)
				}
				right := at(got, side-1, side/2)
				if distance(right, color.NRGBA{200, 0, 0, 255}) > tolerances[output] || right.A != 255 {
					t.Errorf("%s to %s at %d: opaque pixel is %v", format, output, side, right)
				}
			}
		}
	}
}

// TestDirectJPEG: the short way writes what the long way writes.
func TestDirectJPEG(t *testing.T) {
	data := decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(300, 200)))
	req := whole(tile.JP2, 300, 200)
	req.Output = "jpg"
	p, o, _, err := decodeRegion(data, req)
	if err != nil {
		t.Fatal(err)
	}
	defer p.free()
	if !isDirect(p, o, req) {
		t.Fatal("a plain tile does not take the short way")
	}
	short, err := encodeJPEG(p, 80)
	if err != nil {
		t.Fatal(err)
	}
	defer short.Free()
	req.JPEG, req.Mirror = 80, true // and mirrored back by the test
	long, err := finish(p, o, req)
	if err != nil {
		t.Fatal(err)
	}
	a, b := decodeAnswer(t, "jpg", short.Body).(*image.YCbCr), decodeAnswer(t, "jpg", long.Body).(*image.YCbCr)
	if a.SubsampleRatio != b.SubsampleRatio || a.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		t.Errorf("subsampling %v and %v", a.SubsampleRatio, b.SubsampleRatio)
	}
	for name, body := range map[string][]byte{"short": short.Body, "long": long.Body} {
		if bytes.Contains(body[:200], []byte("Exif")) || bytes.Contains(body[:200], []byte{0xFF, 0xC2}) {
			t.Errorf("%s: metadata or progressive", name)
		}
	}
	if ratio := float64(len(short.Body)) / float64(len(long.Body)); ratio < 0.97 || ratio > 1.03 {
		t.Errorf("%d and %d bytes", len(short.Body), len(long.Body))
	}
}

func TestFormats(t *testing.T) {
	formats, err := Formats()
	if err != nil {
		t.Fatal(err)
	}
	data := squaresJP2(t)
	for _, output := range formats {
		req := region(tile.JP2, 0, 0, 200, 100)
		req.Output = output
		result, err := Render(data, req)
		if err != nil {
			t.Errorf("%s: %v", output, err)
			continue
		}
		if result.Type != tile.MediaTypes[output] || len(result.Body) < 50 {
			t.Errorf("%s: %q, %d bytes", output, result.Type, len(result.Body))
		}
		result.Free()
	}
	for _, must := range []string{"jpg", "png", "webp", "gif", "tif"} {
		found := false
		for _, f := range formats {
			found = found || f == must
		}
		if !found {
			t.Errorf("A-150 to A-154: %s cannot be written", must)
		}
	}
}

// FuzzFinish: no request that the protocol lets through brings libvips to fail.
func FuzzFinish(f *testing.F) {
	f.Add(uint16(10), uint16(20), uint16(5), uint16(7), false, 12.5, byte(0), byte(0), true)
	f.Add(uint16(1), uint16(1), uint16(300), uint16(1), true, 359.99, byte(3), byte(1), false)
	qualities := []iiifurl.Quality{iiifurl.Default, iiifurl.Color, iiifurl.Gray, iiifurl.Bitonal}
	f.Fuzz(func(t *testing.T, w, h, width, height uint16, mirror bool, degrees float64, quality, kind byte, alpha bool) {
		s := shape{width: int(w)%80 + 1, height: int(h)%80 + 1, bits: 8 << (kind & 1), model: modelRGB, bands: 3}
		if kind&2 != 0 {
			s.model, s.bands = modelGray, 1
		}
		if alpha {
			s.alpha, s.bands = true, s.bands+1
		}
		p, err := newPicture(s, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		defer p.free()
		clear(p.memory)
		output := []string{"png", "jpg"}[kind>>2&1]
		req := protocol.Request{
			Width: int(width)%500 + 1, Height: int(height)%500 + 1, Mirror: mirror,
			Quality: qualities[quality%4], Output: output, JPEG: 50,
		}
		if degrees >= 0 && degrees <= 360 {
			req.Degrees = degrees
		}
		result, err := finish(p, upright, req)
		if err != nil {
			t.Fatalf("%+v of %+v: %v", req, s, err)
		}
		defer result.Free()
		var got image.Config
		if output == "png" {
			got, err = png.DecodeConfig(bytes.NewReader(result.Body))
		} else {
			got, err = jpeg.DecodeConfig(bytes.NewReader(result.Body))
		}
		if bw, bh := req.Bounds(); err != nil || got.Width != bw || got.Height != bh {
			t.Fatalf("%+v: %v, %dx%d", req, err, got.Width, got.Height)
		}
	})
}
