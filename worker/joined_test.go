package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

// held makes decoders wait until the test lets them go, and tells when one began.
func (p *place) held() (began chan decoder.Task, release chan struct{}) {
	began, release = make(chan decoder.Task, 1000), make(chan struct{})
	p.fake.render = func(ctx context.Context, t decoder.Task) (decoder.Output, error) {
		began <- t
		select {
		case <-release:
			return picture("pixels"), nil
		case <-ctx.Done():
			return decoder.Output{}, ctx.Err()
		}
	}
	return began, release
}

// R15: a thousand equal requests cost one decode, and the first one's leaving fails
// none of the others.
func TestRenderJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, withResults(t))
		p.put("a.jp2", codestream(size, size, 6))
		job := p.job("a", 0)
		began, release := p.held()
		leader, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			_, err := p.Render(leader, job)
			wantCode(t, err, tile.Cancelled)
		})
		<-began
		var bodies, fresh atomic.Int64
		for range 999 {
			group.Go(func() {
				res, err := p.Render(t.Context(), job)
				if err != nil {
					t.Error(err)
					return
				}
				if read(t, res) == "pixels" {
					bodies.Add(1)
				}
				if res.Cache == tile.FromMiss {
					fresh.Add(1)
				}
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(release)
		group.Wait()
		if bodies.Load() != 999 || fresh.Load() != 0 || p.fake.renders.Load() != 1 {
			t.Errorf("%d bodies, %d of them unjoined, %d decodes; want 999, 0, 1", bodies.Load(), fresh.Load(), p.fake.renders.Load())
		}
	})
}

// Requests that keep coming while the first outcome is being written still cost one
// decode.
func TestRenderOnceWithoutPause(t *testing.T) {
	p := newPlace(t, withResults(t))
	p.put("a.jp2", codestream(size, size, 6))
	for round := range 20 {
		job := p.job("a", round)
		var group sync.WaitGroup
		for range 200 {
			group.Go(func() {
				res, err := p.Render(t.Context(), job)
				if err != nil {
					t.Error(err)
					return
				}
				read(t, res)
			})
		}
		group.Wait()
		if n := p.fake.renders.Load(); n != int64(round+1) {
			t.Fatalf("%d decodes after %d pictures", n, round+1)
		}
	}
}

func TestRenderStopsWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.put("a.jp2", codestream(size, size, 6))
		job := p.job("a", 0)
		began, _ := p.held()
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				_, err := p.Render(ctx, job)
				wantCode(t, err, tile.Cancelled)
			})
		}
		<-began
		cancel()
		group.Wait()
		synctest.Wait()
		if s := p.Stats(); s.Running != 0 {
			t.Errorf("a decode goes on for nobody: %+v", s)
		}
	})
}

// Closing waits, but not for ever.
func TestCloseInAHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, withResults(t))
		p.put("a.jp2", codestream(size, size, 6))
		job := p.job("a", 0)
		began, _ := p.held()
		var group sync.WaitGroup
		group.Go(func() {
			_, err := p.Render(t.Context(), job)
			wantCode(t, err, tile.Cancelled)
		})
		<-began
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("Close = %v after %v", err, time.Since(start))
		}
		group.Wait()
	})
}
