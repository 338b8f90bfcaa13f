package again

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cluster answers each asking as its number says. Faults of the bus that need a worker
// to die at the right moment are tested with real ones in tests/cluster.
type cluster struct {
	tile.Library
	asked  atomic.Int32
	answer func(ctx context.Context, nth int32) (string, error)
	closed atomic.Int32
}

func (c *cluster) Info(ctx context.Context, _ string) (tile.Image, error) {
	version, err := c.answer(ctx, c.asked.Add(1))
	return tile.Image{Version: version}, err
}

func (c *cluster) Render(ctx context.Context, _ tile.Job) (tile.Result, error) {
	text, err := c.answer(ctx, c.asked.Add(1))
	return tile.Result{Body: &counted{strings.NewReader(text), ctx, &c.closed}}, err
}

// counted is a body that ends with the context it was asked with.
type counted struct {
	io.Reader
	ctx    context.Context
	closed *atomic.Int32
}

func (c *counted) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, c.ctx.Err()
	}
	return c.Reader.Read(p)
}

func (c *counted) Close() error {
	c.closed.Add(1)
	return nil
}

func (c *cluster) workers() *Workers {
	return NewWorkers(c, c)
}

func hang(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func fail(code tile.Code) error { return tile.Fail(code, "", nil) }

func TestSecondAsking(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer func(ctx context.Context, nth int32) (string, error)
		want   string
		code   tile.Code
		asked  int32
		within time.Duration
	}{
		{"all is well", func(context.Context, int32) (string, error) { return "a", nil }, "a", "", 1, 0},
		{"nobody was there", func(_ context.Context, n int32) (string, error) {
			if n == 1 {
				return "", fail(tile.Unavailable)
			}
			return "b", nil
		}, "b", "", 2, 50 * time.Millisecond},
		{"R13: nobody is there", func(context.Context, int32) (string, error) { return "", fail(tile.Unavailable) }, "", tile.Unavailable, 2, 50 * time.Millisecond},
		{"a worker that stops", func(_ context.Context, n int32) (string, error) {
			if n == 1 {
				return "", fail(tile.Cancelled)
			}
			return "b", nil
		}, "b", "", 2, 50 * time.Millisecond},
		{"an answer is an answer", func(context.Context, int32) (string, error) { return "", fail(tile.NotFound) }, "", tile.NotFound, 1, 0},
		{"busy is not asked for twice", func(context.Context, int32) (string, error) { return "", fail(tile.Busy) }, "", tile.Busy, 1, 0},
		{"R12: a worker that dies at work", func(ctx context.Context, n int32) (string, error) {
			if n == 1 {
				return hang(ctx)
			}
			return "b", nil
		}, "b", "", 2, 300 * time.Millisecond},
		{"the hedge finds nobody, the first comes", func(_ context.Context, n int32) (string, error) {
			if n == 1 {
				time.Sleep(time.Second)
				return "a", nil
			}
			return "", fail(tile.Unavailable)
		}, "a", "", 2, time.Second},
		{"R9: the hedge finds a full worker, the first comes", func(_ context.Context, n int32) (string, error) {
			if n == 1 {
				time.Sleep(time.Second)
				return "a", nil
			}
			return "", fail(tile.Busy)
		}, "a", "", 2, time.Second},
		{"both hang", func(ctx context.Context, _ int32) (string, error) { return hang(ctx) }, "", tile.Timeout, 2, 10 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &cluster{answer: row.answer}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				began := time.Now()
				img, err := c.workers().Info(ctx, "x")
				if img.Version != row.want || tile.CodeOf(err) != row.code || c.asked.Load() != row.asked {
					t.Errorf("got %q, %v after %d askings", img.Version, err, c.asked.Load())
				}
				if took := time.Since(began); took > row.within {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// The winner's body is read in a context that lives, the loser's is closed.
func TestBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{answer: func(ctx context.Context, n int32) (string, error) {
			if n == 1 {
				<-ctx.Done() // answers in spite of it
			}
			return "pixels", nil
		}}
		r, err := c.workers().Render(t.Context(), tile.Job{})
		if err != nil {
			t.Fatal(err)
		}
		if c.closed.Load() != 1 {
			t.Errorf("%d bodies closed before the winner is read, want the loser's", c.closed.Load())
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "pixels" {
			t.Errorf("%q, %v", body, err)
		}
		if err := errors.Join(r.Body.Close(), r.Body.Close()); err != nil {
			t.Error(err)
		}
	})
}

// What is dear is not made by two workers at once, but asked for again where the first is
// lost.
func TestLargeRenderings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{answer: func(_ context.Context, n int32) (string, error) {
			time.Sleep(20 * time.Second)
			if n == 1 {
				return "", fail(tile.Cancelled)
			}
			return "pixels", nil
		}}
		r, err := c.workers().Render(t.Context(), tile.Job{Render: iiifurl.Resolved{Width: 4000, Height: 3000}})
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if n := c.asked.Load(); n != 2 {
			t.Errorf("asked %d times", n)
		}
	})
}

// When everything is slow, at most one in twenty is asked for twice, once what may be
// spent at a moment is spent.
func TestHedgesAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{answer: func(ctx context.Context, _ int32) (string, error) {
			time.Sleep(20 * time.Second)
			return "a", nil
		}}
		w := c.workers()
		w.facts.usual.latest = w.facts.usual.soonest // what is usual stays the same
		const n = 2000
		for range n {
			_, _ = w.Info(t.Context(), "x")
		}
		if extra := c.asked.Load() - n; extra > maxHedges+n/20+1 || extra < n/20-1 {
			t.Errorf("%d of %d were asked for twice", extra, n)
		}
	})
}

func TestUsual(t *testing.T) {
	q := quantile{soonest: time.Millisecond, latest: time.Hour, value: time.Millisecond}
	for i := range 100_000 {
		q.add(time.Duration(i%100) * time.Millisecond)
	}
	if got := q.get(); got < 85*time.Millisecond || got > 105*time.Millisecond {
		t.Errorf("95 of 100 take less than %s", got)
	}
}

type silentAuthority struct{ session.Authority }

func (silentAuthority) Lookup(context.Context, session.Kind, session.Hash) (session.Credential, error) {
	return session.Credential{}, session.ErrUnknown
}

func (silentAuthority) Identity(context.Context, string, string) (session.Credential, error) {
	return session.Credential{}, session.ErrUnknown
}

// What the authority says of a secret is passed on as it is.
func TestAuthority(t *testing.T) {
	a := NewAuthority(silentAuthority{})
	if _, err := a.Lookup(t.Context(), session.KindSession, session.Hash{}); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if _, err := a.Identity(t.Context(), "issuer", "subject"); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("got %v", err)
	}
}
