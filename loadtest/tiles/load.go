package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load is what a closed loop measured.
type load struct {
	Requests int     `json:"requests"`
	Bytes    int64   `json:"bytes"`
	Seconds  float64 `json:"seconds"`
	P50      float64 `json:"p50_ms"`
	P95      float64 `json:"p95_ms"`

	times []time.Duration // of each request, ascending
}

// and is two loads as one.
func (l load) and(m load) load {
	times := slices.Concat(l.times, m.times)
	slices.Sort(times)
	return load{
		Requests: l.Requests + m.Requests, Bytes: l.Bytes + m.Bytes, Seconds: l.Seconds + m.Seconds,
		P50: quantile(times, 0.50), P95: quantile(times, 0.95), times: times,
	}
}

// rate is in requests a second.
func (l load) rate() float64 { return float64(l.Requests) / l.Seconds }

// closedLoop asks for n paths, each client for its next one when its last was
// answered. Everything but 200 is an error and ends the loop; take sees every
// answer, from several goroutines, while the clock runs: it should be quick.
func closedLoop(ctx context.Context, clients []*client, n int, path func(int) string, take func(int, answer) error) (load, error) {
	return loop(ctx, clients, n, func(int) time.Time { return time.Now() }, path, take)
}

// pacedLoop asks for perSecond paths a second, whatever became of those before: readers
// do not wait for one another.
func pacedLoop(ctx context.Context, clients []*client, n, perSecond int, path func(int) string, take func(int, answer) error) (load, error) {
	start, every := time.Now(), time.Second/time.Duration(perSecond)
	return loop(ctx, clients, n, func(i int) time.Time { return await(start.Add(time.Duration(i) * every)) }, path, take)
}

// await sleeps until a request is due and gives the instant from which its time counts.
// What the connection before it took too long is the server's; that this process woke
// late is not.
func await(due time.Time) time.Time {
	wait := time.Until(due)
	if wait <= 0 {
		return due
	}
	time.Sleep(wait)
	return time.Now()
}

// loop is closedLoop, where begin is when a request begins: it may wait for that.
func loop(ctx context.Context, clients []*client, n int, begin func(int) time.Time, path func(int) string, take func(int, answer) error) (load, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	times := make([]time.Duration, n)
	var next, bytes atomic.Int64
	var loops sync.WaitGroup
	start := time.Now()
	for _, c := range clients {
		loops.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				before := begin(i)
				a, err := c.get(ctx, path(i))
				times[i] = time.Since(before)
				if err == nil {
					err = accept(a, path(i))
				}
				if err == nil {
					err = take(i, a)
				}
				if err != nil {
					cancel(err)
				}
				bytes.Add(int64(len(a.Body)))
			}
		})
	}
	loops.Wait()
	wall := time.Since(start)
	if ctx.Err() != nil {
		return load{}, context.Cause(ctx)
	}
	slices.Sort(times)
	return load{Requests: n, Bytes: bytes.Load(), Seconds: wall.Seconds(), P50: quantile(times, 0.50), P95: quantile(times, 0.95), times: times}, nil
}

func accept(a answer, path string) error {
	if a.Status != http.StatusOK {
		return fmt.Errorf("%s was answered %d: %.200s", path, a.Status, a.Body)
	}
	return nil
}

// quantile of sorted times, in milliseconds, by nearest rank.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(q*float64(len(sorted)-1)+0.5)]) / float64(time.Millisecond)
}
