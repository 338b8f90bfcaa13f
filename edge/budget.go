package edge

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// budget is a context that ends with its parent, or when the time until the first byte
// is spent. Once that byte is out, settle lets a long body take the time it needs:
// from there the client's pace is what is bounded.
type budget struct {
	context.Context
	deadline time.Time
	timer    *time.Timer
}

// newBudget starts the clock. The caller calls stop when the request is over.
func newBudget(parent context.Context, d time.Duration) (b *budget, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	b = &budget{Context: ctx, deadline: time.Now().Add(d)}
	b.timer = time.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return b, func() {
		b.timer.Stop()
		cancel(nil)
	}
}

func (b *budget) settle() { b.timer.Stop() }

// Deadline is what the bus sends on as the remaining budget of a job.
func (b *budget) Deadline() (time.Time, bool) { return b.deadline, true }

// Err tells a spent budget from a client that left.
func (b *budget) Err() error {
	if err := b.Context.Err(); err == nil || !errors.Is(context.Cause(b.Context), context.DeadlineExceeded) {
		return err
	}
	return context.DeadlineExceeded
}

// gate bounds how many requests are at work. It never makes anybody wait: a viewer
// that is told at once asks again for what it still wants.
type gate struct {
	limit int64
	count atomic.Int64
}

func (g *gate) enter() bool {
	if g.count.Add(1) > g.limit {
		g.count.Add(-1)
		return false
	}
	return true
}

func (g *gate) leave() { g.count.Add(-1) }
