package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

// errTaken ends a tile's turn that a neighbour decodes with its own.
var errTaken = errors.New("decoded by a neighbour")

// admitted has a tile decoded in a slot of its own or by a neighbour that has one.
func (w *Worker) admitted(ctx context.Context, job tile.Job, p plan) (*rendition, time.Duration, error) {
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	b := w.batches.join(job, p, func() { stop(errTaken) })
	defer b.leave()
	r, queued, err := w.slotted(waiting, job, p, b)
	if b == nil || !errors.Is(context.Cause(waiting), errTaken) {
		return r, queued, err
	}
	select {
	case <-b.done:
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	if b.result != nil {
		return b.result, b.result.timing.Queue, nil
	}
	return w.slotted(ctx, job, p, nil)
}

// slotted decodes in a slot; b is nil where neighbours are not to be thought of.
func (w *Worker) slotted(ctx context.Context, job tile.Job, p plan, b *batched) (r *rendition, queued time.Duration, err error) {
	queued, err = w.inSlot(ctx, p.object, p.lane, func(ctx context.Context) error {
		mates, mine := b.begin()
		if !mine {
			return errTaken
		}
		if len(mates) > 0 {
			r, err = w.together(ctx, job, p, mates)
		}
		if r == nil && err == nil {
			r, err = w.decode(ctx, job, p)
		}
		if err != nil {
			w.logFailure(ctx, "image not rendered", job.ID, err)
		}
		return err
	})
	return r, queued, err
}

// together decodes the rectangle around a tile and its mates, and settles these. It
// returns the tile, or nil where that did not work: then each is decoded by itself. The
// error is for what cost the decoder, which must be counted before it is tried again.
func (w *Worker) together(ctx context.Context, job tile.Job, p plan, mates []*batched) (*rendition, error) {
	around := p.task.Region
	for _, m := range mates {
		around = union(around, m.region)
	}
	joint := p
	joint.task.Region, joint.task.Width, joint.task.Height = around, around.W>>p.task.Reduce, around.H>>p.task.Reduce
	joint.task.Cuts = []iiifurl.Rect{cutOf(p.task.Region, around, p.task.Reduce)}
	for _, m := range mates {
		joint.task.Cuts = append(joint.task.Cuts, cutOf(m.region, around, p.task.Reduce))
	}
	// Whoever has the slot may leave; the mates gave up their own places for this. It is a
	// block at most, so it is done also when all have left.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.limits.Timeout)
	defer cancel()
	defer context.AfterFunc(w.closing, cancel)()
	parts := make([]*rendition, 1+len(mates))
	defer func() { // also where that panics: mates wait for nothing else
		for i, m := range mates {
			m.settle(parts[i+1])
		}
	}()
	made, err := w.decodeParts(ctx, job, joint)
	switch {
	case errors.Is(err, decoder.ErrLost):
		return nil, err
	case err != nil:
		w.log.Debug("tiles not decoded together", "id", job.ID, "tiles", len(parts), "error", err)
		return nil, nil
	}
	w.joint.Add(uint64(len(mates)))
	copy(parts, made)
	return parts[0], nil
}

// cutOf is where a region lies in the decoded rectangle around it.
func cutOf(r, around iiifurl.Rect, reduce int) iiifurl.Rect {
	return iiifurl.Rect{X: (r.X - around.X) >> reduce, Y: (r.Y - around.Y) >> reduce, W: r.W >> reduce, H: r.H >> reduce}
}

// decodeParts decodes a task with cuts.
func (w *Worker) decodeParts(ctx context.Context, job tile.Job, p plan) ([]*rendition, error) {
	began := time.Now()
	f, err := w.openVersion(ctx, job)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	parts, err := w.parts(ctx, p, f, began)
	if err == nil && !f.Same() {
		err = errChanged()
	}
	return parts, err
}

func (w *Worker) parts(ctx context.Context, p plan, f store.Blob, began time.Time) ([]*rendition, error) {
	task, err := w.task(p, f)
	if err != nil {
		return nil, err
	}
	fetch := time.Since(began)
	out, err := w.decoders.Render(ctx, task)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Body.Close() }()
	if len(out.Sizes) != len(task.Cuts) {
		return nil, fmt.Errorf("%d answers for %d cuts", len(out.Sizes), len(task.Cuts))
	}
	timing := tile.Timing{Fetch: fetch, Decode: out.Decode, Encode: out.Encode}
	var parts []*rendition
	for _, size := range out.Sizes {
		if size < 0 || size > memoryBody {
			return nil, fmt.Errorf("an answer of %d bytes among several", size)
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(out.Body, data); err != nil {
			return nil, err
		}
		parts = append(parts, &rendition{media: out.Type, size: size, data: data, timing: timing})
	}
	return parts, nil
}
