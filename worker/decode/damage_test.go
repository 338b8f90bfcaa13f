//go:build cgo

package decode

import (
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
