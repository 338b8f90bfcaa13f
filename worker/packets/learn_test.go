package packets

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

func far(c *Config) { c.Remote = true }

// settled waits until nothing is being built any more.
func settled(t *testing.T, e *Engine) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		e.mu.Lock()
		n := len(e.pending)
		e.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("still building")
		}
	}
}

// busy has no index completed until the test lets it.
func busy(t *testing.T, e *Engine) (release func()) {
	t.Helper()
	for range cap(e.lane) {
		e.lane <- struct{}{}
	}
	return func() {
		for range cap(e.lane) {
			<-e.lane
		}
	}
}

// streamed has the engine make a region, and compares it with what an index of the whole
// file gives.
func streamed(t *testing.T, e *Engine, f *folder, o store.Object, region jp2.Rect, reduce int) *Index {
	t.Helper()
	x, why, err := e.Index(t.Context(), o, region, reduce)
	if why != "" || err != nil {
		t.Fatalf("%+v: %q", region, why)
	}
	blob, err := f.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = blob.Close() }()
	got, why, err := e.Stream(blob, x, o.Size, region, reduce)
	if why != "" || err != nil {
		t.Fatalf("%+v: %q, %v", region, why, err)
	}
	local, err := blob.Local()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Data, synthesised(t, local, o.Size, region, reduce)) {
		t.Errorf("%+v reduced by %d: another codestream than by the whole index", region, reduce)
	}
	return x
}

func synthesised(t *testing.T, file *os.File, size int64, region jp2.Rect, reduce int) []byte {
	t.Helper()
	h, err := jp2.ReadHeader(file, size, jp2.DefaultBudget())
	if err != nil {
		t.Fatal(err)
	}
	x, err := jp2.BuildIndex(file, size, h, jp2.DefaultBudget())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := x.Plan(region, reduce)
	if err != nil {
		t.Fatal(err)
	}
	data, err := plan.SynthesiseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var inner = jp2.Rect{X0: 300, Y0: 140, X1: 364, Y1: 204} // of one tile of 128 pixels

// TestFirstTile: nobody waits for more of the index than his region needs. Where TLM is
// there that is its own tiles; without, those of which the chain of tile-parts has come by.
func TestFirstTile(t *testing.T) {
	for name, tc := range map[string]struct {
		arguments       string
		learnt          uint64
		fetches, wholes int64 // of the index
	}{
		"TLM and PLT": {"-t 128,128 -n 3 -PLT -TLM", 1, 1, 0},
		"TLM alone":   {"-t 128,128 -n 3 -TLM", 1, 2, 0},
		"parts":       {"-t 128,128 -n 3 -p RPCL -TP R -PLT -TLM", 1, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e, f, o := stage(t, tc.arguments, far)
			release := busy(t, e)
			x := streamed(t, e, f, o, inner, 1)
			if x.Complete() || len(x.Left(0, 99)) != 5*4-int(tc.learnt) || e.Stats().Learnt != tc.learnt {
				t.Errorf("%d tiles left, %+v", len(x.Left(0, 99)), e.Stats())
			}
			if f.reads.Load() > 3 || f.fetches.Load() != tc.fetches+1 || f.wholes.Load() != tc.wholes+1 {
				t.Errorf("%d reads, %d fetches, %d copies", f.reads.Load(), f.fetches.Load(), f.wholes.Load())
			}
			before := f.fetches.Load()
			streamed(t, e, f, o, jp2.Rect{X0: 0, Y0: 0, X1: 64, Y1: 64}, 0)
			if n := f.fetches.Load() - before; n != 2 {
				t.Errorf("%d fetches for the second tile", n)
			}
			release()
			settled(t, e)
			streamed(t, e, f, o, jp2.Rect{X1: 640, Y1: 400}, 2)
		})
	}
}

// TestUntiledFront: of an untiled file with PLT in front, the front is read and the end.
func TestUntiledFront(t *testing.T) {
	e, f, o := stage(t, "-p RPCL -c [32,32] -b 16,16 -PLT", far)
	wantIndex(t, e, o, "")
	if f.reads.Load() > 2 || f.fetches.Load() != 1 || f.wholes.Load() != 0 {
		t.Errorf("%d reads, %d fetches, %d copies", f.reads.Load(), f.fetches.Load(), f.wholes.Load())
	}
}

// TestWalkedOnce: a far away file whose packets must be walked is copied where no tile can
// be had otherwise, and then once.
func TestWalkedOnce(t *testing.T) {
	for name, arguments := range map[string]string{"untiled": "-n 5", "tiles without TLM": "-t 128,128 -n 3"} {
		e, f, o := stage(t, arguments, far)
		wantIndex(t, e, o, "")
		if x := wantIndex(t, e, o, ""); !x.Complete() || f.wholes.Load() != 1 {
			t.Errorf("%s: %d copies of the whole file", name, f.wholes.Load())
		}
	}
}

// TestChain: without TLM tiles are waited for until the chain has come to them; who waits
// for the last one has the index completed.
func TestChain(t *testing.T) {
	e, f, o := stage(t, "-t 128,128 -n 3 -PLT", far)
	x := streamed(t, e, f, o, jp2.Rect{X0: 600, Y0: 380, X1: 640, Y1: 400}, 0)
	if !x.Complete() && len(x.Left(0, 99)) > 0 {
		t.Errorf("%d tiles left", len(x.Left(0, 99)))
	}
	settled(t, e)
	if s := e.Stats(); s.Builds != 1 || s.Learnt != 0 || f.wholes.Load() != 1 {
		t.Errorf("%+v, %d copies", s, f.wholes.Load())
	}
}

// TestLearnFails: what says nothing about the file is tried again, and whoever leaves does
// not wait.
func TestLearnFails(t *testing.T) {
	e, f, o := stage(t, "-t 128,128 -n 3 -PLT -TLM", far)
	release := busy(t, e)
	defer release()
	wantIndex(t, e, o, "")
	f.fail = errors.New("disk on fire")
	if x, why, err := e.Index(t.Context(), o, inner, 0); x != nil || why != Failed || tile.CodeOf(err) != tile.Unavailable {
		t.Errorf("%q, %v", why, err)
	}
	f.fail = nil
	streamed(t, e, f, o, inner, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if x, why, _ := e.Index(ctx, o, jp2.Rect{X1: 640, Y1: 400}, 0); x != nil || why == "" {
		t.Errorf("%q", why)
	}
}

// TestHeadsBounded: what of tiles is held to index them is bounded, for those that a wish
// touches and for those that nobody waits for.
func TestHeadsBounded(t *testing.T) {
	const most = 2 << 10
	for name, arguments := range map[string]string{"a part each": "", "parts": " -TP R"} {
		e, f, o := stage(t, "-t 128,128 -n 3 -p RPCL -c [32,32] -b 8,8 -PLT -TLM"+arguments, func(c *Config) { c.headBytes = most })
		release := busy(t, e)
		streamed(t, e, f, o, jp2.Rect{X1: 512, Y1: 256}, 0)
		if learnt := e.Stats().Learnt; learnt != 8 || f.fetches.Load() < 3 {
			t.Errorf("%s: %d tiles learnt in %d fetches", name, learnt, f.fetches.Load())
		}
		release()
		settled(t, e)
		f.widest.Store(0) // of packets for the region, and lower resolutions
		e.Forget(func(string) bool { return true })
		wantIndex(t, e, o, "")
		settled(t, e)
		if x := wantIndex(t, e, o, ""); !x.Complete() {
			t.Errorf("%s: not complete", name)
		}
		if n := f.widest.Load(); n > most {
			t.Errorf("%s: %d bytes fetched at a time", name, n)
		}
	}
}
