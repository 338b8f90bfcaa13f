package packets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The NATS server's process-wide clock for statistics has no end.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server/ats.init.0.func1"))
}

// folder is a source of files whose reads are counted, and can be held up or made to
// fail, which no real folder does when asked.
type folder struct {
	*store.Dir
	reads, fetches, wholes atomic.Int64
	widest                 atomic.Int64 // bytes of the largest fetch

	mu   sync.Mutex
	gate chan struct{} // nil: open
	copy chan struct{} // what copies of the whole file wait for; nil: nothing
	fail error
	bad  bool // a fault of ours: opening panics
}

type countedBlob struct {
	store.Blob
	f *folder
}

func (f *folder) Open(ctx context.Context, o store.Object) (store.Blob, error) {
	f.mu.Lock()
	gate, fail, bad := f.gate, f.fail, f.bad
	f.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if fail != nil {
		return nil, fail
	}
	if bad {
		panic("not thought of")
	}
	b, err := f.Dir.Open(ctx, o)
	return countedBlob{b, f}, err
}

func (b countedBlob) ReadAt(p []byte, off int64) (int, error) {
	b.f.reads.Add(1)
	return b.Blob.ReadAt(p, off)
}

func (b countedBlob) Fetch(r []store.Range) (io.ReaderAt, error) {
	b.f.fetches.Add(1)
	for n, most := total(r), b.f.widest.Load(); n > most && !b.f.widest.CompareAndSwap(most, n); {
		most = b.f.widest.Load()
	}
	return b.Blob.Fetch(r)
}

func (b countedBlob) Local() (*os.File, error) {
	b.f.wholes.Add(1)
	b.f.mu.Lock()
	held := b.f.copy
	b.f.mu.Unlock()
	if held != nil {
		<-held
	}
	return b.Blob.Local()
}

// stage is an engine on a folder with one image in it.
func stage(t *testing.T, arguments string, change ...func(*Config)) (*Engine, *folder, store.Object) {
	t.Helper()
	return stageOf(t, 640, 400, arguments, change...)
}

func stageOf(t *testing.T, w, h int, arguments string, change ...func(*Config)) (*Engine, *folder, store.Object) {
	t.Helper()
	return stageFile(t, decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(w, h), strings.Fields(arguments)...)), change...)
}

func stageFile(t *testing.T, data []byte, change ...func(*Config)) (*Engine, *folder, store.Object) {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(root+"/a.jp2", data, 0o600); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	dir, err := store.OpenDir(root, log)
	if err != nil {
		t.Fatal(err)
	}
	f := &folder{Dir: dir}
	c := Config{Source: f, Header: jp2.DefaultBudget(), Log: log, Patience: time.Hour}
	for _, apply := range change {
		apply(&c)
	}
	e := New(c)
	t.Cleanup(func() { e.Close(); _ = dir.Close() })
	o, err := dir.Find(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	return e, f, o
}

// corner is what most tests ask for.
var corner = jp2.Rect{X1: 64, Y1: 64}

func wantIndex(t *testing.T, e *Engine, o store.Object, want Reason) *Index {
	t.Helper()
	x, why, err := e.Index(t.Context(), o, corner, 0)
	if why != want || err != nil || (x == nil) != (want != "") {
		t.Fatalf("index %v, %q; want %q", x != nil, why, want)
	}
	return x
}

// TestJoined: many who ask at once cause one build, and none waits beyond its patience or
// its own time.
func TestJoined(t *testing.T) {
	e, f, o := stage(t, "-PLT", func(c *Config) { c.Remote = true })
	f.gate = make(chan struct{})
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() { wantIndex(t, e, o, "") })
	}
	left, cancel := context.WithCancel(t.Context())
	cancel()
	if x, why, _ := e.Index(left, o, corner, 0); x != nil || why != Pending {
		t.Errorf("gave up: %q", why)
	}
	close(f.gate)
	group.Wait()
	if s := e.Stats(); s.Builds != 1 {
		t.Errorf("%d builds", s.Builds)
	}

	e, f, o = stage(t, "-PLT", func(c *Config) { c.Patience = time.Nanosecond })
	f.gate = make(chan struct{})
	wantIndex(t, e, o, Pending)
	e.Close() // does not wait for what holds the build up
}

// TestFailures: what says nothing about the file is tried again; what does is not.
func TestFailures(t *testing.T) {
	e, f, o := stage(t, "-PLT")
	f.fail = errors.New("disk on fire")
	wantIndex(t, e, o, Failed)
	f.fail = nil
	wantIndex(t, e, o, "")

	for name, change := range map[string]func(*Config){
		"memory":     func(c *Config) { c.IndexBytes = 4 << 10 },
		"whole file": func(c *Config) { c.FileBytes = 1 },
	} {
		e, _, o := stage(t, "-c [32,32] -b 16,16", change)
		wantIndex(t, e, o, Refused)
		wantIndex(t, e, o, Refused)
		if s := e.Stats(); s.Refusals != 1 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestPanic: a fault of ours that one file brings out ends neither the process nor the wait,
// and is not looked for again.
func TestPanic(t *testing.T) {
	e, f, o := stage(t, "-PLT")
	f.bad = true
	wantIndex(t, e, o, Refused)
	settled(t, e)
	wantIndex(t, e, o, Refused)
	if s := e.Stats(); s.Refusals != 1 {
		t.Errorf("%+v", s)
	}
}

// TestBounded: builds that wait are bounded, and the newcomer is told.
func TestBounded(t *testing.T) {
	e, f, o := stage(t, "-PLT", func(c *Config) { c.Patience = time.Nanosecond })
	f.gate = make(chan struct{})
	for i := range maxPending {
		other := o
		other.Version = string(rune('A' + i))
		wantIndex(t, e, other, Pending)
	}
	wantIndex(t, e, o, Busy)
}

// TestFarAway: where the whole file is far away, neither a store that fails nor many that
// wait are a reason to fetch it; a manifest of fresh pages waits its turn.
func TestFarAway(t *testing.T) {
	e, f, o := stage(t, "-PLT", far)
	f.fail = tile.Fail(tile.Timeout, "", errors.New("too slow"))
	if x, _, err := e.Index(t.Context(), o, corner, 0); x != nil || tile.CodeOf(err) != tile.Timeout {
		t.Errorf("a store too slow: %v", err)
	}
	f.fail, f.gate = nil, make(chan struct{})
	page := func(i int) store.Object {
		other := o
		other.Version = fmt.Sprint(i)
		return other
	}
	waiting, leave := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range maxPending {
		group.Go(func() { _, _, _ = e.Index(waiting, page(i), corner, 0) })
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		e.mu.Lock()
		n := len(e.pending)
		e.mu.Unlock()
		if n == maxPending {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d wait", n)
		}
	}
	if x, why, err := e.Index(t.Context(), o, corner, 0); x != nil || why != Busy || tile.CodeOf(err) != tile.Busy {
		t.Errorf("one too many: %q, %v", why, err)
	}
	leave()
	group.Wait()
}

// TestReasons: what is not worth making, or too much, is left to the whole file.
func TestReasons(t *testing.T) {
	e, f, o := stageOf(t, 1100, 800, "-PLT -t 100,100 -n 4")
	wantIndex(t, e, o, "")
	settled(t, e) // all tiles are known, and there is a file of lower resolutions
	x := wantIndex(t, e, o, "")
	blob, err := f.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = blob.Close() }()
	all := jp2.Rect{X1: 1100, Y1: 800}
	for _, tc := range []struct {
		name   string
		size   int64
		limit  int64
		region jp2.Rect
		reduce int
		want   Reason
	}{
		{"a tile", o.Size, 0, jp2.Rect{X1: 64, Y1: 64}, 0, ""},
		{"all of a small file", smallFile, 0, all, 0, ""},
		{"all of a large one", o.Size, 0, all, 0, Most},
		{"more than allowed", o.Size, 1000, all, 0, Large},
		{"tiles that do not halve", o.Size, 0, all, 3, Region},
	} {
		if e.cfg.StreamBytes = 64 << 20; tc.limit > 0 {
			e.cfg.StreamBytes = tc.limit
		}
		s, why, err := e.Stream(blob, x, tc.size, tc.region, tc.reduce)
		if err != nil || why != tc.want || (why == "") != (len(s.Data) > 0) {
			t.Errorf("%s: %d bytes, %q, %v; want %q", tc.name, len(s.Data), why, err, tc.want)
		}
	}
	if s := e.Stats(); s.Tiles != 2 || s.Ranges < 2 || s.Bytes < uint64(o.Size/2) {
		t.Errorf("stats %+v", s)
	}
}
