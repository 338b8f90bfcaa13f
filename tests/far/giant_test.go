package far

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/store/s3"
	"github.com/tessera-iiif/tessera/internal/store/s3/s3test"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker"
)

const (
	// giantTiles across and down of 1024 pixels make 10 gigapixels, in 2 GB.
	giantTiles = 98
	giantSide  = 1024
	lossy      = "-p RPCL -n 7 -I -r 14 -t 1024,1024 -c [256,256],[256,256],[128,128]"
	lossless   = "-p RPCL -n 6 -c [256,256],[256,256],[128,128] -PLT"
)

// overwritten puts a file where the gateway keeps an object, whose name and ETag it was
// given before: 2 GB are not sent.
func overwritten(t *testing.T, write func(path string) int64) (bucket, key string, size int64) {
	t.Helper()
	if os.Getenv("S3_SERVER") == "minio" {
		t.Fatal("MinIO does not keep objects as files: run these tests without S3_SERVER")
	}
	b := server.Bucket(t)
	b.Put(t, "a.j2k", t.Name())
	path := filepath.Join(server.Folder, b.Name, "a.j2k")
	size = write(path)
	t.Cleanup(func() { _ = os.Remove(path) })
	return b.Name, "a.j2k", size
}

// remote is a source that answers after 20 ms, and a worker that knows nothing yet.
func remote(t *testing.T, bucket string) (*observed, *worker.Worker) {
	t.Helper()
	way := server.Faults(t)
	way.Add("latency", `{"latency": 20}`)
	copies, err := s3.OpenCopies(t.TempDir(), 1<<30, quiet)
	if err != nil {
		t.Fatal(err)
	}
	source, err := s3.Open(t.Context(), s3.Config{
		Account:  s3.Account{Endpoint: way.Endpoint(), AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey},
		Location: s3.Within(bucket, ""), Copies: copies, Recheck: time.Hour, Log: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = source.Close()
		_ = copies.Close()
	})
	o := &observed{Source: source}
	w := worker.New(worker.Config{Source: o, Remote: true, Decoders: decoders(t), Log: quiet})
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel() // what is read behind may take its time
		_ = w.Close(ended)
	})
	return o, w
}

// giants are 2 GB each, in the structures that say where packets lie, and in which only a
// part of that is said. Rounds are of requests that follow one another.
var giants = []struct {
	name    string
	told    string // by the tile-parts
	tlm     bool
	untiled bool
	at      []block // where the tiles are that are asked for
	first   int64   // rounds for the first tile, of which one is for the main header
	later   int64   // rounds for the others
	behind  int64   // rounds for what is said of all tiles; 0: they go on behind the tile
	learnt  uint64  // tiles that were indexed by themselves by the time the first is there
	bytes   int64   // waited for, of each tile
}{
	{name: "TLM and PLT", told: " -PLT", tlm: true, at: []block{{48, 52}, {4, 92}, {88, 8}}, first: 3, later: 2, learnt: 1, bytes: 400 << 10},
	{name: "TLM alone", tlm: true, at: []block{{48, 52}, {4, 92}, {88, 8}}, first: 3, later: 1, learnt: 1, bytes: 400 << 10},
	// The chain of tile-parts goes on while the first of them are looked at.
	{name: "PLT alone, in tiles", told: " -PLT", at: []block{{0, 0}}, first: 2, bytes: 400 << 10},
	{name: "PLT alone, untiled", untiled: true, at: []block{{16, 20}, {4, 28}, {28, 0}}, first: 3, later: 2, behind: 3, bytes: 2 << 20},
}

// TestFirstTile: of an object of 2 GB behind 20 ms of latency, nobody waits for more than
// the main header, what says where his tile's packets lie, and those packets.
func TestFirstTile(t *testing.T) {
	for _, tc := range giants {
		t.Run(tc.name, func(t *testing.T) {
			began := time.Now()
			var s *sample
			bucket, key, size := overwritten(t, func(path string) int64 {
				if tc.untiled {
					s = compressed(t, giantSide, lossless)
					return (&carpet{sample: s, across: 36, side: giantSide, levels: 5, full: within(tc.at)}).write(t, path)
				}
				s = compressed(t, 2*giantSide, lossy+tc.told)
				return (&mosaic{sample: s, columns: giantTiles, rows: giantTiles, tile: giantSide, told: tc.tlm, full: within(tc.at)}).write(t, path)
			})
			t.Logf("%d bytes, made in %v", size, time.Since(began).Round(time.Millisecond))
			if size < 2e9 {
				t.Errorf("an object of %d bytes", size)
			}
			o, far := remote(t, bucket)
			near := newWorker(t, worker.Config{Source: nearby(t, map[string][]byte{"a.j2k": s.data}), Decoders: decoders(t)})
			for i, at := range tc.at {
				allowed := tc.later
				if i == 0 {
					allowed = tc.first
				}
				there, alone := at.inside()
				body, used := firstTile(t, o, far, key, there)
				if body != rendered(t, near, key, alone, side, side) {
					t.Errorf("tile %d: other pixels than in the sample", i)
				}
				if used.rounds > allowed || used.bytes > tc.bytes {
					t.Errorf("tile %d: %+v; want %d rounds at most", i, used, allowed)
				}
				if _, behind := o.counts(); tc.behind > 0 && behind.rounds > tc.behind {
					t.Errorf("%+v read of the whole", behind)
				}
				if n := far.Packets().Learnt; i == 0 && n != tc.learnt {
					t.Errorf("%d tiles indexed by themselves", n)
				}
			}
		})
	}
}

// firstTile asks for a tile and tells what was waited for.
func firstTile(t *testing.T, o *observed, w *worker.Worker, key string, r iiifurl.Rect) (string, tally) {
	t.Helper()
	before, _ := o.counts()
	began := time.Now()
	body, timing, err := renderTimed(waited(t), w, key, r, side, side)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	after, behind := o.counts()
	used := after.since(before)
	t.Logf("%v, of which %v decoding: %d rounds, %d requests, %d bytes; behind it so far %d rounds", took.Round(time.Millisecond),
		(timing.Decode + timing.Encode).Round(time.Millisecond), used.rounds, used.requests, used.bytes, behind.rounds)
	return body, used
}

// TestManyTiles: what shows many tiles of a far away file waits for the lower resolutions,
// which come with the headers of the tiles: a request for each, and no more.
func TestManyTiles(t *testing.T) {
	const across = 20
	s := compressed(t, 2*giantSide, lossy+" -PLT")
	m := mosaic{sample: s, columns: across, rows: across, tile: giantSide, told: true, full: within(nil)}
	bucket, key, _ := overwritten(t, func(path string) int64 { return m.write(t, path) })
	o, far := remote(t, bucket)
	folder, err := store.OpenDir(filepath.Join(server.Folder, bucket), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	near := newWorker(t, worker.Config{Source: folder, Decoders: decoders(t)})
	for n, r := range []iiifurl.Rect{{W: m.width(), H: m.height()}, {X: 8192, Y: 8192, W: 8192, H: 8192}} {
		before, _ := o.counts()
		began := time.Now()
		body, err := render(waited(t), far, key, r, r.W>>6, r.H>>6)
		if err != nil {
			t.Fatal(err)
		}
		after, behind := o.counts()
		t.Logf("%d tiles in %v: %d requests waited for, %d behind", r.W/giantSide*r.H/giantSide, time.Since(began).Round(time.Millisecond), after.since(before).requests, behind.requests)
		if body != rendered(t, near, key, r, r.W>>6, r.H>>6) {
			t.Errorf("%+v: other pixels than from a folder", r)
		}
		if n == 1 && after != before || behind.requests > across*across+8 {
			t.Errorf("%+v: %+v waited for, %+v behind", r, after.since(before), behind)
		}
	}
	if s := far.Packets(); s.Lower != 1 || s.Ranges != 0 {
		t.Errorf("%+v", s)
	}
}
