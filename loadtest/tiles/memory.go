package main

import (
	"context"
	"time"
)

// sampleEvery is how often memory is looked at while tiles are served.
const sampleEvery = 100 * time.Millisecond

// memory asks for tiles, each once, and watches the server's process tree.
func memory(ctx context.Context, args []string) error {
	flags, read := targetFlags("memory")
	server := flags.String("server", "", "name in the report")
	t, err := read(args)
	if err != nil {
		return err
	}
	drawn, err := t.draw(ctx, "")
	if err != nil {
		return err
	}
	peak := watch(t.pids)
	m, pictures, err := t.measure(ctx, drawn)
	highest, watchErr := peak()
	if err == nil {
		err = watchErr
	}
	for i := 0; err == nil && i < len(pictures); i++ {
		_, err = decode(drawn[i], pictures[i])
	}
	if err != nil {
		return err
	}
	m.Kind, m.Server, m.Peak = "memory", *server, highest
	return m.print()
}

// watch samples the memory of process trees until its result is asked for: the
// highest sum seen.
func watch(pids []int) (peak func() (int64, error)) {
	stop, done := make(chan struct{}), make(chan struct{})
	var highest int64
	var failed error
	go func() {
		defer close(done)
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for failed == nil {
			var now int64
			now, failed = residentBytes(pids)
			highest = max(highest, now)
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return func() (int64, error) {
		close(stop)
		<-done
		return highest, failed
	}
}
