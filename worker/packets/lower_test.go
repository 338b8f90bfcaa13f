package packets

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// manySmall has 130 tiles, of which a tile of 256 pixels touches 64 at half its size.
const manySmall = "-t 64,64 -n 5 -p RPCL -PLT"

var everything = jp2.Rect{X1: 800, Y1: 640}

func lowerLevels(x *Index) int {
	if low := x.low.Load(); low != nil {
		return low.reduce
	}
	return -1
}

// TestLowerResolutions: what touches many tiles is made of the file of lower resolutions,
// takes nothing of the source, and is what the source itself would give.
func TestLowerResolutions(t *testing.T) {
	for name, change := range map[string]func(*Config){"at hand": func(*Config) {}, "far away": far} {
		for _, told := range []string{"", " -TLM"} {
			e, f, o := stageOf(t, 800, 640, manySmall+told, change)
			x := streamed(t, e, f, o, everything, 4)
			if n := lowerLevels(x); n != 1 {
				t.Fatalf("%s%s: lower resolutions with %d levels less", name, told, n)
			}
			settled(t, e)
			fetches := f.fetches.Load()
			streamed(t, e, f, o, jp2.Rect{X0: 512, Y0: 256, X1: 800, Y1: 512}, 3)
			if s := e.Stats(); f.fetches.Load() != fetches || s.Lower != 1 || s.Ranges != 0 || s.Tiles != 2 {
				t.Errorf("%s%s: %d fetches, %+v", name, told, f.fetches.Load()-fetches, s)
			}
			streamed(t, e, f, o, jp2.Rect{X0: 512, Y0: 256, X1: 640, Y1: 384}, 0)
			if s := e.Stats(); s.Ranges == 0 {
				t.Errorf("%s%s: a higher resolution made of lower ones", name, told)
			}
		}
	}
}

// TestLowerStored: the file is kept beside the results for the next start; damage is noticed.
func TestLowerStored(t *testing.T) {
	results, err := store.OpenResults(t.TempDir(), 1<<24, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = results.Close() }()
	with := func(r Results) func(*Config) { return func(c *Config) { c.Results = []Results{r} } }
	e, f, o := stageOf(t, 800, 640, manySmall, with(results))
	streamed(t, e, f, o, everything, 4)
	settled(t, e)
	for name, tc := range map[string]struct {
		results Results
		made    uint64
	}{
		"sound":     {results, 0},
		"truncated": {spoilt{results, func(b []byte) []byte { return b[:len(b)-1] }}, 1},
		"damaged":   {spoilt{results, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }}, 1},
		"empty":     {spoilt{results, func(b []byte) []byte { return nil }}, 1},
	} {
		next := New(Config{Source: f, Results: []Results{tc.results}, Header: jp2.DefaultBudget(), Patience: time.Hour, Log: slog.New(slog.DiscardHandler)})
		streamed(t, next, f, o, everything, 4)
		next.Close()
		if s := next.Stats(); s.Lower != tc.made {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// spoilt gives what is stored, but not as it is.
type spoilt struct {
	Results
	spoil func([]byte) []byte
}

func (s spoilt) Get(ctx context.Context, key tile.Key) (tile.Result, bool) {
	res, ok := s.Results.Get(ctx, key)
	if !ok {
		return res, false
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return res, false
	}
	data = s.spoil(data)
	res.Size, res.Body = int64(len(data)), io.NopCloser(bytes.NewReader(data))
	return res, true
}

func (s spoilt) Put(context.Context, tile.Key, string, io.Reader, int64) error {
	return store.ErrNotStored
}

// TestLowerBounded: a file of lower resolutions that is too large drops more of them, and
// where there can be none, few tiles are read one by one and very many are not.
func TestLowerBounded(t *testing.T) {
	e, f, o := stageOf(t, 800, 640, manySmall, func(c *Config) { c.IndexBytes = 700 << 10 })
	if n := lowerLevels(streamed(t, e, f, o, everything, 4)); n != 2 {
		t.Errorf("lower resolutions with %d levels less", n)
	}
	e, _, o = stageOf(t, 800, 640, "-t 25,25 -n 2 -p RPCL -PLT") // which do not halve
	if x, why, _ := e.Index(t.Context(), o, everything, 1); why != "" || lowerLevels(x) != -1 {
		t.Errorf("832 tiles: %q", why)
	}
	e, _, o = stageOf(t, 800, 640, "-t 15,15 -n 2 -p RPCL -PLT")
	if x, why, _ := e.Index(t.Context(), o, everything, 1); x != nil || why != Large {
		t.Errorf("2322 tiles: %q", why)
	}
}
