package worker

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/tessera-iiif/tessera/internal/flight"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

// inSlot has a decoder child work on an object: admitted, bounded in time, and
// watched for the loss of the child. queued is the time until work began.
func (w *Worker) inSlot(ctx context.Context, o store.Object, l lane, work func(context.Context) error) (queued time.Duration, err error) {
	id := wardKey{o.Key, o.Version}
	if err := w.wards.verdict(id); err != nil {
		return 0, err
	}
	ward := w.wards.of(id)
	defer ward.done()
	leave, queued, err := w.admission.enter(ctx, l, ward)
	if err != nil {
		return 0, err
	}
	defer leave()
	if err := w.wards.verdict(id); err != nil { // condemned while this waited
		return queued, err
	}
	ctx, cancel := context.WithTimeout(ctx, w.limits.Timeout)
	defer cancel()
	err = work(ctx)
	switch {
	case err == nil:
		ward.prove()
	case errors.Is(err, decoder.ErrLost):
		w.lost(ctx, ward, err)
	}
	return queued, err
}

func (w *Worker) lost(ctx context.Context, d *ward, err error) {
	condemned := d.strike()
	w.log.ErrorContext(ctx, "decoder child lost", "key", d.id.key, "version", d.id.version, "quarantined", condemned, "error", err)
}

// outcome makes the error of joined work one that may travel.
func (w *Worker) outcome(ctx context.Context, err error) error {
	var p *flight.PanicError
	if errors.As(err, &p) {
		w.log.ErrorContext(ctx, "panic in joined work", "value", p.Value, "stack", string(p.Stack))
		return tile.Fail(tile.Internal, "", err)
	}
	return err
}

// survive is deferred by work that nobody waits for: its panic must not end the process.
func (w *Worker) survive(id string) {
	if v := recover(); v != nil {
		w.log.Error("panic in background work", "id", id, "value", v, "stack", string(debug.Stack()))
	}
}

// logFailure names the image of a failure that somebody should look into.
func (w *Worker) logFailure(ctx context.Context, message, id string, err error) {
	switch code := tile.CodeOf(err); code {
	case tile.Broken, tile.Timeout, tile.Internal:
		w.log.WarnContext(ctx, message, "id", id, "code", code, "error", err)
	}
}
