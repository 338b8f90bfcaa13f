package again

import (
	"sync"
	"time"
)

const (
	maxHedges  = 64.0 // at the same moment, after a quiet time
	hedgeShare = 0.05 // of all askings
	usualShare = 0.95 // of askings take less than the usual time
	usualStep  = 0.02 // by which the estimate moves, relative to itself
)

// allowance bounds hedges: when everything is slow, asking twice makes it slower.
type allowance struct {
	mu     sync.Mutex
	tokens float64
}

func (a *allowance) earn() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens = min(a.tokens+hedgeShare, maxHedges)
}

func (a *allowance) spend() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tokens < 1 {
		return false
	}
	a.tokens--
	return true
}

// quantile estimates the time that usualShare of askings take less than: it rises with
// each that takes longer and falls with each that does not, by amounts that balance
// just there.
type quantile struct {
	soonest, latest time.Duration

	mu    sync.Mutex
	value time.Duration
}

func (q *quantile) get() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.value
}

func (q *quantile) add(took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	step := usualStep * float64(q.value)
	if took > q.value {
		q.value += time.Duration(step * usualShare)
	} else {
		q.value -= time.Duration(step * (1 - usualShare))
	}
	q.value = min(max(q.value, q.soonest), q.latest)
}
