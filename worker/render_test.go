package worker

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

const size = 20000

func TestRender(t *testing.T) {
	p := newPlace(t, withResults(t))
	p.put("maps/a.jp2", codestream(size, size, 6))
	var task decoder.Task
	p.fake.render = func(_ context.Context, t decoder.Task) (decoder.Output, error) {
		task = t
		b := make([]byte, 4)
		_, err := t.File.ReadAt(b, 0)
		return picture("pixels of " + string(b)), err
	}
	job := p.job("maps/a", 512)
	job.Render.Region.W, job.Render.Region.H = 1024, 1024
	job.Render.Mirror, job.Render.Degrees, job.Render.Quality = true, 22.5, "gray"
	res, err := p.Render(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	want := "pixels of " + codestream(1, 1, 1)[:4]
	if got := read(t, res); got != want || res.Type != "image/jpeg" || res.Cache != tile.FromMiss || res.Worker != "w1" {
		t.Errorf("rendered %q: %+v", got, res)
	}
	if res.Timing.Decode != 3*time.Millisecond || res.Timing.Encode != time.Millisecond || res.Timing.Fetch <= 0 {
		t.Errorf("timing %+v", res.Timing)
	}
	if task.Format != tile.J2K || task.Region != job.Render.Region || task.Reduce != 2 || task.Width != 256 || task.Height != 256 ||
		!task.Mirror || task.Degrees != 22.5 || task.Quality != "gray" || task.Output != "jpg" || task.JPEGQuality != 80 {
		t.Errorf("task %+v", task)
	}
	p.fake.render = lost
	for range 3 { // from behind the writer's back, and from disk
		res, err := p.Render(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, res); got != want || res.Type != "image/jpeg" || res.Cache != tile.FromWorker || res.Worker != "w1" {
			t.Errorf("kept %q: %+v", got, res)
		}
		p.saver.close()
	}
	if n := p.fake.renders.Load(); n != 1 {
		t.Errorf("%d decodes; want 1", n)
	}
}

func TestRenderFailures(t *testing.T) {
	p := newPlace(t, withResults(t))
	p.put("a.jp2", codestream(size, size, 6))
	p.put("bad.jp2", "\xff\x4f\xff\x51 and nothing more")
	job := p.job("a", 0)

	missing := job
	missing.ID = "none"
	_, err := p.Render(t.Context(), missing)
	wantCode(t, err, tile.NotFound)

	other := job
	other.Version = "another"
	_, err = p.Render(t.Context(), other)
	wantCode(t, err, tile.Changed)

	_, infoErr := p.Info(t.Context(), "bad")
	wantCode(t, infoErr, tile.Broken)
	o, err := p.source.Find(t.Context(), "bad")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Render(t.Context(), tile.Job{ID: "bad", Version: o.Version, Render: job.Render})
	wantCode(t, err, tile.Broken)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Render(ended, job)
	wantCode(t, err, tile.Cancelled)

	if n := p.fake.renders.Load(); n != 0 {
		t.Errorf("%d decodes; want none", n)
	}
	// What a decoder says is passed on and not kept.
	for _, code := range []tile.Code{tile.Broken, tile.Invalid, tile.Internal, tile.Timeout} {
		p.fake.render = func(context.Context, decoder.Task) (decoder.Output, error) {
			return decoder.Output{}, tile.Fail(code, "", nil)
		}
		_, err = p.Render(t.Context(), job)
		wantCode(t, err, code)
	}
	p.fake.render = func(context.Context, decoder.Task) (decoder.Output, error) {
		out := picture("short")
		out.Size++
		return out, nil
	}
	_, err = p.Render(t.Context(), job)
	wantCode(t, err, tile.Internal)
	p.fake.render = func(context.Context, decoder.Task) (decoder.Output, error) { panic("in a decoder") }
	_, err = p.Render(t.Context(), job)
	wantCode(t, err, tile.Internal)
	p.fake.render = nil
	res, err := p.Render(t.Context(), job)
	wantCode(t, err, "")
	read(t, res)
	if s := p.Stats(); s.Running != 0 || s.Waiting != 0 || s.Decodes != 7 {
		t.Errorf("stats %+v", s)
	}
}

func TestRenderTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, func(c *Config) { c.Limits.Timeout = 5 * time.Second })
		p.put("a.jp2", codestream(size, size, 6))
		job := p.job("a", 0)
		p.held()
		start := time.Now()
		_, err := p.Render(t.Context(), job)
		wantCode(t, err, tile.Timeout)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %v; want 5s", took)
		}
	})
}

// A job whose version went while it was waiting costs no decode.
func TestRenderNoticesReplacementInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, func(c *Config) { c.Slots = 1 })
		p.put("a.jp2", codestream(size, size, 6))
		p.put("b.jp2", codestream(size, size, 6))
		first, second := p.job("a", 0), p.job("b", 0)
		began, release := p.held()
		var group sync.WaitGroup
		group.Go(func() {
			_, err := p.Render(t.Context(), first)
			wantCode(t, err, "")
		})
		<-began
		group.Go(func() {
			_, err := p.Render(t.Context(), second)
			wantCode(t, err, tile.Changed)
		})
		synctest.Wait()
		p.put("b.jp2", codestream(size, size, 5))
		close(release)
		group.Wait()
		if n := p.fake.renders.Load(); n != 1 {
			t.Errorf("%d decodes; want 1", n)
		}
	})
}

// R25: what was opened before a replacement is one whole version; what was written to
// while it was read is none.
func TestRenderOfAFileInChange(t *testing.T) {
	p := newPlace(t, withResults(t))
	p.put("a.jp2", codestream(size, size, 6))
	replaced := p.job("a", 0)
	p.fake.render = func(_ context.Context, task decoder.Task) (decoder.Output, error) {
		p.put("a.jp2", codestream(size, size, 5))
		b, err := io.ReadAll(task.File)
		return picture(string(b)), err
	}
	res, err := p.Render(t.Context(), replaced)
	if err != nil || read(t, res) != codestream(size, size, 6) {
		t.Errorf("replaced while open: %v; want the old bytes", err)
	}
	p.fake.render = nil
	written := p.job("a", 0)
	p.fake.render = func(context.Context, decoder.Task) (decoder.Output, error) {
		return picture("mixed"), os.WriteFile(filepath.Join(p.root, "a.jp2"), []byte(codestream(size, size, 4)), 0o644)
	}
	_, err = p.Render(t.Context(), written)
	wantCode(t, err, tile.Changed)
	_, err = p.Render(t.Context(), written)
	wantCode(t, err, tile.Changed)
	if n := p.fake.renders.Load(); n != 2 {
		t.Errorf("%d decodes; want 2", n)
	}
}

// Writing that falls behind drops results, and never holds anybody up.
func TestSaverIsBounded(t *testing.T) {
	s := &saver{unsaved: make(map[tile.Key]*rendition), queue: make(chan tile.Key, 3)}
	for i := range 5 {
		s.save(tile.Key{ID: string(rune('a' + i))}, &rendition{size: 1, data: []byte("x")})
	}
	if len(s.unsaved) != 3 || s.dropped.Load() != 2 {
		t.Errorf("%d waiting, %d dropped; want 3, 2", len(s.unsaved), s.dropped.Load())
	}
	s = &saver{unsaved: make(map[tile.Key]*rendition), queue: make(chan tile.Key, 100)}
	for i := range 20 {
		s.save(tile.Key{ID: string(rune('a' + i))}, &rendition{size: memoryBody})
	}
	if s.bytes != maxUnsavedBytes || s.dropped.Load() != 4 {
		t.Errorf("%d bytes waiting, %d dropped; want %d, 4", s.bytes, s.dropped.Load(), maxUnsavedBytes)
	}
}

func BenchmarkRenderKept(b *testing.B) {
	p := newPlace(b, withResults(b))
	p.put("a.jp2", codestream(size, size, 6))
	p.fake.render = func(context.Context, decoder.Task) (decoder.Output, error) {
		return picture(strings.Repeat("x", 20_000)), nil
	}
	job := p.job("a", 0)
	res, err := p.Render(b.Context(), job)
	if err != nil {
		b.Fatal(err)
	}
	read(b, res)
	p.saver.close()
	for b.Loop() {
		res, err := p.Render(context.Background(), job)
		if err != nil || res.Cache != tile.FromWorker {
			b.Fatal(err, res.Cache)
		}
	}
}
