package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"
)

// maxCrowd bounds who signs in.
const maxCrowd = 1000

// signIns asks at a steady pace for what record recorded, in slices of a second by turns
// with and without people who sign in meanwhile: whatever else the machine does meets
// both alike.
func signIns(ctx context.Context, args []string) error {
	flags, read := targetFlags("crowd")
	round := flags.Int("round", 1, "number in the report")
	file := flags.String("answers", "", "file of the recording")
	slices := flags.Int("slices", 10, "seconds of each kind")
	pace := flags.Int("pace", 200, "requests a second")
	people := flags.Int("people", 1, "accounts reader-1@example.org and so on, whose password is in TILES_PASSWORD")
	entrances := flags.Int("entrances", 8, "of them at a time")
	t, err := read(args)
	if err != nil {
		return err
	}
	if *slices < 1 || *pace < 1 || *people < 1 || *people > maxCrowd || *entrances < 1 || *entrances > maxConnections {
		return fmt.Errorf("-slices and -pace are 1 or more, -people 1 to %d, -entrances 1 to %d", maxCrowd, maxConnections)
	}
	var rec recording
	if err := readJSON(*file, &rec); err != nil {
		return err
	}
	clients := t.clients(rec.Cookie)
	defer closeAll(clients)
	c := &crowd{base: t.base, people: *people, entrances: *entrances, password: os.Getenv("TILES_PASSWORD")}
	quiet := measurement{Kind: "crowd", Server: "quiet", Round: *round}
	busy := measurement{Kind: "crowd", Server: "sign-ins", Round: *round}
	for i := range 2 * *slices {
		m, come := &quiet, nobody
		if (i+i/2)%2 == 1 { // one begins, then the other
			m, come = &busy, c.come
		}
		if err := t.slice(ctx, m, come, clients, rec, *pace); err != nil {
			return err
		}
	}
	busy.SignIns, busy.SignIn, busy.SignInRate = len(c.times), median(c.times), float64(len(c.times))/c.present.Seconds()
	return errors.Join(quiet.print(), busy.print())
}

// nobody comes and nobody leaves.
func nobody(context.Context) (leave func() error) { return func() error { return nil } }

// slice adds a second to what was measured, and the processor time of those who are still
// at the door at its end.
func (t target) slice(ctx context.Context, m *measurement, come func(context.Context) (leave func() error), clients []*client, rec recording, pace int) error {
	before, err := cpuSeconds(t.pids)
	if err != nil {
		return err
	}
	leave := come(ctx)
	l, err := pacedLoop(ctx, clients, pace, pace, rec.path, rec.compare)
	if err := errors.Join(err, leave()); err != nil {
		return err
	}
	after, err := cpuSeconds(t.pids)
	m.CPU += after - before
	m.load = m.and(l)
	return err
}

// crowd is people who sign in by the form, again as soon as they are in.
type crowd struct {
	base      *url.URL
	people    int
	entrances int // how many at a time
	password  string

	present time.Duration // until the last one was in

	mu    sync.Mutex
	times []float64 // of sign-ins, in milliseconds
}

// come lets the crowd in until leave is called, which waits for those at the door and
// gives the first error.
func (c *crowd) come(ctx context.Context) (leave func() error) {
	ctx, cancel := context.WithCancelCause(ctx)
	came := time.Now()
	var all sync.WaitGroup
	for n := range c.entrances {
		all.Go(func() {
			if err := c.enter(ctx, n); err != nil {
				cancel(err)
			}
		})
	}
	return func() error {
		cancel(nil)
		all.Wait()
		c.present += time.Since(came)
		if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}
}

// enter signs in every entrances-th of the people, from the nth on, over and over.
func (c *crowd) enter(ctx context.Context, n int) error {
	for ; ctx.Err() == nil; n += c.entrances {
		began := time.Now()
		_, err := signIn(context.WithoutCancel(ctx), c.base, fmt.Sprintf("reader-%d@example.org", n%c.people+1), c.password)
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.times = append(c.times, time.Since(began).Seconds()*1e3)
		c.mu.Unlock()
	}
	return nil
}
