package worker

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

// spooled is the file of a large result, and knows whether it was closed.
type spooled struct {
	*os.File
	closed atomic.Bool
}

func (s *spooled) Close() error {
	if s.closed.Swap(true) {
		return errors.New("closed twice")
	}
	return s.File.Close()
}

// large makes the decoders give out files with this content.
func (p *place) large(body string) *spooled {
	p.t.Helper()
	f, err := os.CreateTemp(p.t.TempDir(), "")
	if err == nil {
		_, err = io.WriteString(f, body)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	s := &spooled{File: f}
	p.fake.render = func(context.Context, decoder.Task) (decoder.Output, error) {
		return decoder.Output{Type: "image/jpeg", Size: int64(len(body)), Body: s}, nil
	}
	return s
}

func TestRenderSharesLargeResults(t *testing.T) {
	for name, keep := range map[string]bool{"kept": true, "not kept": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { sharesLarge(t, keep) })
		})
	}
}

func sharesLarge(t *testing.T, keep bool) {
	change := func(*Config) {}
	if keep {
		change = withResults(t)
	}
	p := newPlace(t, change)
	p.put("a.jp2", codestream(size, size, 6))
	job := export(p.job("a", 0))
	body := strings.Repeat("0123456789", 500_000)
	file := p.large(body)
	give, release := p.fake.render, make(chan struct{})
	p.fake.render = func(ctx context.Context, task decoder.Task) (decoder.Output, error) {
		<-release
		return give(ctx, task)
	}
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			res, err := p.Render(t.Context(), job)
			if err != nil {
				t.Error(err)
				return
			}
			if read(t, res) != body {
				t.Error("another body")
			}
		})
	}
	synctest.Wait()
	close(release)
	group.Wait()
	p.saver.close()
	if !file.closed.Load() {
		t.Error("the file stayed open")
	}
	if n := p.fake.renders.Load(); n != 1 {
		t.Errorf("%d decodes; want 1", n)
	}
	if !keep {
		return
	}
	res, err := p.Render(t.Context(), job)
	if err != nil || res.Cache != tile.FromWorker || read(t, res) != body {
		t.Errorf("from the cache: %v, %q", err, res.Cache)
	}
}

// A reader that never closes its body keeps only its own hold.
func TestRenderLargeResultOutlivesItsCallers(t *testing.T) {
	p := newPlace(t)
	p.put("a.jp2", codestream(size, size, 6))
	body := strings.Repeat("x", memoryBody+1)
	file := p.large(body)
	res, err := p.Render(t.Context(), export(p.job("a", 0)))
	if err != nil {
		t.Fatal(err)
	}
	if file.closed.Load() {
		t.Fatal("closed before it was read")
	}
	if read(t, res) != body || !file.closed.Load() {
		t.Error("not closed after it was read")
	}
	if err := res.Body.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

// When all have left before the outcome, its file goes too.
func TestRenderLargeResultForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.put("a.jp2", codestream(size, size, 6))
		file := p.large(strings.Repeat("x", memoryBody+1))
		give := p.fake.render
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan struct{})
		p.fake.render = func(ctx context.Context, task decoder.Task) (decoder.Output, error) {
			cancel()
			<-gone
			return give(ctx, task)
		}
		_, err := p.Render(ctx, export(p.job("a", 0)))
		wantCode(t, err, tile.Cancelled)
		close(gone)
		synctest.Wait()
		if !file.closed.Load() {
			t.Error("the file stayed open")
		}
	})
}

func TestRenderRefusesALargeBodyThatCannotBeShared(t *testing.T) {
	p := newPlace(t)
	p.put("a.jp2", codestream(size, size, 6))
	p.fake.render = func(context.Context, decoder.Task) (decoder.Output, error) {
		return picture(strings.Repeat("x", memoryBody+1)), nil
	}
	_, err := p.Render(t.Context(), p.job("a", 0))
	wantCode(t, err, tile.Internal)
}
