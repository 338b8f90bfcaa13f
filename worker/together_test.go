package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/store"
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

// wall are the jobs of all tiles of an image.
func wall(t *testing.T, p *place, id string, side, scale int) (jobs []tile.Job) {
	t.Helper()
	info, err := p.Info(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for y := 0; y < info.Height; y += side * scale {
		for x := 0; x < info.Width; x += side * scale {
			r := iiifurl.Rect{X: x, Y: y, W: min(side*scale, info.Width-x), H: min(side*scale, info.Height-y)}
			jobs = append(jobs, p.request(id, "jpg", r, (r.W+scale-1)/scale, (r.H+scale-1)/scale))
		}
	}
	return jobs
}

// oneByOne asks for tiles, each when the last is there.
func oneByOne(p *place, jobs []tile.Job) map[iiifurl.Rect]string {
	bodies := make(map[iiifurl.Rect]string)
	for _, job := range jobs {
		bodies[job.Render.Region] = p.rendered(job)
	}
	return bodies
}

// viewer asks for all tiles of an image while the only slot is taken, and returns them.
func viewer(t *testing.T, p *place, g *gated, id string, side, scale int) map[iiifurl.Rect]string {
	t.Helper()
	jobs := wall(t, p, id, side, scale)
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
		if i == 0 {
			<-g.entered // alone: one that came now might be taken along
		}
	}
	for deadline := time.Now().Add(30 * time.Second); p.Stats().Waiting < len(jobs)-1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			close(g.gate)
			t.Fatalf("%d of %d wait", p.Stats().Waiting, len(jobs))
		}
	}
	close(g.gate)
	group.Wait()
	return bodies
}

// newPool starts decoders.
func newPool(t *testing.T, processes int) *decoder.Pool {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := decoder.Start(t.Context(), decoder.Config{Path: path, Processes: processes, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close(context.Background()) })
	return pool
}

// TestTogether: tiles that wait side by side are decoded together, and are to the byte
// what they are when each is decoded by itself.
func TestTogether(t *testing.T) {
	pool := newPool(t, 1)
	for i, arguments := range [][]string{
		{"-p", "RPCL", "-c", "[128,128],[64,64]", "-PLT", "-n", "4"},
		{"-t", "256,256", "-n", "4", "-I", "-r", "10"},
		{"-d", "37,53", "-n", "3"},
	} {
		t.Run(fmt.Sprint(arguments), func(t *testing.T) {
			g := newGated(pool)
			data, id := string(decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(700, 500), arguments...))), fmt.Sprintf("image-%d", i)
			alone := newPlace(t, func(c *Config) { c.Decoders, c.Remote, c.Slots = pool, true, 1 })
			crowded := newPlace(t, func(c *Config) { c.Decoders, c.Remote, c.Slots, c.Queue = g, true, 1, 200 })
			alone.put(id+".jp2", data)
			crowded.put(id+".jp2", data)
			want := oneByOne(alone, wall(t, alone, id, 64, 1+i%2))
			got := viewer(t, crowded, g, id, 64, 1+i%2)
			for r, body := range want {
				if got[r] != body {
					t.Errorf("%+v differs", r)
				}
			}
			if s := crowded.Stats(); s.Joint < uint64(len(want)/4) || s.Decodes > uint64(len(want)) {
				t.Errorf("%d tiles, %d decoded by a neighbour, %d decodes", len(want), s.Joint, s.Decodes)
			}
			if s := alone.Stats(); s.Joint != 0 {
				t.Errorf("%d decoded by a neighbour", s.Joint)
			}
			for key, l := range crowded.levels.known {
				if len(l.waiting)+len(l.wanted)+len(l.making) != 0 {
					t.Errorf("%+v: %d wait, %d wanted, %d being made", key, len(l.waiting), len(l.wanted), len(l.making))
				}
			}
		})
	}
}

// atScreen asks for a tile while nobody looks at the image, then at once for two beside it.
// That is a viewer: what is missing around them is made too.
func atScreen(t *testing.T, p *place, g *gated, jobs []tile.Job, columns int) {
	t.Helper()
	var group sync.WaitGroup
	for n, i := range []int{0, 1, columns} {
		group.Go(func() { p.rendered(jobs[i]) })
		if n == 0 {
			<-g.entered
		}
		for deadline := time.Now().Add(30 * time.Second); p.Stats().Waiting < n; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("tile %d does not wait", n)
			}
		}
	}
	close(g.gate)
	group.Wait()
}

// TestAhead: what is missing around tiles that are looked at is made with them, to the byte
// as by itself, is found when it is asked for, and is a result only then.
func TestAhead(t *testing.T) {
	pool := newPool(t, 1)
	for i, arguments := range [][]string{
		{"-p", "RPCL", "-c", "[128,128],[64,64]", "-PLT", "-n", "4"},
		{"-p", "RPCL", "-t", "256,256", "-PLT", "-n", "3", "-I", "-r", "10"},
		{"-d", "37,53", "-n", "3"},
	} {
		t.Run(fmt.Sprint(arguments), func(t *testing.T) {
			g := newGated(pool)
			data, id := string(decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(450, 300), arguments...))), fmt.Sprintf("image-%d", i)
			alone := newPlace(t, func(c *Config) { c.Decoders, c.Remote, c.Slots = pool, true, 1 })
			ahead := newPlace(t, withResults(t), func(c *Config) { c.Decoders, c.Remote, c.Slots, c.Queue = g, true, 1, 200 })
			alone.put(id+".jp2", data)
			ahead.put(id+".jp2", data)
			jobs := wall(t, ahead, id, 64, 1)
			atScreen(t, ahead, g, jobs, 8)
			before := ahead.Stats()
			if before.AheadJobs == 0 || before.Ahead < 5 || before.AheadUsed != 0 {
				t.Fatalf("%d tiles made ahead in %d decodes, %d asked for", before.Ahead, before.AheadJobs, before.AheadUsed)
			}
			ahead.saver.close()
			if n := ahead.results.(*store.Results).Stats().Entries; n > 4 { // with the index
				t.Errorf("%d results of 3 tiles asked for", n)
			}
			want, got := oneByOne(alone, wall(t, alone, id, 64, 1)), oneByOne(ahead, jobs)
			for r, body := range want {
				if got[r] != body {
					t.Errorf("%+v differs", r)
				}
			}
			s := ahead.Stats()
			if s.AheadUsed != before.Ahead || int(s.Decodes-before.Decodes) != len(jobs)-3-int(before.Ahead) {
				t.Errorf("%d of %d tiles made ahead were asked for; %d decodes for the other %d", s.AheadUsed, before.Ahead,
					s.Decodes-before.Decodes, len(jobs)-3-int(before.Ahead))
			}
			if s := alone.Stats(); s.Joint+s.Ahead != 0 {
				t.Errorf("alone: %+v", s)
			}
		})
	}
}

// TestComplete: a small resolution of which tiles are asked for one by one is made whole
// when a decoder has nothing to do; never with the only one.
func TestComplete(t *testing.T) {
	pool := newPool(t, 2)
	data := string(decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(450, 300), "-p", "RPCL", "-PLT", "-n", "4")))
	alone := newPlace(t, func(c *Config) { c.Decoders, c.Remote, c.Slots = pool, true, 1 })
	p := newPlace(t, withResults(t), func(c *Config) { c.Decoders, c.Remote, c.Slots = pool, true, 2 })
	alone.put("a.jp2", data)
	p.put("a.jp2", data)
	jobs := wall(t, p, "a", 64, 1)
	oneByOne(p, []tile.Job{jobs[3], jobs[20]})
	p.jobs.Wait()
	s := p.Stats()
	if int(s.Ahead) < len(jobs)-3 || s.Decodes != 2+s.AheadJobs {
		t.Fatalf("%d tiles, %+v", len(jobs), s)
	}
	want, got := oneByOne(alone, wall(t, alone, "a", 64, 1)), oneByOne(p, jobs)
	for r, body := range want {
		if got[r] != body {
			t.Errorf("%+v differs", r)
		}
	}
	if after := p.Stats(); after.Decodes != s.Decodes || alone.Stats().Ahead != 0 {
		t.Errorf("%d decodes after %d; alone %+v", after.Decodes, s.Decodes, alone.Stats())
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
