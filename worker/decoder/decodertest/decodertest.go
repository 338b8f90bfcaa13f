// Package decodertest makes the image files that tests of decoding need, with the
// programs of libopenjp2-tools, and reads them with others than the code under test.
package decodertest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Texture is a picture in which no two neighbourhoods are alike, so that pixels out of
// place show. Some of it is noise, as in scans.
func Texture(w, h int) *image.NRGBA {
	im := image.NewNRGBA(image.Rect(0, 0, w, h))
	noise := uint32(1)
	for y := range h {
		for x := range w {
			noise = noise*1664525 + 1013904223
			n := uint8(noise >> 28)
			im.SetNRGBA(x, y, color.NRGBA{
				R: uint8(x*255/w) ^ n, G: uint8(y*255/h) ^ n, B: uint8((x/7+y/5)*3) ^ n, A: 255,
			})
		}
	}
	return im
}

// WritePNG writes a picture to a new file.
func WritePNG(t testing.TB, im image.Image) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return WriteFile(t, "picture.png", b.Bytes())
}

// WriteFile writes a new file of this base name.
func WriteFile(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// JP2 compresses a picture with opj_compress and these further arguments.
func JP2(t testing.TB, im image.Image, args ...string) string {
	t.Helper()
	return Compress(t, WritePNG(t, im), ".jp2", args...)
}

// Compress runs opj_compress on a file; the extension chooses JP2 or codestream.
func Compress(t testing.TB, from, extension string, args ...string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "picture"+extension)
	Run(t, "opj_compress", append([]string{"-i", from, "-o", to}, args...)...)
	return to
}

// Reference decodes a JPEG 2000 file with opj_decompress and these further arguments.
func Reference(t testing.TB, path string, args ...string) image.Image {
	t.Helper()
	to := filepath.Join(t.TempDir(), "reference.png")
	Run(t, "opj_decompress", append([]string{"-i", path, "-o", to}, args...)...)
	return ReadPNG(t, to)
}

// ReadPNG reads a PNG file with Go's own decoder.
func ReadPNG(t testing.TB, path string) image.Image {
	t.Helper()
	return DecodePNG(t, Read(t, path))
}

// DecodePNG is ReadPNG of bytes.
func DecodePNG(t testing.TB, data []byte) image.Image {
	t.Helper()
	im, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// Read reads a whole file.
func Read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Run runs a program that must succeed.
func Run(t testing.TB, name string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s\n(apt-get install libopenjp2-tools libvips-tools)", name, args, err, out)
	}
}
