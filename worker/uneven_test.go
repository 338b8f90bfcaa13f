package worker

import (
	"context"
	"image"
	"testing"

	"github.com/tessera-iiif/tessera/internal/jp2/jp2test"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// TestUnevenLevels: a tile that has fewer levels than the main header says is shown at every
// size, by its packets and of the whole file, which OpenJPEG by itself refuses.
func TestUnevenLevels(t *testing.T) {
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := decoder.Start(t.Context(), decoder.Config{Path: path, Processes: 1, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close(context.Background()) })
	data := string(jp2test.Uneven(func(skip int, layout, options string) []byte { return compressRaw(t, skip, layout, options) }))
	engine := newPlace(t, func(c *Config) { c.Decoders = pool })
	stock := newPlace(t, func(c *Config) { c.Decoders = pool; c.Limits.StreamBytes = 1 })
	engine.put("uneven.j2k", data)
	stock.put("uneven.j2k", data)
	for _, region := range []iiifurl.Rect{{W: 301, H: 207}, {X: 170, Y: 11, W: 128, H: 128}} {
		var whole image.Image
		for n := range 5 {
			w, h := region.W>>n, region.H>>n
			got := engine.rendered(engine.request("uneven", "png", region, w, h))
			if want := stock.rendered(stock.request("uneven", "png", region, w, h)); got != want {
				t.Errorf("%+v as %d×%d: other pixels than from the whole file: %s", region, w, h, difference(t, got, want))
			}
			im := decodertest.DecodePNG(t, []byte(got))
			if n == 0 {
				whole = im
			}
			if d := unlike(im, whole); d > 16 { // the texture is fine, and wavelets see less of that
				t.Errorf("%+v as %d×%d is unlike the whole: by %.1f", region, w, h, d)
			}
		}
	}
	stats := engine.Packets()
	for why, n := range stats.Fallbacks {
		if n > 0 {
			t.Errorf("%d of %d answers of the whole file: %s", n, stats.Tiles+n, why)
		}
	}
}

// unlike is how far a smaller picture is from the means of a larger one, of 256 levels.
func unlike(small, large image.Image) (mean float64) {
	b, l := small.Bounds(), large.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			x0, x1 := x*l.Dx()/b.Dx(), max((x+1)*l.Dx()/b.Dx(), x*l.Dx()/b.Dx()+1)
			y0, y1 := y*l.Dy()/b.Dy(), max((y+1)*l.Dy()/b.Dy(), y*l.Dy()/b.Dy()+1)
			sum := 0.0
			for j := y0; j < y1; j++ {
				for i := x0; i < x1; i++ {
					_, g, _, _ := large.At(i, j).RGBA()
					sum += float64(g >> 8)
				}
			}
			_, g, _, _ := small.At(x, y).RGBA()
			d := float64(g>>8) - sum/float64((x1-x0)*(y1-y0))
			mean += max(d, -d)
		}
	}
	return mean / float64(b.Dx()*b.Dy())
}
