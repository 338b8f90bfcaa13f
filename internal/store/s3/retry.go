package s3

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	maxRetries  = 2                     // of one call
	retryShare  = 0.1                   // of all calls that may be tried again
	retrySaved  = 10                    // retries that may be saved up in good times
	retryAtOnce = 2                     // retries allowed before any call has earned one
	firstPause  = 50 * time.Millisecond // before the first retry, at most; doubles

	failuresToOpen = 8 // within watchTime, when they outnumber successes
	watchTime      = 10 * time.Second
	restTime       = 2 * time.Second // for which a store that fails is left alone
)

// allowance is a token bucket of retries: a store in trouble gets at most a tenth
// more calls than are asked for.
type allowance struct {
	mu     sync.Mutex
	tokens float64
}

func newAllowance() *allowance { return &allowance{tokens: retryAtOnce} }

func (a *allowance) earn() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens = min(a.tokens+retryShare, retrySaved)
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

// pause waits before a retry for a time that no two callers share.
func pause(ctx context.Context, attempt int) error {
	t := time.NewTimer(rand.N(firstPause << attempt)) //nolint:gosec // not a secret
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newBreaker leaves a store alone that fails more often than not.
func newBreaker() *gobreaker.CircuitBreaker[struct{}] {
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Interval: watchTime, BucketPeriod: time.Second, Timeout: restTime, MaxRequests: 1,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.TotalFailures >= failuresToOpen && c.TotalFailures > c.TotalSuccesses
		},
		IsSuccessful: func(err error) bool { return !isFailure(err) },
		IsExcluded: func(err error) bool {
			return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && !isFailure(err)
		},
	})
}
