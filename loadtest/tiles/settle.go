package main

import (
	"context"
	"errors"
	"time"
)

const (
	quietFor   = 400 * time.Millisecond // for so long a server does nothing
	quietCPU   = 0.02                   // seconds of processor time that are nothing: two ticks
	lookEvery  = 50 * time.Millisecond
	settleTime = time.Minute
)

// settle waits until process trees are idle, so that what a server does ahead of requests
// or puts off until later is its own cost. cpu is what they have used by then, late how
// long after the call they last did anything.
func settle(ctx context.Context, pids []int) (cpu float64, late time.Duration, err error) {
	began := time.Now()
	since := began // nothing was done
	if cpu, err = cpuSeconds(pids); err != nil {
		return 0, 0, err
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, 0, context.Cause(ctx)
		}
		now, err := cpuSeconds(pids)
		switch {
		case err != nil:
			return 0, 0, err
		case time.Since(began) > settleTime:
			return 0, 0, errors.New("the server does not come to rest")
		case now-cpu > quietCPU:
			cpu, since = now, time.Now()
		case time.Since(since) >= quietFor:
			return now, since.Sub(began), nil
		}
	}
}
