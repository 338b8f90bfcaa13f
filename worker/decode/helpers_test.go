//go:build cgo

package decode

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

func TestMain(m *testing.M) {
	if err := Start(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// whole asks for all of a picture as PNG, which keeps every pixel.
func whole(format tile.Format, w, h int) protocol.Request {
	return region(format, 0, 0, w, h)
}

// region asks for a part at full resolution as PNG.
func region(format tile.Format, x, y, w, h int) protocol.Request {
	return protocol.Request{
		Op: protocol.Render, Format: format, Region: iiifurl.Rect{X: x, Y: y, W: w, H: h}, Width: w, Height: h,
		Quality: iiifurl.Default, Output: "png", JPEG: 90, Budget: 1 << 30,
	}
}

// render renders and decodes the answer with Go's decoders.
func render(t testing.TB, data []byte, req protocol.Request) image.Image {
	t.Helper()
	result, err := Render(data, req)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Free()
	if want := tile.MediaTypes[req.Output]; result.Type != want {
		t.Errorf("media type %q, want %q", result.Type, want)
	}
	return decodeAnswer(t, req.Output, result.Body)
}

func decodeAnswer(t testing.TB, output string, body []byte) image.Image {
	t.Helper()
	var im image.Image
	var err error
	switch r := bytes.NewReader(body); output {
	case "png":
		return decodertest.DecodePNG(t, body)
	case "jpg":
		im, err = jpeg.Decode(r)
	case "gif":
		im, err = gif.Decode(r)
	case "tif":
		im, err = tiff.Decode(r)
	case "webp":
		im, err = webp.Decode(r)
	case "jp2":
		return decodertest.Reference(t, decodertest.WriteFile(t, "answer.jp2", body))
	case "avif":
		from, to := decodertest.WriteFile(t, "answer.avif", body), filepath.Join(t.TempDir(), "answer.png")
		decodertest.Run(t, "env", "-u", "VIPSHOME", "vips", "copy", from, to) // with the modules that Start keeps out
		return decodertest.ReadPNG(t, to)
	default:
		t.Fatalf("no decoder for %s", output)
	}
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// difference is the largest difference of any channel of any pixel, 8 bits each;
// pictures of different sizes differ by 1000.
func difference(a, b image.Image) int {
	if a.Bounds().Size() != b.Bounds().Size() {
		return 1000
	}
	most := 0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			most = max(most, distance(at(a, x, y), at(b, x, y)))
		}
	}
	return most
}

// at is a pixel counted from the top left corner, whatever the bounds.
func at(im image.Image, x, y int) color.NRGBA {
	b := im.Bounds()
	return color.NRGBAModel.Convert(im.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
}

func distance(a, b color.NRGBA) int {
	d := func(x, y uint8) int { return max(int(x)-int(y), int(y)-int(x)) }
	return max(d(a.R, b.R), d(a.G, b.G), d(a.B, b.B), d(a.A, b.A))
}

func checkSame(t testing.TB, got, want image.Image, tolerance int) {
	t.Helper()
	if got.Bounds().Size() != want.Bounds().Size() {
		t.Fatalf("size %v, want %v", got.Bounds().Size(), want.Bounds().Size())
	}
	if d := difference(got, want); d > tolerance {
		t.Fatalf("pixels differ by up to %d, want at most %d", d, tolerance)
	}
}

func flat(b image.Rectangle, c color.Color) image.Image {
	im := image.NewNRGBA(b)
	draw.Draw(im, b, image.NewUniform(c), image.Point{}, draw.Src)
	return im
}
