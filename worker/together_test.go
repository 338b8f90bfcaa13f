package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// gated holds the first rendering until it is let go.
type gated struct {
	Decoders
	once    sync.Once
	entered chan struct{} // closed when the first has come
	gate    chan struct{}
}

func newGated(d Decoders) *gated {
	return &gated{Decoders: d, entered: make(chan struct{}), gate: make(chan struct{})}
}

func (g *gated) Render(ctx context.Context, t decoder.Task) (decoder.Output, error) {
	g.once.Do(func() {
		close(g.entered)
		<-g.gate
	})
	return g.Decoders.Render(ctx, t)
}

// viewer asks for all tiles of an image while the only slot is taken, and returns them.
func viewer(t *testing.T, p *place, g *gated, id string, side, scale int) map[iiifurl.Rect]string {
	t.Helper()
	info, err := p.Info(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var jobs []tile.Job
	for y := 0; y < info.Height; y += side * scale {
		for x := 0; x < info.Width; x += side * scale {
			r := iiifurl.Rect{X: x, Y: y, W: min(side*scale, info.Width-x), H: min(side*scale, info.Height-y)}
			jobs = append(jobs, p.request(id, "jpg", r, (r.W+scale-1)/scale, (r.H+scale-1)/scale))
		}
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	bodies := make(map[iiifurl.Rect]string)
	for i, job := range jobs {
		group.Go(func() {
			body := p.rendered(job)
			mu.Lock()
			defer mu.Unlock()
			bodies[job.Render.Region] = body
		})
		if g != nil && i == 0 {
			<-g.entered // alone: one that came now might be taken along
		}
	}
	if g != nil {
		for deadline := time.Now().Add(30 * time.Second); p.Stats().Waiting < len(jobs)-1; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				close(g.gate)
				t.Fatalf("%d of %d wait", p.Stats().Waiting, len(jobs))
			}
		}
		close(g.gate)
	}
	group.Wait()
	return bodies
}

// TestTogether: tiles that wait side by side are decoded together, and are to the byte
// what they are when each is decoded by itself.
func TestTogether(t *testing.T) {
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := decoder.Start(t.Context(), decoder.Config{Path: path, Processes: 1, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close(context.Background()) })
	for i, arguments := range [][]string{
		{"-p", "RPCL", "-c", "[128,128],[64,64]", "-PLT", "-n", "4"},
		{"-t", "128,128", "-n", "4", "-I", "-r", "10"},
		{"-d", "37,53", "-n", "3"},
	} {
		t.Run(fmt.Sprint(arguments), func(t *testing.T) {
			g := newGated(pool)
			data, id := string(decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(700, 500), arguments...))), fmt.Sprintf("image-%d", i)
			alone := newPlace(t, func(c *Config) { c.Decoders, c.Remote, c.Slots, c.Queue = pool, true, 1, 200 })
			alone.batches.slots = 0
			crowded := newPlace(t, func(c *Config) { c.Decoders, c.Remote, c.Slots, c.Queue = g, true, 1, 200 })
			alone.put(id+".jp2", data)
			crowded.put(id+".jp2", data)
			want := viewer(t, alone, nil, id, 64, 1+i%2)
			got := viewer(t, crowded, g, id, 64, 1+i%2)
			for r, body := range want {
				if got[r] != body {
					t.Errorf("%+v differs", r)
				}
			}
			if s := crowded.Stats(); s.Joint < uint64(len(want)/2) || s.Decodes > uint64(len(want)) {
				t.Errorf("%d tiles, %d decoded by a neighbour, %d decodes", len(want), s.Joint, s.Decodes)
			}
			if s := alone.Stats(); s.Joint != 0 {
				t.Errorf("%d decoded by a neighbour", s.Joint)
			}
			if len(crowded.batches.waiting) != 0 {
				t.Errorf("%d blocks left behind", len(crowded.batches.waiting))
			}
		})
	}
}

// TestTogetherFails: where tiles cannot be decoded together each is decoded by itself, and
// one whose reader has left holds up nobody.
func TestTogetherFails(t *testing.T) {
	fake := &fake{}
	fake.render = func(_ context.Context, task decoder.Task) (decoder.Output, error) {
		if task.Cuts != nil {
			return decoder.Output{}, errors.New("not like this")
		}
		return picture(fmt.Sprint(task.Region)), nil
	}
	g := newGated(fake)
	p := newPlace(t, func(c *Config) { c.Decoders, c.Remote, c.Slots, c.Queue = g, true, 1, 200 })
	p.put("a.jp2", string(decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(256, 256), "-n", "3"))))
	if bodies := viewer(t, p, g, "a", 64, 1); len(bodies) != 16 {
		t.Errorf("%d tiles", len(bodies))
	}
	if s := p.Stats(); s.Joint != 0 || s.Running != 0 || s.Waiting != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestTogetherLosesChildren: a child lost over several tiles counts as any other.
func TestTogetherLosesChildren(t *testing.T) {
	fake := &fake{render: lost}
	g := newGated(fake)
	p := newPlace(t, func(c *Config) { c.Decoders, c.Remote, c.Slots, c.Queue = g, true, 1, 64 })
	p.put("a.jp2", string(decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(256, 256), "-n", "3"))))
	job := p.job("a", 0)
	var group sync.WaitGroup
	for x := range 16 {
		job := job
		job.Render.Region = iiifurl.Rect{X: x % 4 * 64, Y: x / 4 * 64, W: 64, H: 64}
		job.Render.Width, job.Render.Height = 64, 64
		group.Go(func() {
			_, err := p.Render(t.Context(), job)
			wantCode(t, err, tile.Broken)
		})
	}
	close(g.gate)
	group.Wait()
	if s := p.Stats(); s.Quarantined != 1 || fake.renders.Load() != maxStrikes {
		t.Errorf("%d children lost, %+v", fake.renders.Load(), s)
	}
}

// TestBatches: who takes whom along.
func TestBatches(t *testing.T) {
	a := &batches{slots: 2, waiting: make(map[batchKey][]*batched)}
	stopped := 0
	add := func(x, y int) *batched {
		b := &batched{all: a, region: iiifurl.Rect{X: x, Y: y, W: 256, H: 256}, stop: func() { stopped++ }, done: make(chan struct{})}
		a.waiting[b.key] = append(a.waiting[b.key], b)
		return b
	}
	first := add(0, 0)
	far := add(768, 768)
	near := []*batched{add(256, 0), add(0, 256), add(256, 256)}
	mates, mine := first.begin()
	if !mine || len(mates) != 2 || mates[0] != near[0] || mates[1] != near[1] || stopped != 2 {
		t.Errorf("%d mates, mine %t, %d stopped", len(mates), mine, stopped)
	}
	if _, mine := near[0].begin(); mine {
		t.Error("a tile taken by a neighbour begins by itself")
	}
	if mates, mine := near[2].begin(); !mine || len(mates) != 0 {
		t.Errorf("%d mates far away, mine %t", len(mates), mine)
	}
	far.leave()
	far.leave()
	if len(a.waiting) != 0 {
		t.Errorf("%d left", len(a.waiting))
	}
}

// TestLeaverDecodesForNeighbours: R15: a reader who leaves takes nothing from those whose
// tiles are being made along with his.
func TestLeaverDecodesForNeighbours(t *testing.T) {
	joint, goOn := make(chan struct{}), make(chan struct{})
	fake := &fake{}
	fake.render = func(ctx context.Context, task decoder.Task) (decoder.Output, error) {
		if task.Cuts == nil {
			return picture("alone"), nil
		}
		close(joint)
		<-goOn
		if ctx.Err() != nil {
			return decoder.Output{}, ctx.Err()
		}
		out := picture(strings.Repeat("together", len(task.Cuts)))
		for range task.Cuts {
			out.Sizes = append(out.Sizes, int64(len("together")))
		}
		return out, nil
	}
	g := newGated(fake)
	p := newPlace(t, func(c *Config) { c.Decoders, c.Remote, c.Slots, c.Queue = g, true, 1, 64 })
	p.put("a.jp2", string(decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(256, 256), "-n", "3"))))
	leaver, leave := context.WithCancel(t.Context())
	defer leave()
	type outcome struct {
		body string
		err  error
	}
	outcomes := make([]chan outcome, 4)
	for i := range outcomes {
		outcomes[i] = make(chan outcome, 1)
		ctx := t.Context()
		if i == 3 {
			ctx = leaver // the newest: next in the slot
		}
		job := p.request("a", "jpg", iiifurl.Rect{X: i % 2 * 64, Y: i / 2 * 64, W: 64, H: 64}, 64, 64)
		go func() {
			res, err := p.Render(ctx, job)
			if err != nil {
				outcomes[i] <- outcome{"", err}
				return
			}
			outcomes[i] <- outcome{read(t, res), nil}
		}()
		if i == 0 {
			<-g.entered
		}
		for deadline := time.Now().Add(30 * time.Second); p.Stats().Waiting < i; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("tile %d does not wait", i)
			}
		}
	}
	close(g.gate)
	<-joint
	leave()
	if o := <-outcomes[3]; !errors.Is(o.err, context.Canceled) {
		t.Errorf("who left got %+v", o)
	}
	close(goOn)
	for i, want := range []string{"alone", "together", "together"} {
		if o := <-outcomes[i]; o.err != nil || o.body != want {
			t.Errorf("tile %d: %+v, want %q", i, o, want)
		}
	}
	if n := fake.renders.Load(); n != 2 {
		t.Errorf("%d renderings", n)
	}
}
