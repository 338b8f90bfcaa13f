package far

import (
	"context"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/store/s3"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// stalled is a source that, while it is held, gives nothing but what is at hand.
type stalled struct {
	*s3.Source
	gate atomic.Pointer[chan struct{}] // closed: not held
}

func (s *stalled) hold() (release func()) {
	gate := make(chan struct{})
	s.gate.Store(&gate)
	return sync.OnceFunc(func() { close(gate) })
}

func (s *stalled) Open(ctx context.Context, o store.Object) (store.Blob, error) {
	b, err := s.Source.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return stalledBlob{b, ctx, s}, nil
}

type stalledBlob struct {
	store.Blob
	ctx context.Context
	all *stalled
}

func (b stalledBlob) Holds(ranges []store.Range) bool { return holds(b.Blob, ranges) }

func (b stalledBlob) Fetch(ranges []store.Range) (io.ReaderAt, error) {
	if !b.Holds(ranges) {
		select {
		case <-*b.all.gate.Load():
		case <-b.ctx.Done():
			return nil, b.ctx.Err()
		}
	}
	return b.Blob.Fetch(ranges)
}

// corner is at hand in all tests once it was asked for; the others are not.
var corner = iiifurl.Rect{W: side, H: side}

func strip() (all []iiifurl.Rect) {
	for i := range 8 {
		all = append(all, iiifurl.Rect{X: i * side, Y: (2 + i%2*2) * side, W: side, H: side})
	}
	return all
}

// slowStore is a worker with a single slot, two images in a store that takes 50 ms to
// answer, and their corners at hand. The folder has the same images.
func slowStore(t *testing.T) (source *stalled, far, near *worker.Worker) {
	t.Helper()
	data := decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(8*side, 6*side),
		strings.Fields("-p RPCL -r 4 -I -c [256,256],[256,256],[128,128] -n 4 -PLT")...))
	files := map[string][]byte{"a.jp2": data, "b.jp2": data}
	way := server.Faults(t)
	way.Add("latency", `{"latency": 50}`)
	source = &stalled{Source: faraway(t, way.Endpoint(), files)}
	source.hold()()
	pool := decoders(t)
	far = newWorker(t, worker.Config{Source: source, Remote: true, Decoders: pool, Slots: 1})
	near = newWorker(t, worker.Config{Source: nearby(t, files), Decoders: pool})
	for id := range files {
		rendered(t, far, strings.TrimSuffix(id, ".jp2"), corner, side, side)
	}
	return source, far, near
}

// fetching waits until so many tiles wait for the store.
func fetching(t *testing.T, w *worker.Worker, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); w.Stats().Fetching != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d tiles wait for the store; want %d", w.Stats().Fetching, n)
		}
	}
}

// TestSlowStoreHoldsNoSlot: while many tiles wait for the store, those at hand are made.
func TestSlowStoreHoldsNoSlot(t *testing.T) {
	source, far, near := slowStore(t)
	release := source.hold()
	defer release()
	var group sync.WaitGroup
	var made atomic.Int64
	bodies := make([]string, len(strip()))
	for i, r := range strip() {
		group.Go(func() {
			body, err := render(t.Context(), far, "a", r, side, side)
			if err != nil {
				t.Errorf("%+v: %v", r, err)
			}
			bodies[i] = body
			made.Add(1)
		})
	}
	fetching(t, far, len(bodies))
	for _, id := range []string{"a", "b"} {
		if rendered(t, far, id, corner, side, side) != rendered(t, near, id, corner, side, side) {
			t.Errorf("%s: other pixels than from a folder", id)
		}
	}
	if s := far.Stats(); made.Load() != 0 || s.Running != 0 || s.Waiting != 0 || s.Fetching != len(bodies) {
		t.Errorf("%d tiles were made without the store; %+v", made.Load(), s)
	}
	release()
	group.Wait()
	for i, r := range strip() {
		if bodies[i] != rendered(t, near, "a", r, side, side) {
			t.Errorf("%+v: other pixels than from a folder", r)
		}
	}
	if s := far.Stats(); s.Fetching != 0 || s.Refused != 0 || s.Fetches != uint64(len(bodies))+2 {
		t.Errorf("%+v", s)
	}
}

// TestFetchEndsWithTheJob: nothing is fetched for nobody, and nobody's place is kept.
func TestFetchEndsWithTheJob(t *testing.T) {
	source, far, _ := slowStore(t)
	release := source.hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for _, r := range strip() {
		group.Go(func() {
			if _, err := render(ctx, far, "a", r, side, side); tile.CodeOf(err) != tile.Cancelled {
				t.Errorf("%+v: %v", r, err)
			}
		})
	}
	fetching(t, far, len(strip()))
	cancel()
	group.Wait()
	fetching(t, far, 0)
	if s := far.Stats(); s.Decodes != 2 || s.Running != 0 {
		t.Errorf("%+v", s)
	}
}
