package far

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/store/s3"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

const (
	width, height = 4096, 3072
	side          = 256
	samples       = 20
	abreast       = 8 // requests of one fetch at a time
)

// profiles are of lossy files, at 6 bits a pixel, and how many bytes a tile may take of them
// in the mean.
var profiles = map[string]struct {
	arguments string
	mean      int64
}{
	"tiled":   {"-p RPCL -r 4 -I -t 1024,1024 -c [256,256],[256,256],[128,128] -n 6 -PLT -TLM", 120_000},
	"untiled": {"-p RPCL -r 4 -I -c [256,256],[256,256],[128,128] -n 6 -PLT", 250_000},
}

// TestTileBytes: of a large object a tile takes what it needs, in one fetch, and its
// pixels are those that the same file has on disk.
func TestTileBytes(t *testing.T) {
	texture := decodertest.WritePNG(t, decodertest.Texture(width, height))
	for name, profile := range profiles {
		t.Run(name, func(t *testing.T) {
			data := decodertest.Read(t, decodertest.Compress(t, texture, ".jp2", strings.Fields(profile.arguments)...))
			files := map[string][]byte{"a.jp2": data}
			source := &counted{Source: faraway(t, server.Endpoint(), files)}
			pool := decoders(t)
			far := newWorker(t, worker.Config{Source: source, Remote: true, Decoders: pool})
			near := newWorker(t, worker.Config{Source: nearby(t, files), Decoders: pool})
			compareTiles(t, source, far, near, profile.mean)
		})
	}
}

func compareTiles(t *testing.T, source *counted, far, near *worker.Worker, mean int64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 7))
	rendered(t, far, "a", iiifurl.Rect{W: side, H: side}, side, side) // has the index built
	for deadline := time.Now().Add(time.Minute); far.Packets().Builds == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the index is not completed")
		}
	}
	first := source.Stats()
	source.fetches.Store(0)
	t.Logf("index and first tile: %d bytes in %d requests", first.Received, first.Requests)
	for n := range samples {
		scale := 1 << (n % 5)
		w, h := min(side*scale, width), min(side*scale, height)
		r := iiifurl.Rect{X: rng.IntN(width/w) * w, Y: rng.IntN(height/h) * h, W: w, H: h}
		before, fetches := source.Stats(), source.fetches.Load()
		got := rendered(t, far, "a", r, w/scale, h/scale)
		used := source.Stats()
		if got != rendered(t, near, "a", r, w/scale, h/scale) {
			t.Errorf("%+v: other pixels than from a folder", r)
		}
		bytes, requests := used.Received-before.Received, used.Requests-before.Requests
		t.Logf("1/%d at %d,%d: %d bytes in %d requests", scale, r.X, r.Y, bytes, requests)
		if rounds := source.fetches.Load() - fetches + (requests-1)/abreast; rounds > 2 {
			t.Errorf("1/%d at %d,%d: %d requests, %d a time", scale, r.X, r.Y, requests, abreast)
		}
	}
	checkBytes(t, source, far, first, mean)
}

func checkBytes(t *testing.T, source *counted, far *worker.Worker, first s3.Stats, mean int64) {
	t.Helper()
	all, made := source.Stats(), far.Packets()
	took := (all.Received - first.Received) / samples
	t.Logf("%d tiles: %d bytes and %.1f requests each", samples, took, float64(all.Requests-first.Requests)/samples)
	if took > mean || all.Received > (samples+1)*mean {
		t.Errorf("%d bytes a tile, %d with the index; want %d at most", took, all.Received, mean)
	}
	if made.Tiles != samples+1 || source.fetches.Load() > samples || source.locals.Load() != 0 {
		t.Errorf("%d of %d tiles made of packets, in %d fetches, %d whole files", made.Tiles, samples+1, source.fetches.Load(), source.locals.Load())
	}
}
