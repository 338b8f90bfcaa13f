package e2e

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// squareColours are those of the community validator's picture: 10×10 squares of
// 100 pixels, by row then column (conformance F.2).
const squareColours = `
3daa7e 3d6bb2 5255ea a47a6e 81e258 5b2579 8a802a 0655ea 796dcc 41f654
c38578 ab2b66 762d82 f269ab 055569 713a29 df4503 2d4f8c 2375f8 799cb8
a85ca3 1c5b8f 5629ad 6fe61d aebd07 128b58 5da880 23020e cc6989 125680
6b37b2 fb28b8 2f248b 027faa e00c72 85436c efaed1 551d9c 0837bc f07d07
70a71e a63fa1 e8e317 4a5087 4f612f 91a050 2da04f 0c36d7 cb5346 4e1c2e
66c13f e1375b 6bc293 a7185f f9d660 a72288 35fed1 acde15 994d33 8927b7
9fb6c0 80fcad 94a25a c0a573 9a6602 6bed3e 6fecdb 8171ac efcca6 3c6025
48ace3 773364 d155a5 57ac9f bc2aa2 630336 072a25 699b64 26dcf0 622e02
12df91 bd7911 5803d2 b5102b bd27f4 7b9374 f694d6 dfb1c7 4d1288 eb2415
9289b0 54f837 3d904f 6efb31 2b6984 a58337 3c17e1 93c5e2 504368 a177b6`

// squareColour is the colour of the square in column x and row y.
func squareColour(x, y int) color.RGBA {
	v, err := strconv.ParseUint(strings.Fields(squareColours)[y*10+x], 16, 32)
	if err != nil {
		panic(err)
	}
	return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}
}

func squares() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 1000, 1000))
	for y := range 1000 {
		for x := range 1000 {
			img.SetRGBA(x, y, squareColour(x/100, y/100))
		}
	}
	return img
}

// gradient is a picture in which every pixel tells where it is: red by column,
// green by row.
func gradient(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{uint8(x * 255 / w), uint8(y * 255 / h), 128, 255})
		}
	}
	return img
}

func writePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeJP2 stores a picture as JPEG 2000 (lossless unless options say otherwise).
func writeJP2(t *testing.T, path string, img image.Image, options ...string) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "source.png")
	writePNG(t, source, img)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "opj_compress", append([]string{"-i", source, "-o", path}, options...)...)
}

// convert makes path from a picture by the vips command line.
func convert(t *testing.T, path string, img image.Image, options string) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "source.png")
	writePNG(t, source, img)
	run(t, "vips", "copy", source, path+options)
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func near(a, b color.Color, tolerance int) bool {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	for _, d := range []int{int(ar>>8) - int(br>>8), int(ag>>8) - int(bg>>8), int(ab>>8) - int(bb>>8)} {
		if max(d, -d) > tolerance {
			return false
		}
	}
	return true
}
