package flight

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type ctxKey struct{}

// TestThousandCallersOneRun is R15: a thousand equal calls, the leader leaves,
// everybody else has the one answer.
func TestThousandCallersOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group[string, int]
		var runs atomic.Int32
		release := make(chan struct{})
		work := func(context.Context) (int, error) {
			runs.Add(1)
			<-release
			return 42, nil
		}
		leader, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var joined, cancelled, answered atomic.Int32
		call := func(ctx context.Context) {
			v, j, err := g.Do(ctx, "k", work)
			if j {
				joined.Add(1)
			}
			switch {
			case errors.Is(err, context.Canceled):
				cancelled.Add(1)
			case err == nil && v == 42:
				answered.Add(1)
			}
		}
		wg.Go(func() { call(leader) })
		synctest.Wait()
		for range 999 {
			wg.Go(func() { call(t.Context()) })
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		close(release)
		wg.Wait()
		if runs.Load() != 1 || joined.Load() != 999 || cancelled.Load() != 1 || answered.Load() != 999 {
			t.Errorf("runs %d, joined %d, cancelled %d, answered %d; want 1, 999, 1, 999",
				runs.Load(), joined.Load(), cancelled.Load(), answered.Load())
		}
	})
}

func TestWorkEndsWithTheLastWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group[string, int]
		var ended error
		work := func(ctx context.Context) (int, error) {
			<-ctx.Done()
			ended = ctx.Err()
			return 0, ctx.Err()
		}
		first, leaveFirst := context.WithCancel(t.Context())
		last, leaveLast := context.WithCancel(t.Context())
		go func() { _, _, _ = g.Do(first, "k", work) }()
		go func() { _, _, _ = g.Do(last, "k", work) }()
		synctest.Wait()
		leaveFirst()
		synctest.Wait()
		if ended != nil {
			t.Fatal("the work ended although one caller still waits")
		}
		leaveLast()
		synctest.Wait()
		if !errors.Is(ended, context.Canceled) {
			t.Errorf("work ended with %v, want %v", ended, context.Canceled)
		}
	})
}

func TestLateComerBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group[string, string]
		unwind := make(chan struct{})
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			_, _, _ = g.Do(ctx, "k", func(ctx context.Context) (string, error) {
				<-ctx.Done()
				<-unwind // slow to notice that nobody waits any more
				return "", ctx.Err()
			})
		}()
		synctest.Wait()
		leave()
		synctest.Wait()

		second := make(chan struct{})
		joinedSecond := make(chan bool, 1)
		go func() {
			v, joined, err := g.Do(t.Context(), "k", func(context.Context) (string, error) {
				<-second
				return "fresh", nil
			})
			if v != "fresh" || joined || err != nil {
				t.Errorf("late comer got %q, joined %v, %v", v, joined, err)
			}
		}()
		synctest.Wait()
		close(unwind) // the old run ends while the new one is under way
		synctest.Wait()
		go func() {
			_, joined, _ := g.Do(t.Context(), "k", func(context.Context) (string, error) { return "third", nil })
			joinedSecond <- joined
		}()
		synctest.Wait()
		close(second)
		if !<-joinedSecond {
			t.Error("the end of the old run took the new one out of the group")
		}
	})
}

func TestWorkKeepsValuesNotDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group[int, string]
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), ctxKey{}, "request 7"), time.Second)
		defer cancel()
		v, _, err := g.Do(ctx, 1, func(ctx context.Context) (string, error) {
			if _, has := ctx.Deadline(); has {
				return "", errors.New("the leader's deadline reached the joined work")
			}
			value, _ := ctx.Value(ctxKey{}).(string)
			return value, nil
		})
		if v != "request 7" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
	})
}

func TestPanicReachesEveryWaiter(t *testing.T) {
	cause := errors.New("cause")
	cases := map[string]struct {
		end   func()
		is    error
		shown string
	}{
		"error":  {func() { panic(cause) }, cause, "cause"},
		"string": {func() { panic("boom") }, nil, "boom"},
		"goexit": {runtime.Goexit, nil, "ended its goroutine"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g Group[string, int]
				release := make(chan struct{})
				var wg sync.WaitGroup
				for range 3 {
					wg.Go(func() {
						_, _, err := g.Do(t.Context(), "k", func(context.Context) (int, error) {
							<-release
							c.end()
							return 1, nil
						})
						var p *PanicError
						if !errors.As(err, &p) || len(p.Stack) == 0 || !strings.Contains(err.Error(), c.shown) {
							t.Errorf("got %v, want a PanicError with a stack and %q", err, c.shown)
						}
						if c.is != nil && !errors.Is(err, c.is) {
							t.Errorf("%v does not unwrap to the panic's error", err)
						}
					})
				}
				synctest.Wait()
				close(release)
				wg.Wait()
				if v, _, err := g.Do(t.Context(), "k", func(context.Context) (int, error) { return 2, nil }); v != 2 || err != nil {
					t.Errorf("the key stays broken after a panic: %d, %v", v, err)
				}
			})
		})
	}
}

func TestEndedContextStartsNothing(t *testing.T) {
	var g Group[string, int]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := g.Do(ctx, "k", func(context.Context) (int, error) {
		t.Error("work was started for a caller that had left")
		return 0, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOutcomeIsNotKept(t *testing.T) {
	var g Group[string, int]
	for want := range 3 {
		v, joined, err := g.Do(t.Context(), "k", func(context.Context) (int, error) { return want, nil })
		if v != want || joined || err != nil {
			t.Errorf("call %d: %d, joined %v, %v", want, v, joined, err)
		}
	}
	if len(g.calls) != 0 {
		t.Errorf("%d keys left behind", len(g.calls))
	}
}

func TestKeysAreApart(t *testing.T) {
	var g Group[int, string]
	var wg sync.WaitGroup
	for key := range 50 {
		wg.Go(func() {
			want := fmt.Sprint(key)
			v, _, err := g.Do(t.Context(), key, func(context.Context) (string, error) {
				runtime.Gosched()
				return want, nil
			})
			if v != want || err != nil {
				t.Errorf("key %d: %q, %v", key, v, err)
			}
		})
	}
	wg.Wait()
}

func BenchmarkDo(b *testing.B) {
	var g Group[int, int]
	work := func(context.Context) (int, error) { return 1, nil }
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := g.Do(b.Context(), i, work); err != nil {
			b.Fatal(err)
		}
	}
}
