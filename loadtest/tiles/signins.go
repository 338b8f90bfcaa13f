package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"
)

// maxCrowd bounds who signs in.
const maxCrowd = 1000

// signIns asks at a steady pace for what record recorded, while -people sign in over and
// over, -entrances at a time; with 0 people it tells what the same pace is like without.
func signIns(ctx context.Context, args []string) error {
	flags, read := targetFlags("signins")
	server := flags.String("server", "", "name in the report")
	round := flags.Int("round", 1, "number in the report")
	file := flags.String("answers", "", "file of the recording")
	requests := flags.Int("requests", 2000, "requests to measure")
	pace := flags.Int("pace", 200, "requests a second")
	people := flags.Int("people", 0, "accounts reader-1@example.org and so on, whose password is in TILES_PASSWORD")
	entrances := flags.Int("entrances", 8, "of them at a time")
	t, err := read(args)
	if err != nil {
		return err
	}
	if *pace < 1 || *people < 0 || *people > maxCrowd || *entrances < 1 || *entrances > maxConnections {
		return fmt.Errorf("-pace is 1 or more, -people 0 to %d, -entrances 1 to %d", maxCrowd, maxConnections)
	}
	var rec recording
	if err := readJSON(*file, &rec); err != nil {
		return err
	}
	c := &crowd{base: t.base, people: *people, entrances: *entrances, password: os.Getenv("TILES_PASSWORD")}
	m, err := t.amid(ctx, c, rec, *requests, *pace)
	if err != nil {
		return err
	}
	m.Kind, m.Server, m.Round = "signins", *server, *round
	return m.print()
}

// amid measures tiles amid a crowd, which is there before the clock starts.
func (t target) amid(ctx context.Context, c *crowd, rec recording, requests, pace int) (m measurement, err error) {
	clients := t.clients(rec.Cookie)
	defer closeAll(clients)
	leave := c.come(ctx)
	defer func() { err = errors.Join(err, leave()) }()
	if _, err = pacedLoop(ctx, clients, pace, pace, rec.path, rec.compare); err != nil { // a second
		return m, err
	}
	c.count()
	before, err := cpuSeconds(t.pids)
	if err != nil {
		return m, err
	}
	if m.load, err = pacedLoop(ctx, clients, requests, pace, rec.path, rec.compare); err != nil {
		return m, err
	}
	after, err := cpuSeconds(t.pids)
	times := c.count()
	m.CPU, m.SignIns, m.SignIn = after-before, len(times), quantile(times, 0.50)
	return m, err
}

// crowd is people who sign in by the form, again as soon as they are in.
type crowd struct {
	base      *url.URL
	people    int
	entrances int // how many at a time
	password  string

	mu    sync.Mutex
	times []time.Duration // of sign-ins since count was called
}

// come lets the crowd in until leave is called, which gives the first error.
func (c *crowd) come(ctx context.Context) (leave func() error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var all sync.WaitGroup
	if c.people > 0 {
		for n := range c.entrances {
			all.Go(func() { cancel(c.enter(ctx, n)) })
		}
	}
	return func() error {
		cancel(nil)
		all.Wait()
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
		_, err := signIn(ctx, c.base, fmt.Sprintf("reader-%d@example.org", n%c.people+1), c.password)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.times = append(c.times, time.Since(began))
		c.mu.Unlock()
	}
	return nil
}

// count gives the times of sign-ins, sorted, and begins anew.
func (c *crowd) count() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	times := c.times
	c.times = nil
	slices.Sort(times)
	return times
}
