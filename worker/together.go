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

// admitted has a tile decoded in a slot of its own or along with a neighbour.
func (w *Worker) admitted(ctx context.Context, job tile.Job, p plan) (*rendition, time.Duration, error) {
	began := time.Now()
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	b := w.levels.join(job, p, func() { stop(errTaken) })
	defer b.leave()
	if b == nil || !b.late {
		r, queued, err := w.slotted(waiting, job, p, b)
		if b == nil || !errors.Is(context.Cause(waiting), errTaken) {
			return r, queued, err
		}
	}
	r, err := b.others(ctx)
	if r == nil && err == nil {
		return w.slotted(ctx, job, p, nil)
	}
	if err == nil && !b.group.mates[b.cell] { // read after its end, or after what join saw
		w.prepared(job.Key()) // which counts it as asked for
	}
	return r, time.Since(began), err
}

// slotted decodes in a slot; b is nil where neighbours are not to be thought of.
func (w *Worker) slotted(ctx context.Context, job tile.Job, p plan, b *asked) (r *rendition, queued time.Duration, err error) {
	var g *group
	queued, err = w.inSlot(ctx, p.object, p.lane, func(ctx context.Context) (err error) {
		var mine bool
		b.muster(ctx)
		if g, mine = b.begin(w.threads(b)); !mine {
			return errTaken
		}
		if r, err = w.grouped(ctx, job, p, g); err != nil {
			w.logFailure(ctx, "image not rendered", job.ID, err)
		}
		return err
	})
	if err == nil && g != nil && len(g.cells) == 1 {
		w.complete(job, p, g.level)
	}
	return r, queued, err
}

// grouped decodes a tile, and with it what is in its group. The error may be for what cost
// the decoder, which must be counted before it is tried again.
func (w *Worker) grouped(ctx context.Context, job tile.Job, p plan, g *group) (r *rendition, err error) {
	if g == nil {
		return w.decode(ctx, job, p)
	}
	p.task.Threads = g.threads
	failed := false
	defer func() { // also where this panics: mates wait for nothing else
		w.shelve(job, g)
		w.levels.settle(g, failed)
	}()
	w.skipKnown(ctx, job, g)
	if len(g.cells) > 1 {
		if r, failed, err = w.together(ctx, job, p, g); r != nil || err != nil {
			return r, err
		}
	}
	if r, err = w.decode(ctx, job, p); err == nil && r.file == nil {
		part := *r
		g.parts[g.first] = &part
	}
	return r, err
}

// shelve keeps what was made for those who have left meanwhile.
func (w *Worker) shelve(job tile.Job, g *group) {
	for _, c := range w.levels.orphans(g) {
		w.shelf.put(g.level.job(job, c).Key(), g.parts[c], g.level)
	}
}

// skipKnown drops from a group what nobody waits for and is at hand already.
func (w *Worker) skipKnown(ctx context.Context, job tile.Job, g *group) {
	var known []cell
	for _, c := range g.cells[1:] {
		if g.mates[c] {
			continue
		}
		if key := g.level.job(job, c).Key(); w.shelf.has(key) || w.has(ctx, key) {
			known = append(known, c)
		}
	}
	if known != nil {
		w.levels.skip(g, known)
	}
}

// has tells whether a result is kept.
func (w *Worker) has(ctx context.Context, key tile.Key) bool {
	if r, done := w.saver.find(key); r != nil {
		done()
		return true
	}
	if w.results == nil {
		return false
	}
	res, ok := w.results.Get(ctx, key)
	if ok {
		_ = res.Body.Close()
	}
	return ok
}

// together decodes the rectangle around a group's tiles. It returns the first of them, or
// nil where that did not work: then each is decoded by itself. never tells that it would
// not work another time either.
func (w *Worker) together(ctx context.Context, job tile.Job, p plan, g *group) (_ *rendition, never bool, err error) {
	l, around := g.level, g.area()
	joint := p
	joint.task.Region = l.region(around)
	joint.task.Width, joint.task.Height = l.answer(joint.task.Region)
	joint.task.Cuts = make([]iiifurl.Rect, len(g.cells))
	for i, c := range g.cells {
		joint.task.Cuts[i] = l.cut(c, around)
	}
	// Whoever has the slot may leave; the mates gave up their own places for this. It is a
	// block at most, so it is done also when all have left.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.limits.Timeout)
	defer cancel()
	defer context.AfterFunc(w.closing, cancel)()
	made, err := w.decodeParts(ctx, job, joint)
	switch {
	case errors.Is(err, decoder.ErrLost), tile.CodeOf(err) == tile.Changed:
		return nil, false, err
	case err != nil:
		w.log.Debug("tiles not decoded together", "id", job.ID, "tiles", len(g.cells), "error", err)
		code := tile.CodeOf(err)
		return nil, code == tile.Invalid || code == tile.Broken, nil
	}
	w.levels.count(g)
	for i, c := range g.cells {
		g.parts[c] = made[i]
		if i > 0 && !g.mates[c] {
			w.shelf.put(l.job(job, c).Key(), made[i], l)
		}
	}
	own := *made[0]
	return &own, false, nil
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
		parts = append(parts, &rendition{media: out.Type, size: size, from: tile.FromMiss, data: data, timing: timing})
	}
	return parts, nil
}
