package worker

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// open is a gate that is never shut.
type open struct{}

func (open) enter() bool { return true }
func (open) leave()      {}

// shut is a gate that lets in while it is not shut.
type shut struct{ is bool }

func (s *shut) enter() bool { return !s.is }
func (s *shut) leave()      {}

// crowd runs callers of an admission inside a bubble, and notes in which order they
// begin.
type crowd struct {
	*admission
	t     *testing.T
	group sync.WaitGroup
	mu    sync.Mutex
	began []string
	ends  map[string]chan struct{}
	errs  map[string]error
}

func newCrowd(t *testing.T, slots, bound int) *crowd {
	return &crowd{admission: newAdmission(slots, bound), t: t, ends: map[string]chan struct{}{}, errs: map[string]error{}}
}

// come sends a caller and waits until it runs, waits or was refused.
func (c *crowd) come(ctx context.Context, name string, l lane, g gate) {
	end := make(chan struct{})
	c.ends[name] = end
	c.group.Go(func() {
		leave, _, err := c.enter(ctx, l, g)
		c.mu.Lock()
		if c.errs[name] = err; err == nil {
			c.began = append(c.began, name)
		}
		c.mu.Unlock()
		if err == nil {
			<-end
			leave()
		}
	})
	synctest.Wait()
}

func (c *crowd) end(name string) {
	close(c.ends[name])
	synctest.Wait()
}

func (c *crowd) want(names ...string) {
	c.t.Helper()
	if !slices.Equal(c.began, names) {
		c.t.Errorf("began %q; want %q", c.began, names)
	}
}

// rest lets everybody through.
func (c *crowd) rest() {
	for i := 0; i < len(c.began); i++ {
		select {
		case <-c.ends[c.began[i]]:
		default:
			c.end(c.began[i])
		}
	}
	c.group.Wait()
	if s := c.stats(); s.Running != 0 || s.Waiting != 0 {
		c.t.Errorf("left over: %+v", s)
	}
}

func TestAdmissionNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 3)
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			c.come(t.Context(), name, tiles, open{})
		}
		// R9: refused at once, not after a while.
		wantCode(t, c.errs["e"], tile.Busy)
		wantCode(t, c.errs["f"], tile.Busy)
		if s := c.stats(); s.Running != 1 || s.Waiting != 3 || s.Refused != 2 {
			t.Errorf("stats %+v", s)
		}
		c.rest()
		c.want("a", "d", "c", "b")
	})
}

// R11: what has waited long in a full queue makes room for newcomers.
func TestAdmissionDropsTheStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 2)
		for _, name := range []string{"a", "b", "c"} {
			c.come(t.Context(), name, tiles, open{})
		}
		time.Sleep(stale - time.Nanosecond)
		c.come(t.Context(), "d", tiles, open{})
		wantCode(t, c.errs["d"], tile.Busy)
		time.Sleep(time.Nanosecond)
		c.come(t.Context(), "e", tiles, open{})
		wantCode(t, c.errs["b"], tile.Busy)
		c.rest()
		c.want("a", "e", "c")
	})
}

// The outlook is what entering would come to, without entering.
func TestAdmissionOutlook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 1)
		outlook := func(want tile.Code) {
			t.Helper()
			if err := c.outlook(tiles); (err != nil) != (want != "") {
				t.Errorf("outlook %v; want %q", err, want)
			} else if want != "" {
				wantCode(t, err, want)
			}
		}
		outlook("")
		c.come(t.Context(), "a", tiles, open{})
		outlook("")
		c.come(t.Context(), "b", tiles, open{})
		outlook(tile.Busy)
		if s := c.stats(); s.Refused != 1 || s.Waiting != 1 {
			t.Errorf("stats %+v", s)
		}
		time.Sleep(stale) // from now on b would have to go
		outlook("")
		c.rest()
		c.want("a", "b")
	})
}

func TestAdmissionWithoutQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 0)
		c.come(t.Context(), "a", tiles, open{})
		c.come(t.Context(), "b", tiles, open{})
		wantCode(t, c.errs["b"], tile.Busy)
		c.rest()
	})
}

// R10: whoever's time is spent leaves the queue at once and never begins.
func TestAdmissionForgetsWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 3)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c.come(t.Context(), "a", tiles, open{})
		c.come(short, "b", tiles, open{})
		c.come(t.Context(), "c", tiles, open{})
		time.Sleep(time.Second)
		synctest.Wait()
		wantCode(t, c.errs["b"], tile.Timeout)
		if s := c.stats(); s.Waiting != 1 || s.Abandoned != 1 {
			t.Errorf("stats %+v", s)
		}
		c.rest()
		c.want("a", "c")
	})
}

// A turn given at the very moment its caller leaves goes to the next.
func TestAdmissionLosesNoSlot(t *testing.T) {
	a := newAdmission(2, 1000)
	var group sync.WaitGroup
	for i := range 500 {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%50)*20*time.Microsecond)
			defer cancel()
			leave, _, err := a.enter(ctx, lane(i%2), open{})
			if err == nil {
				leave()
			}
		})
	}
	group.Wait()
	if s := a.stats(); s.Running != 0 || s.Waiting != 0 || s.RunningExports != 0 {
		t.Errorf("left over: %+v", s)
	}
}

// R16: exports leave a slot to tiles, and tiles cannot shut exports out.
func TestAdmissionLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 3, 100)
		for _, name := range []string{"x1", "x2", "x3", "x4"} {
			c.come(t.Context(), name, exports, open{})
		}
		c.want("x1", "x2")
		c.come(t.Context(), "t1", tiles, open{})
		c.want("x1", "x2", "t1")
		c.come(t.Context(), "t2", tiles, open{})
		c.end("x1")
		c.want("x1", "x2", "t1", "t2") // tiles first
		c.end("t1")
		c.want("x1", "x2", "t1", "t2", "x4")
		c.rest()
	})
}

func TestAdmissionOfOneSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 100)
		c.come(t.Context(), "x1", exports, open{})
		c.want("x1")
		c.rest()
	})
}

// An export waits for so many tiles and no more.
func TestAdmissionPatienceOfExports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 100)
		c.come(t.Context(), "first", tiles, open{})
		c.come(t.Context(), "export", exports, open{})
		running := "first"
		for i := range 3 * patience {
			name := string(rune('A' + i))
			c.come(t.Context(), name, tiles, open{})
			c.end(running)
			running = c.began[len(c.began)-1]
		}
		if at := slices.Index(c.began, "export"); at != patience+1 {
			t.Errorf("the export was number %d; want %d", at, patience+1)
		}
		c.rest()
	})
}

// Whoever waits for a gate does not keep a free slot from others, even when such
// fill the queue.
func TestAdmissionPassesShutGates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 2, 2)
		g := &shut{is: true}
		c.come(t.Context(), "a", tiles, open{})
		c.come(t.Context(), "w1", tiles, g)
		c.come(t.Context(), "w2", tiles, g)
		c.come(t.Context(), "w3", tiles, g)
		wantCode(t, c.errs["w3"], tile.Busy)
		c.come(t.Context(), "b", tiles, open{})
		c.want("a", "b")
		g.is = false
		c.end("a")
		c.want("a", "b", "w2")
		c.rest()
		c.want("a", "b", "w2", "w1")
	})
}

// Work for nobody begins in a slot that nobody waits for, one at a time, and never in
// the only one.
func TestAdmissionSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 3, 4)
		c.come(t.Context(), "a", tiles, open{})
		c.come(t.Context(), "spare", spare, open{})
		c.come(t.Context(), "another", spare, open{})
		c.want("a", "spare")
		c.come(t.Context(), "b", tiles, open{})
		c.come(t.Context(), "c", tiles, open{})
		c.end("spare")
		c.want("a", "spare", "b", "c")
		c.end("a")
		c.want("a", "spare", "b", "c", "another")
		c.rest()
	})
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 4)
		ctx, leave := context.WithCancel(t.Context())
		c.come(ctx, "spare", spare, open{})
		c.want()
		leave()
		synctest.Wait()
		c.rest()
	})
}
