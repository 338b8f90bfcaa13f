package edge

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/tessera-iiif/tessera/internal/flight"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// While there is a last known answer it stands in for this long when nobody can be
// asked, and nobody waits longer than this for a new one.
const (
	outageGrace = 5 * time.Minute
	patience    = 2 * time.Second
)

// recent remembers answers for a short time and joins equal questions. That something
// does not exist, or is broken, is an answer too; that nobody could tell is none.
type recent[K comparable, V any] struct {
	ask     func(context.Context, K) (V, error)
	ttl     time.Duration
	budget  time.Duration
	now     func() time.Time
	answers *otter.Cache[K, *known[V]]
	flights flight.Group[K, V]
}

type known[V any] struct {
	value V
	err   error
	at    time.Time // when it was asked for
	until time.Time // when to ask again
}

// newRecent remembers answers up to a total weight of limit.
func newRecent[K comparable, V any](cfg Config, limit uint64, weigh func(K, V) uint32, ask func(context.Context, K) (V, error)) *recent[K, V] {
	return &recent[K, V]{
		ask: ask, ttl: cfg.InfoTTL, budget: cfg.Budget, now: cfg.Now,
		answers: otter.Must(&otter.Options[K, *known[V]]{
			MaximumWeight: limit,
			Weigher:       func(k K, a *known[V]) uint32 { return weigh(k, a.value) },
		}),
	}
}

// get answers from memory while that is young enough, else asks.
func (r *recent[K, V]) get(ctx context.Context, key K) (V, error) {
	if last, ok := r.answers.GetIfPresent(key); ok && r.now().Before(last.until) {
		return last.value, last.err
	}
	return r.refresh(ctx, key)
}

// refresh asks, or joins whoever is asking.
func (r *recent[K, V]) refresh(ctx context.Context, key K) (V, error) {
	last, ok := r.answers.GetIfPresent(key)
	if !ok || last.err != nil || r.now().Sub(last.at) > outageGrace {
		return r.join(ctx, key)
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	value, err := r.join(waiting, key)
	if !outage(err) || ctx.Err() != nil {
		return value, err
	}
	r.answers.Set(key, &known[V]{value: last.value, at: last.at, until: r.now().Add(r.ttl)})
	return last.value, nil
}

func (r *recent[K, V]) join(ctx context.Context, key K) (V, error) {
	value, _, err := r.flights.Do(ctx, key, func(work context.Context) (V, error) {
		work, cancel := context.WithTimeout(work, r.budget) // joined work has lost the caller's deadline
		defer cancel()
		asked := r.now()
		value, err := r.ask(work, key)
		if !outage(err) {
			r.answers.Set(key, &known[V]{value: value, err: err, at: asked, until: asked.Add(r.ttl)})
		}
		return value, err
	})
	return value, err
}

// outage tells errors that say nothing about what was asked for.
func outage(err error) bool {
	switch tile.CodeOf(err) {
	case "", tile.NotFound, tile.Broken, tile.Unsupported, tile.Invalid:
		return false
	}
	return true
}
