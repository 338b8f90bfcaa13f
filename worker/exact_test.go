package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
	"github.com/tessera-iiif/tessera/worker/packets"
)

// TestExact is the promise of the packet engine: what the worker makes of a region's
// packets equals, bit for bit, what it makes of the whole file.
func TestExact(t *testing.T) {
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := decoder.Start(t.Context(), decoder.Config{Path: path, Processes: 2, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close(context.Background()) })
	engine := newPlace(t, func(c *Config) { c.Decoders = pool; c.Remote = true })
	stock := newPlace(t, func(c *Config) { c.Decoders = pool; c.Limits.StreamBytes = 1 })
	for i, tc := range exactCases() {
		t.Run(tc.name, func(t *testing.T) {
			data, id := string(tc.make(t)), fmt.Sprintf("image-%d", i)
			engine.put(id+".jp2", data)
			stock.put(id+".jp2", data)
			before := engine.Packets()
			decoded, kept := pool.Blocks()
			compareRegions(t, engine, stock, id)
			d, k := pool.Blocks()
			if own := d+k > decoded+kept; own == tc.stock {
				t.Errorf("code-blocks decoded one by one: %t, want %t", own, !tc.stock)
			}
			checkApart(t, before, engine.Packets(), tc.apart)
		})
	}
}

// compareRegions asks both for the same regions, as they are and scaled.
func compareRegions(t *testing.T, engine, stock *place, id string) {
	t.Helper()
	info, err := engine.Info(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, uint64(info.Width)))
	regions := []iiifurl.Rect{{X: 9, Y: 8, W: 3, H: 19}, {X: 9, Y: 7, W: 1, H: 2}} // between samples of chroma
	for range 5 {
		w, h := 1+rng.IntN(min(140, info.Width)), 1+rng.IntN(min(140, info.Height))
		regions = append(regions, iiifurl.Rect{X: rng.IntN(info.Width - w + 1), Y: rng.IntN(info.Height - h + 1), W: w, H: h})
	}
	for n, region := range regions {
		width, height := max(1, region.W>>((n+2)%4)), max(1, region.H>>((n+2)%4))
		got := engine.rendered(engine.request(id, "png", region, width, height))
		want := stock.rendered(stock.request(id, "png", region, width, height))
		if got != want {
			t.Errorf("%+v as %d×%d: other pixels than from the whole file: %s", region, width, height, difference(t, got, want))
		}
	}
}

// difference says where two PNGs differ first.
func difference(t *testing.T, a, b string) string {
	t.Helper()
	x, y := decodertest.DecodePNG(t, []byte(a)), decodertest.DecodePNG(t, []byte(b))
	if x.Bounds() != y.Bounds() || x.ColorModel() != y.ColorModel() {
		return fmt.Sprintf("%v and %v", x.Bounds(), y.Bounds())
	}
	for j := range x.Bounds().Dy() {
		for i := range x.Bounds().Dx() {
			if x.At(i, j) != y.At(i, j) {
				return fmt.Sprintf("%d,%d: %v, want %v", i, j, x.At(i, j), y.At(i, j))
			}
		}
	}
	return "in form alone"
}

// checkApart: the engine did the work, but for the regions that are known to be beyond it.
func checkApart(t *testing.T, before, after packets.Stats, apart []packets.Reason) {
	t.Helper()
	if after.Tiles == before.Tiles {
		t.Error("nothing was made of packets")
	}
	for _, why := range packets.Reasons() {
		n := after.Fallbacks[why] - before.Fallbacks[why]
		if (n > 0) != slices.Contains(apart, why) {
			t.Errorf("%d regions left to the whole file: %s", n, why)
		}
	}
}
