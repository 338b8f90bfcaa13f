package ops

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Part is something that runs for as long as the process does.
type Part struct {
	Name string
	// Run works until ctx ends and returns once everything it started has ended.
	// Any return before that ends the process.
	Run func(ctx context.Context) error
}

// Run runs the parts until ctx ends or one of them fails, then stops them in
// reverse order, each before the one it depends on. A second end of life, force,
// abandons waiting.
func Run(ctx, force context.Context, log *slog.Logger, parts ...Part) error {
	type ended struct {
		index int
		err   error
	}
	ends := make(chan ended, len(parts))
	cancels := make([]context.CancelFunc, len(parts))
	done := make([]chan struct{}, len(parts))
	for i, p := range parts {
		// A part outlives ctx until its turn to stop comes.
		partCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		cancels[i], done[i] = cancel, make(chan struct{})
		go func() {
			defer close(done[i])
			ends <- ended{i, p.Run(partCtx)}
		}()
	}
	var failure error
	select {
	case <-ctx.Done():
	case e := <-ends:
		failure = fmt.Errorf("%s ended: %w", parts[e.index].Name, orUnexpected(e.err))
	}
	for i := len(parts) - 1; i >= 0; i-- {
		cancels[i]()
		select {
		case <-done[i]:
			log.Debug("stopped", "part", parts[i].Name)
		case <-force.Done():
			return errors.Join(failure, errors.New("stopped at once"))
		}
	}
	return failure
}

func orUnexpected(err error) error {
	if err == nil {
		return errors.New("unexpectedly")
	}
	return err
}
