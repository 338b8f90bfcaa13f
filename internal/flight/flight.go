// Package flight joins equal work: callers that ask for the same key at the same
// moment share one execution and its outcome.
package flight

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// Group joins calls of equal keys. The zero Group is ready; it must not be copied
// after first use.
type Group[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[K]*call[V]
}

// call is one execution. waiters is guarded by Group.mu; value and err are
// written before done is closed and only read after.
type call[V any] struct {
	waiters int
	cancel  context.CancelFunc
	done    chan struct{}
	value   V
	err     error
}

// PanicError is what every waiter gets when the work panicked. It is reported
// rather than raised again: the work runs on a goroutine of its own, where a
// panic would end the process and every other request with it.
type PanicError struct {
	Value any
	Stack []byte
}

func (p *PanicError) Error() string { return fmt.Sprintf("panic in joined work: %v", p.Value) }

// Unwrap gives the panic's value where that is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Do runs fn, or joins a run of it under the same key, and waits for the outcome
// or for ctx, whichever is first. joined tells that the run was begun by another
// caller.
//
// fn gets the values of the first caller's ctx but not its end: its context is
// cancelled when the last waiter has left. Nobody joins a run whose waiters have
// all left; a caller that comes then begins a new one, so for a moment a
// cancelled run and its successor may overlap. fn must return soon after its
// context ends, and that context also ends when fn returns: a value that goes on
// reading, such as an open response body, cannot be joined.
func (g *Group[K, V]) Do(ctx context.Context, key K, fn func(context.Context) (V, error)) (v V, joined bool, err error) {
	if err := ctx.Err(); err != nil {
		return v, false, err
	}
	c, joined := g.enter(ctx, key, fn)
	select {
	case <-c.done:
		return c.value, joined, c.err
	case <-ctx.Done():
		g.leave(key, c)
		return v, joined, ctx.Err()
	}
}

func (g *Group[K, V]) enter(ctx context.Context, key K, fn func(context.Context) (V, error)) (*call[V], bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c, ok := g.calls[key]; ok {
		c.waiters++
		return c, true
	}
	if g.calls == nil {
		g.calls = make(map[K]*call[V])
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // cancelled by leave or run
	c := &call[V]{waiters: 1, cancel: cancel, done: make(chan struct{})}
	g.calls[key] = c
	go g.run(work, key, c, fn)
	return c, false
}

func (g *Group[K, V]) leave(key K, c *call[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.waiters--
	if c.waiters == 0 {
		g.forget(key, c)
		c.cancel()
	}
}

// run owns the call's outcome. The key is freed before done is closed, so that a
// caller which saw the outcome and asks again begins a new run.
func (g *Group[K, V]) run(ctx context.Context, key K, c *call[V], fn func(context.Context) (V, error)) {
	finished := false
	defer func() {
		if !finished {
			c.err = panicked(recover())
		}
		g.mu.Lock()
		g.forget(key, c)
		g.mu.Unlock()
		c.cancel()
		close(c.done)
	}()
	c.value, c.err = fn(ctx)
	finished = true
}

// panicked also covers runtime.Goexit, which unwinds with nothing to recover.
func panicked(value any) error {
	if value == nil {
		value = "work ended its goroutine"
	}
	return &PanicError{Value: value, Stack: debug.Stack()}
}

// forget frees the key unless a newer run has it. Callers hold g.mu.
func (g *Group[K, V]) forget(key K, c *call[V]) {
	if g.calls[key] == c {
		delete(g.calls, key)
	}
}
