package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

// R6: a version that kills two children is not decoded again.
func TestQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.put("a.jp2", codestream(size, size, 6))
		p.fake.render = lost
		for x := range 4 {
			_, err := p.Render(t.Context(), p.jobOf("a", x))
			wantCode(t, err, tile.Broken)
			if lost := errors.Is(err, decoder.ErrLost); lost != (x < maxStrikes) {
				t.Errorf("request %d cost a child: %t", x, lost)
			}
		}
		_, err := p.Info(t.Context(), "a")
		wantCode(t, err, tile.Broken)
		time.Sleep(time.Hour)
		_, err = p.Info(t.Context(), "a.jp2")
		wantCode(t, err, tile.Broken)
		if n := p.fake.renders.Load(); n != 2 || p.Stats().Quarantined != 1 {
			t.Errorf("%d decodes, %+v; want 2, 1 in quarantine", n, p.Stats())
		}
		p.fake.render = nil
		p.Clear("b")
		_, err = p.Info(t.Context(), "a")
		wantCode(t, err, tile.Broken)
		p.Clear("a")
		_, err = p.Render(t.Context(), p.job("a", 0))
		wantCode(t, err, "")
		if s := p.Stats(); s.Quarantined != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// jobOf is job for an image whose Info may be refused.
func (p *place) jobOf(id string, x int) tile.Job {
	p.t.Helper()
	p.put("stand-in.jp2", codestream(size, size, 6))
	j := p.job("stand-in", x)
	o, err := p.source.Find(context.Background(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	j.ID, j.Version = id, o.Version
	return j
}

// The header of a file can kill as well; a single loss may have been bad luck.
func TestQuarantineOfInspections(t *testing.T) {
	p := newPlace(t)
	for key, losses := range map[string]int64{"unlucky.png": 1, "deadly.png": maxStrikes} {
		p.put(key, "\x89PNG\r\n\x1a\n")
		p.fake.looks.Store(0)
		p.fake.inspect = func(context.Context) (decoder.Facts, error) {
			if p.fake.looks.Load() <= losses {
				return decoder.Facts{}, errLost()
			}
			return decoder.Facts{Width: 1, Height: 1}, nil
		}
		for range losses {
			_, err := p.Info(t.Context(), key)
			wantCode(t, err, tile.Broken)
		}
		_, err := p.Info(t.Context(), key)
		if (err == nil) != (losses < maxStrikes) {
			t.Errorf("%s after %d losses: %v", key, losses, err)
		}
	}
}

func TestQuarantineEndsWithTheVersion(t *testing.T) {
	p := newPlace(t)
	p.put("a.jp2", codestream(size, size, 6))
	p.fake.render = lost
	for x := range 3 {
		_, err := p.Render(t.Context(), p.jobOf("a", x))
		if err == nil {
			t.Fatal("no error")
		}
	}
	p.fake.render = nil
	p.put("a.jp2", codestream(size, size, 5))
	_, err := p.Render(t.Context(), p.job("a", 0))
	wantCode(t, err, "")
}

func TestQuarantineForgivesOldStrikes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.put("a.jp2", codestream(size, size, 6))
		p.fake.render = lost
		for x := range 5 {
			_, err := p.Render(t.Context(), p.job("a", x))
			if !errors.Is(err, decoder.ErrLost) {
				t.Fatal(err)
			}
			time.Sleep(strikeWindow + 1)
		}
		if n := p.Stats().Quarantined; n != 0 {
			t.Errorf("%d in quarantine", n)
		}
	})
}

// However many ask at once, and whatever slots are free: two children at most.
func TestQuarantineUnderFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, func(c *Config) { c.Slots, c.Queue = 8, 1000 })
		p.put("a.jp2", codestream(size, size, 6))
		p.put("good.jp2", codestream(size, size, 6))
		good := p.job("good", 0)
		var running, most atomic.Int64
		p.fake.render = func(ctx context.Context, task decoder.Task) (decoder.Output, error) {
			if task.Region == good.Render.Region {
				return picture("fine"), nil
			}
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			time.Sleep(time.Second)
			return lost(ctx, task)
		}
		var group sync.WaitGroup
		for x := range 100 {
			job := p.job("a", 1+x)
			group.Go(func() {
				if _, err := p.Render(t.Context(), job); err == nil {
					t.Error("no error")
				}
			})
		}
		synctest.Wait()
		_, err := p.Render(t.Context(), good) // six slots are free
		wantCode(t, err, "")
		group.Wait()
		if n := p.fake.renders.Load() - 1; n != maxStrikes || most.Load() != maxStrikes {
			t.Errorf("%d children lost, %d at once; want %d", n, most.Load(), maxStrikes)
		}
	})
}

// A version that has been decoded well may use all slots.
func TestProvenImagesUseAllSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, func(c *Config) { c.Slots, c.Queue = 8, 100 })
		p.put("a.jp2", codestream(size, size, 6))
		began, release := p.held()
		var group sync.WaitGroup
		for x := range 20 {
			job := p.job("a", x)
			group.Go(func() {
				_, err := p.Render(t.Context(), job)
				wantCode(t, err, "")
			})
		}
		synctest.Wait()
		if n := len(began); n != maxStrikes {
			t.Errorf("%d at once before the first went well; want %d", n, maxStrikes)
		}
		release <- struct{}{}
		synctest.Wait()
		if s := p.Stats(); s.Running != 8 {
			t.Errorf("%d at once afterwards; want 8", s.Running)
		}
		close(release)
		group.Wait()
		if len(p.wards.known) != 0 {
			t.Errorf("%d wards left", len(p.wards.known))
		}
	})
}

func TestWardsAreBounded(t *testing.T) {
	all := newWards()
	for i := range maxStruck + 10 {
		w := all.of(wardKey{key: fmt.Sprint(i)})
		w.strike()
		w.strike()
		w.done()
	}
	if len(all.known) != maxStruck || len(all.struck) != maxStruck || all.condemned() != maxStruck {
		t.Errorf("%d known, %d struck, %d condemned; want %d", len(all.known), len(all.struck), all.condemned(), maxStruck)
	}
	if all.verdict(wardKey{key: "0"}) != nil || all.verdict(wardKey{key: "10"}) == nil {
		t.Error("not the oldest were forgotten")
	}
	all.clear(func(string) bool { return true })
	if len(all.known) != 0 || len(all.struck) != 0 {
		t.Errorf("%d known, %d struck after clearing", len(all.known), len(all.struck))
	}
}

func TestClearMeans(t *testing.T) {
	for _, c := range []struct {
		said, name string
		want       bool
	}{
		{"a/b", "a/b", true},
		{"a/b", "a/b.jp2", true},
		{"a/b", "a/b.TIF", true},
		{"a/b.jp2", "a/b.jp2", true},
		{"a/b.JP2", "a/b", true},
		{"a/b.jp2", "a/b.tif", false},
		{"a/b", "a/bc", false},
		{"a", "a/b", false},
		{"a/b", "a/b.v2", false},
	} {
		if got := meant(c.said, c.name); got != c.want {
			t.Errorf("%q means %q: %t", c.said, c.name, got)
		}
	}
}
