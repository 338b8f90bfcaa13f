package roster

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// crew answers in turn, as a queue group does.
type crew struct {
	mu      sync.Mutex
	members []tile.Capabilities
	asked   int
}

func (c *crew) is(members ...tile.Capabilities) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members = members
}

func (c *crew) Capabilities(context.Context) (tile.Capabilities, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.members) == 0 {
		return tile.Capabilities{}, errors.New("nobody")
	}
	c.asked++
	return c.members[c.asked%len(c.members)], nil
}

func TestRoster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crew{}
		r := New(Config{Workers: c, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		await := func(d time.Duration) { time.Sleep(d); synctest.Wait() }

		await(time.Second)
		if r.Formats() != nil || r.Check(ctx) == nil {
			t.Error("without workers there are formats, or readiness")
		}
		a := tile.Capabilities{Worker: "a", Formats: []string{"jpg", "png", "webp"}}
		c.is(a)
		await(askAgain)
		if got := r.Formats(); !slices.Equal(got, []string{"jpg", "png", "webp"}) || r.Check(ctx) != nil {
			t.Errorf("one worker: %v, %v", got, r.Check(ctx))
		}
		c.is(a, tile.Capabilities{Worker: "b", Formats: []string{"png", "jpg", "gif"}})
		await(3 * time.Second)
		if got := r.Formats(); !slices.Equal(got, []string{"jpg", "png"}) {
			t.Errorf("workers that differ offer %v", got)
		}
		c.is(a, tile.Capabilities{Worker: "broken", Formats: []string{"png"}})
		await(3 * time.Second)
		if got := r.Formats(); !slices.Equal(got, []string{"jpg", "png"}) || r.Check(ctx) != nil {
			t.Errorf("a worker that is out of order takes formats from all: %v, %v", got, r.Check(ctx))
		}
		c.is(a)
		await(remember + 2*time.Second)
		if got := r.Formats(); !slices.Equal(got, []string{"jpg", "png", "webp"}) {
			t.Errorf("after b has been gone for long: %v", got)
		}
		c.is()
		await(maxSilence + 2*time.Second)
		if r.Check(ctx) == nil || r.Formats() == nil {
			t.Error("workers that left leave readiness, or take what is in memory along")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
