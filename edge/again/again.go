// Package again asks a second time where the first asking was nobody's fault: a worker
// that is being stopped or has died, an answer that does not come. (A lost connection to
// NATS is the bus's own affair.) All that is asked for here may be asked for twice: it
// changes nothing. Two workers may do the same job then, so jobs that are dear are not
// asked for beside the first.
//
// There is one second asking, within the budget of the first. It comes
//
//   - at once when nobody was there to take the job, or who took it left;
//   - beside the first, when that takes longer than nearly all do. The loser is
//     cancelled. Such hedges are at most one for every twenty askings, and a few more
//     when many jobs are lost at the same moment.
package again

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const pause = 10 * time.Millisecond // before asking again when nobody was there

// Config of an Asker. Zero bounds stand for defaults.
type Config struct {
	// Soonest is the shortest wait before a hedge, Latest the longest; in between it is
	// what 95 of 100 askings take less than: 250 ms, 5 s.
	Soonest, Latest time.Duration
	// Dear askings cost too much to be made twice at once.
	Dear bool
}

// Asker decides about second askings. Safe for concurrent use.
type Asker struct {
	dear   bool
	hedges allowance
	usual  quantile
}

// New makes an asker.
func New(cfg Config) *Asker {
	soonest := cmp.Or(cfg.Soonest, 250*time.Millisecond)
	return &Asker{
		dear:   cfg.Dear,
		hedges: allowance{tokens: maxHedges},
		usual:  quantile{soonest: soonest, latest: cmp.Or(cfg.Latest, 5*time.Second), value: soonest},
	}
}

// attempt is one asking under way.
type attempt[T any] struct {
	cancel  context.CancelFunc
	outcome chan outcome[T] // holds one
}

type outcome[T any] struct {
	value T
	err   error
}

func begin[T any](ctx context.Context, ask func(context.Context) (T, error)) *attempt[T] {
	ctx, cancel := context.WithCancel(ctx) //nolint:gosec // the attempt's owner calls it
	a := &attempt[T]{cancel: cancel, outcome: make(chan outcome[T], 1)}
	go func() {
		value, err := ask(ctx)
		a.outcome <- outcome[T]{value, err}
	}()
	return a
}

// discard ends an attempt whose outcome nobody wants, and waits until it has ended.
// drop, if there is one, frees what it brought after all.
func (a *attempt[T]) discard(drop func(T)) {
	a.cancel()
	if o := <-a.outcome; o.err == nil && drop != nil {
		drop(o.value)
	}
}

// within waits for the outcome for so long.
func (a *attempt[T]) within(d time.Duration) (_ outcome[T], arrived bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case o := <-a.outcome:
		return o, true
	case <-timer.C:
		return outcome[T]{}, false
	}
}

// do asks, and asks again where that helps. release ends the context that the answer
// was asked with; the caller calls it when it is through with the answer.
func do[T any](ctx context.Context, a *Asker, ask func(context.Context) (T, error), drop func(T)) (_ T, release func(), _ error) {
	a.hedges.earn()
	began := time.Now()
	winner := begin(ctx, ask)
	o, arrived := winner.within(a.usual.get())
	if !arrived && !a.dear && a.hedges.spend() {
		o, winner = race(winner, begin(ctx, ask), drop)
	} else {
		if !arrived {
			o = <-winner.outcome
		}
		if worthAgain(ctx, o.err) && sleep(ctx, pause) {
			winner.cancel()
			winner = begin(ctx, ask)
			o = <-winner.outcome
		}
	}
	if o.err != nil {
		winner.cancel()
		return o.value, func() {}, o.err
	}
	a.usual.add(time.Since(began))
	return o.value, winner.cancel, nil
}

// race takes the first outcome of two that says something about what was asked for.
func race[T any](first, second *attempt[T], drop func(T)) (outcome[T], *attempt[T]) {
	var o outcome[T]
	winner, loser := first, second
	select {
	case o = <-first.outcome:
	case o = <-second.outcome:
		winner, loser = second, first
	}
	if !settles(o.err) {
		winner.cancel()
		return <-loser.outcome, loser
	}
	loser.discard(drop)
	return o, winner
}

// saysNothing tells errors that come of who was asked, not of what was asked for: a
// worker that left answers with them, and so does the bus for one that is not there.
func saysNothing(err error) bool {
	code := tile.CodeOf(err)
	return code == tile.Unavailable || code == tile.Cancelled
}

// settles tells outcomes that another worker would not better: an answer, or a verdict
// on what was asked for. A worker that is busy knows nothing of one that is not.
func settles(err error) bool {
	if errors.Is(err, session.ErrUnknown) {
		return true
	}
	switch tile.CodeOf(err) {
	case "", tile.NotFound, tile.Invalid, tile.Unsupported, tile.Broken, tile.Changed:
		return true
	}
	return false
}

func worthAgain(ctx context.Context, err error) bool { return ctx.Err() == nil && saysNothing(err) }

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
