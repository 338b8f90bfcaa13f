package worker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// lane separates what a viewer waits for from what takes long, so that exports of
// whole images never starve tiles.
type lane int

const (
	tiles lane = iota
	exports
	spare // for nobody: one at a time, where a slot is free and nobody waits, but never the only slot
	lanes
)

const (
	// patience is how many tiles may overtake an export that waits.
	patience = 16
	// stale is how long the oldest of a full queue keeps its place against newcomers:
	// whoever asked it has probably moved on.
	stale = 250 * time.Millisecond
)

// admission hands out slots. It never makes anybody wait for a place in the queue:
// that is bounded for each lane, and a full one refuses. Among the waiting the newest
// goes first, because under overload the oldest are those nobody looks at any more.
// Exports take at most all slots but one.
type admission struct {
	slots int
	bound int // waiting, in each lane

	mu        sync.Mutex
	running   [lanes]int
	waiting   [lanes][]*ticket // oldest first
	overtaken int              // tiles begun since an export could have been
	counts    Stats
}

// gate is asked, under the admission's lock, whether a ticket may begin now. A true
// answer is a promise to call leave.
type gate interface {
	enter() bool
	leave()
}

type ticket struct {
	lane  lane
	gate  gate
	since time.Time
	turn  chan error // has room for one: nil to begin, or why not
}

func newAdmission(slots, bound int) *admission {
	return &admission{slots: slots, bound: bound}
}

// enter waits for a slot. It returns tile.Busy at once where the queue is full, and
// ctx's error when that ends first. The caller calls leave after a nil error.
func (a *admission) enter(ctx context.Context, l lane, g gate) (leave func(), queued time.Duration, err error) {
	t := &ticket{lane: l, gate: g, since: time.Now(), turn: make(chan error, 1)}
	if err := a.join(t); err != nil {
		return nil, 0, err
	}
	select {
	case err = <-t.turn:
	case <-ctx.Done():
		a.abandon(t)
		return nil, 0, ctx.Err()
	}
	if err != nil {
		return nil, 0, err
	}
	if ctx.Err() != nil { // both were ready: nobody waits any more
		a.leave(t)
		return nil, 0, ctx.Err()
	}
	queued = time.Since(t.since)
	a.note(queued)
	return func() { a.leave(t) }, queued, nil
}

// lately is how many renderings weigh in the average wait.
const lately = 16

func (a *admission) note(queued time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts.Queued += (queued - a.counts.Queued) / lately
}

func errBusy() error {
	return tile.Fail(tile.Busy, "too many images are being made: try again shortly", nil)
}

// join starts the ticket or puts it into the queue. Whoever already waits while a
// slot is free waits for its gate, so passing them by is fair.
func (a *admission) join(t *ticket) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.free(t.lane) && t.gate.enter() {
		a.begin(t)
		return nil
	}
	if a.full(t.lane, t.since) {
		a.counts.Refused++
		return errBusy()
	}
	if len(a.waiting[t.lane]) >= a.bound {
		a.dropStale(t.lane)
	}
	a.waiting[t.lane] = append(a.waiting[t.lane], t)
	return nil
}

// outlook refuses whom enter would refuse now, so that nothing is prepared in vain.
func (a *admission) outlook(l lane) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.free(l) || !a.full(l, time.Now()) {
		return nil
	}
	a.counts.Refused++
	return errBusy()
}

// full tells whether the lane has no place, nor one that it could take back.
func (a *admission) full(l lane, now time.Time) bool {
	w := a.waiting[l]
	return len(w) >= a.bound && (a.bound == 0 || now.Sub(w[0].since) < stale)
}

// dropStale refuses the oldest of the lane in favour of a newcomer.
func (a *admission) dropStale(l lane) {
	a.waiting[l][0].turn <- errBusy()
	a.waiting[l] = slices.Delete(a.waiting[l], 0, 1)
	a.counts.Refused++
}

// rest tells how many slots are free, and how many wait for one in a lane.
func (a *admission) rest(l lane) (free, waiting int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.slots - a.busy(), len(a.waiting[l])
}

func (a *admission) busy() int { return a.running[tiles] + a.running[exports] + a.running[spare] }

func (a *admission) free(l lane) bool {
	if a.busy() >= a.slots {
		return false
	}
	switch l {
	case exports:
		return a.running[exports] < max(1, a.slots-1)
	case spare:
		return a.running[spare] == 0 && a.slots > 1 && len(a.waiting[tiles])+len(a.waiting[exports]) == 0
	}
	return true
}

func (a *admission) begin(t *ticket) {
	a.running[t.lane]++
	a.counts.Decodes++
	switch {
	case t.lane == exports || len(a.waiting[exports]) == 0:
		a.overtaken = 0
	default:
		a.overtaken++
	}
	t.turn <- nil
}

func (a *admission) leave(t *ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running[t.lane]--
	t.gate.leave()
	for a.next() {
	}
}

// abandon takes a ticket back whose caller has left, wherever it has got to.
func (a *admission) abandon(t *ticket) {
	a.mu.Lock()
	i := slices.Index(a.waiting[t.lane], t)
	if i >= 0 {
		a.waiting[t.lane] = slices.Delete(a.waiting[t.lane], i, i+1)
	}
	a.counts.Abandoned++
	a.mu.Unlock()
	if i < 0 && <-t.turn == nil {
		a.leave(t)
	}
}

// next begins one of the waiting, if one can.
func (a *admission) next() bool {
	order := [lanes]lane{tiles, exports, spare}
	if a.overtaken >= patience {
		order = [lanes]lane{exports, tiles, spare}
	}
	for _, l := range order {
		if t := a.take(l); t != nil {
			a.begin(t)
			return true
		}
	}
	return false
}

// take removes the newest of the lane whose gate lets it in.
func (a *admission) take(l lane) *ticket {
	if !a.free(l) {
		return nil
	}
	for i, t := range slices.Backward(a.waiting[l]) {
		if t.gate.enter() {
			a.waiting[l] = slices.Delete(a.waiting[l], i, i+1)
			return t
		}
	}
	return nil
}

func (a *admission) stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.counts
	s.Slots = a.slots
	s.Running, s.RunningExports = a.busy(), a.running[exports]
	s.Waiting, s.WaitingExports = len(a.waiting[tiles])+len(a.waiting[exports]), len(a.waiting[exports])
	return s
}
