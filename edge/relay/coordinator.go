package relay

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// alivePath is where a coordinator tells that it takes requests. Edges hand on what is
// below /auth/, so that nobody reaches it through them.
const alivePath = "/alive"

const (
	checkEvery   = time.Second
	checkTimeout = 2 * time.Second
)

// coordinator is one of those that requests may go to.
type coordinator struct {
	url   *url.URL
	alive atomic.Bool
}

func newCoordinator(u *url.URL) *coordinator {
	c := &coordinator{url: u}
	c.alive.Store(true)
	return c
}

// address makes the request one to c, and leaves q as it is for another.
func (c *coordinator) address(q *http.Request) *http.Request {
	to := q.WithContext(q.Context())
	u := *q.URL
	u.Scheme, u.Host = c.url.Scheme, c.url.Host
	to.URL = &u
	if b, ok := q.Context().Value(held{}).(*body); ok {
		to.Body = b.reader()
	}
	return to
}

// lost notes that c could not be reached; the next check may find it back.
func (c *coordinator) lost(log *slog.Logger, err error) {
	if c.alive.Swap(false) {
		log.Warn("coordinator cannot be reached", "coordinator", c.url.String(), "error", err)
	}
}

// Run asks each coordinator every second whether it takes requests, until ctx ends.
func (r *Relay) Run(ctx context.Context) error {
	var checks sync.WaitGroup
	for _, c := range r.coordinators {
		checks.Go(func() { r.watch(ctx, c) })
	}
	checks.Wait()
	r.transport.CloseIdleConnections()
	r.checks.CloseIdleConnections()
	return nil
}

func (r *Relay) watch(ctx context.Context, c *coordinator) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		err := r.check(ctx, c)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			c.lost(r.log, err)
		case !c.alive.Swap(true):
			r.log.Info("coordinator is back", "coordinator", c.url.String())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *Relay) check(ctx context.Context, c *coordinator) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url.JoinPath(alivePath).String(), nil)
	if err != nil {
		return err
	}
	resp, err := r.checks.RoundTrip(q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // what it says is for the log
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("it answers %s: %s", resp.Status, said)
	}
	return nil
}
