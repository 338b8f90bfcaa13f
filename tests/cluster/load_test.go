package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/tests/cluster/rig"
)

// load is what readers do all the time: tiles, most of them never asked for before,
// through any edge that takes them.
type load struct {
	c       *cluster
	session string
	client  *http.Client

	cancel context.CancelFunc
	done   sync.WaitGroup
	count  atomic.Int64

	mu       sync.Mutex
	failures []error
}

const (
	readers   = 3
	breath    = 10 * time.Millisecond // between the requests of one reader
	fewErrors = 10                    // shown
)

// run begins a load. session, if there is one, is for every second request.
func run(c *cluster, session string) *load {
	ctx, cancel := context.WithCancel(c.t.Context())
	l := &load{
		c: c, session: session, cancel: cancel,
		client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: readers}},
	}
	for i := range readers {
		l.done.Go(func() { l.read(ctx, i) })
	}
	c.t.Cleanup(l.stop)
	return l
}

func (l *load) read(ctx context.Context, reader int) {
	random := rand.New(rand.NewPCG(uint64(reader), 1))
	for n := 0; ctx.Err() == nil; n++ {
		folder, session := "open", ""
		if l.session != "" && n%2 == 0 {
			folder, session = "members", l.session
		}
		path := tileOf(folder, random.IntN(1700), random.IntN(1200))
		if err := l.ask(ctx, n, path, session); err != nil && ctx.Err() == nil {
			l.fail(fmt.Errorf("%s: %w", path, err))
		}
		l.count.Add(1)
		select {
		case <-ctx.Done():
		case <-time.After(breath):
		}
	}
}

func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, err)
}

// ask does what a balancer in front of the edges does: it prefers those that are ready,
// and gives a request to another edge if one takes no connection.
func (l *load) ask(ctx context.Context, n int, path, session string) error {
	edges := l.c.Edges()
	var refused []error
	for i := range edges {
		err := l.tile(ctx, edges[(n+i)%len(edges)], path, session)
		var answered *refusal
		if err == nil || errors.As(err, &answered) {
			return err
		}
		refused = append(refused, err)
	}
	return errors.Join(refused...)
}

// refusal is an answer that should not have come.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func (l *load) tile(ctx context.Context, edge *rig.Process, path, session string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, edge.URL+path, nil)
	if err != nil {
		return err
	}
	if session != "" {
		r.Header.Set("Cookie", session)
	}
	resp, err := l.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return &refusal{fmt.Sprintf("%s broke off: %v", edge.Name, err)}
	case resp.StatusCode != http.StatusOK:
		return &refusal{fmt.Sprintf("%s answered %s: %s", edge.Name, resp.Status, body)}
	case len(body) == 0:
		return &refusal{edge.Name + " answered with nothing"}
	}
	return nil
}

// pass waits until so many more requests were answered.
func (l *load) pass(n int64) {
	l.c.t.Helper()
	until := l.count.Load() + n
	l.c.eventually(fmt.Sprintf("%d more requests are answered", n), func() bool { return l.count.Load() >= until })
}

func (l *load) stop() {
	l.cancel()
	l.done.Wait()
	l.client.CloseIdleConnections()
}

// finish ends the load and gives the failures.
func (l *load) finish() []error {
	l.stop()
	return l.failures
}

// mustBeClean ends the load; nobody may have been turned away.
func (l *load) mustBeClean(t *testing.T) {
	t.Helper()
	failures := l.finish()
	for i, err := range failures {
		if i == fewErrors {
			t.Errorf("and %d more", len(failures)-i)
			return
		}
		t.Error(err)
	}
	t.Logf("%d requests, %d failed", l.count.Load(), len(failures))
}
