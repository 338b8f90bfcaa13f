//go:build cgo

package decode

import (
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// TestCuts: each cut is to the byte what its region gives by itself, and
// pictures that would have to be scaled are not cut.
func TestCuts(t *testing.T) {
	data := decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(texW, texH), "-n", "3"))
	cuts := []iiifurl.Rect{{W: 64, H: 64}, {X: 64, Y: 10, W: 33, H: 50}, {X: 99, Y: 99, W: 1, H: 1}}
	for _, output := range []string{"png", "jpg"} {
		req := region(tile.JP2, 40, 30, 100, 100)
		req.Output, req.Cuts = output, cuts
		all, err := Render(data, req)
		if err != nil || len(all.Sizes) != len(cuts) {
			t.Fatalf("%d sizes, %v", len(all.Sizes), err)
		}
		rest := all.Body
		for i, c := range cuts {
			one := region(tile.JP2, 40+c.X, 30+c.Y, c.W, c.H)
			one.Output = output
			want, err := Render(data, one)
			if err != nil {
				t.Fatal(err)
			}
			if got := rest[:all.Sizes[i]]; string(got) != string(want.Body) {
				t.Errorf("%s %+v: other bytes than by itself", output, c)
			}
			rest = rest[all.Sizes[i]:]
			want.Free()
		}
		if len(rest) != 0 {
			t.Errorf("%d bytes to spare", len(rest))
		}
		all.Free()
	}
	scaled := region(tile.JP2, 0, 0, 100, 100)
	scaled.Width, scaled.Height, scaled.Cuts = 50, 50, []iiifurl.Rect{{W: 8, H: 8}}
	if _, err := Render(data, scaled); tile.CodeOf(err) != tile.Invalid {
		t.Errorf("scaled: %v", err)
	}
}
