//go:build cgo

package decode

import (
	"image"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// TestTruncated: R7: a file cut anywhere gives an error or the right pixels, for all of
// the picture and for a part.
func TestTruncated(t *testing.T) {
	const cuts = 50
	texture := decodertest.Texture(texW, texH)
	for _, file := range files {
		t.Run(file.name, func(t *testing.T) {
			data := decodertest.Read(t, decodertest.JP2(t, texture, file.args...))
			small := whole(tile.JP2, texW, texH)
			small.Reduce, small.Width, small.Height = 2, (texW+3)/4, (texH+3)/4
			requests := []protocol.Request{whole(tile.JP2, texW, texH), region(tile.JP2, 40, 30, 100, 90), small}
			refused := 0
			for i := range cuts {
				cut := len(data) - 3 - i*len(data)/cuts
				for _, req := range requests {
					result, err := Render(data[:cut], req)
					if err != nil {
						if tile.CodeOf(err) != tile.Broken {
							t.Errorf("cut at %d: %v", cut, err)
						}
						refused++
						continue
					}
					if difference(decodeAnswer(t, "png", result.Body), render(t, data, req)) != 0 {
						t.Errorf("cut at %d of %d: wrong pixels", cut, len(data))
					}
					result.Free()
				}
			}
			if refused < cuts {
				t.Errorf("%d of %d requests refused", refused, cuts*len(requests))
			}
		})
	}
}

// TestLenient is R7's other way: of a file cut short comes what is left of it, where the
// strict way gives an error.
func TestLenient(t *testing.T) {
	texture := decodertest.Texture(texW, texH)
	jpeg := decodertest.WriteFile(t, "picture.jpg", nil)
	decodertest.Run(t, "vips", "copy", decodertest.WritePNG(t, texture), jpeg+"[Q=90]")
	for format, path := range map[tile.Format]string{
		tile.JP2:  decodertest.JP2(t, texture, "-t", "64,64"),
		tile.JPEG: jpeg,
	} {
		data := decodertest.Read(t, path)
		cut, req := data[:len(data)*2/3], whole(format, texW, texH)
		if _, err := Render(cut, req); tile.CodeOf(err) != tile.Broken {
			t.Errorf("%s: strict: %v", format, err)
		}
		req.Lenient = true
		result, err := Render(cut, req)
		if err != nil {
			t.Errorf("%s: lenient: %v", format, err)
			continue
		}
		got, want := decodeAnswer(t, "png", result.Body), render(t, data, whole(format, texW, texH))
		top, bottom := image.Rect(0, 0, texW, texH/4), image.Rect(0, texH*7/8, texW, texH)
		if !equalIn(got, want, top) || equalIn(got, want, bottom) {
			t.Errorf("%s: the upper part is not what it was, or the lower part is", format)
		}
		result.Free()
	}
}

func equalIn(a, b image.Image, r image.Rectangle) bool {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return true
}
