package worker

import (
	"context"
	"errors"
	"time"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/packets"
)

// Render implements tile.Renderer. A result of another version of the source than the
// current one may come from the cache, but is never made.
func (w *Worker) Render(ctx context.Context, job tile.Job) (tile.Result, error) {
	if err := ctx.Err(); err != nil {
		return tile.Result{}, err
	}
	key := job.Key()
	w.asked.Add(1)
	if res, ok := w.kept(ctx, key); ok {
		w.found.Add(1)
		return res, nil
	}
	leave := w.callers.enter(key)
	defer leave()
	r, joined, err := w.renderings.Do(ctx, key, func(ctx context.Context) (*rendition, error) {
		ctx, done := w.work(ctx)
		defer done()
		return w.render(ctx, job, key)
	})
	if err != nil {
		return tile.Result{}, w.outcome(ctx, err)
	}
	if joined {
		return w.result(r, tile.FromWorker), nil
	}
	return w.result(r, r.from), nil
}

func (w *Worker) result(r *rendition, from string) tile.Result {
	return tile.Result{Type: r.media, Size: r.size, Body: r.open(), Cache: from, Worker: w.name, Timing: r.timing, Damaged: r.damaged}
}

// kept finds a result that was made before.
func (w *Worker) kept(ctx context.Context, key tile.Key) (tile.Result, bool) {
	if r, done := w.saver.find(key); r != nil {
		defer done()
		return w.result(r, tile.FromWorker), true
	}
	if r := w.prepared(key); r != nil {
		return w.result(r, tile.FromWorker), true
	}
	if w.results == nil {
		return tile.Result{}, false
	}
	res, ok := w.results.Get(ctx, key)
	res.Worker = w.name
	return res, ok
}

// render is the work that equal jobs share.
func (w *Worker) render(ctx context.Context, job tile.Job, key tile.Key) (*rendition, error) {
	// Equal work may have ended between the caller's look into the cache and now.
	if r := shareable(w.kept(ctx, key)); r != nil {
		return r, nil
	}
	if r := w.fromShared(ctx, key); r != nil {
		w.saver.save(key, r)
		return r, nil
	}
	r, err := w.renderAnew(ctx, job)
	if err != nil {
		return nil, err
	}
	if r.damaged {
		w.callers.entrust(key, r.file)
		return r, nil
	}
	w.saver.save(key, r)
	if r.file == nil {
		w.sharer.save(key, r)
	} else {
		w.callers.entrust(key, r.file)
	}
	return r, nil
}

// fromShared asks the store that all workers share, or returns nil.
func (w *Worker) fromShared(ctx context.Context, key tile.Key) *rendition {
	if w.shared == nil {
		return nil
	}
	return shareable(w.shared.Get(ctx, key))
}

// shareable takes over a result that was found. It does without large ones, which
// would have to be copied to be shared: rather is one of them made twice, once in a
// great while.
func shareable(res tile.Result, ok bool) *rendition {
	if !ok {
		return nil
	}
	if res.Size > memoryBody {
		_ = res.Body.Close()
		return nil
	}
	data, err := readAll(res.Body, res.Size)
	if err != nil {
		return nil
	}
	return &rendition{media: res.Type, size: res.Size, data: data, from: res.Cache}
}

func (w *Worker) renderAnew(ctx context.Context, job tile.Job) (*rendition, error) {
	p, err := w.planned(ctx, job)
	if err != nil {
		return nil, err
	}
	done, fetched, err := w.ahead(ctx, job, p)
	if err != nil {
		w.logFailure(ctx, "image not fetched", job.ID, err)
		return nil, err
	}
	defer done()
	r, queued, err := w.admitted(ctx, job, p)
	if err != nil {
		return nil, err
	}
	r.timing.Queue = queued
	r.timing.Fetch += fetched
	return r, nil
}

// planned is the plan for a job, by what is known of its version.
func (w *Worker) planned(ctx context.Context, job tile.Job) (plan, error) {
	v, err := w.current(ctx, job)
	if err != nil {
		return plan{}, err
	}
	p, err := w.plan(job, v.image)
	if err != nil {
		return plan{}, err
	}
	p.object = v.object
	if !p.task.Format.IsJPEG2000() {
		return p, nil
	}
	region := rectangle(p.task.Region)
	x, why, err := w.packets.Index(ctx, v.object, region, p.task.Reduce)
	if err != nil {
		return plan{}, err
	}
	if x != nil {
		if levels := x.LevelsOf(region); levels < p.task.Reduce {
			v.image.Levels = levels
			if p, err = w.plan(job, v.image); err != nil {
				return plan{}, err
			}
			p.object = v.object
		}
	}
	p.index, p.unindexed = x, why
	return p, nil
}

// current is the verdict on the job's version: from memory, which may be behind the
// source, or else on what the source has now.
func (w *Worker) current(ctx context.Context, job tile.Job) (verdict, error) {
	v, ok := w.verdicts.GetIfPresent(subject{job.ID, job.Version})
	if !ok {
		o, err := w.source.Find(ctx, job.ID)
		if err != nil {
			return verdict{}, err
		}
		if o.Version != job.Version {
			return verdict{}, errChanged()
		}
		if v, err = w.judge(ctx, job.ID, o); err != nil {
			return verdict{}, err
		}
	}
	return v, v.err
}

// decode makes pixels of the very version that the job names.
func (w *Worker) decode(ctx context.Context, job tile.Job, p plan) (*rendition, error) {
	began := time.Now()
	f, err := w.openVersion(ctx, job)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	r, err := w.pixels(ctx, p, f, began)
	if !f.Same() {
		if r != nil {
			r.discard()
		}
		return nil, errChanged()
	}
	return r, err
}

// pixels has a child decode what the plan calls for of an open file.
func (w *Worker) pixels(ctx context.Context, p plan, f store.Blob, began time.Time) (*rendition, error) {
	task, err := w.task(p, f)
	if err != nil {
		return nil, err
	}
	fetch := time.Since(began)
	out, err := w.decoders.Render(ctx, task)
	if err != nil && task.Stream != nil && unlikely(err) {
		w.log.Warn("codestream made of packets not decoded: trying the whole file", "key", p.object.Key, "error", err)
		p.index, p.unindexed = nil, packets.Decoder
		return w.pixels(ctx, p, f, began)
	}
	if err != nil && w.bestEffort && !task.Lenient && unlikely(err) {
		w.log.Warn("damaged image: drawing what can be decoded of it", "key", p.object.Key, "error", err)
		p.index, p.unindexed, p.task.Lenient = nil, packets.Decoder, true
		return w.pixels(ctx, p, f, began)
	}
	if err != nil {
		return nil, err
	}
	r, err := adopt(out)
	if err != nil {
		return nil, err
	}
	r.timing, r.damaged = tile.Timing{Fetch: fetch, Decode: out.Decode, Encode: out.Encode}, task.Lenient
	return r, nil
}

// unlikely tells errors that blame the bytes, though not at the price of a child: with a
// codestream of our own making, the whole file deserves a try.
func unlikely(err error) bool {
	return tile.CodeOf(err) == tile.Broken && !errors.Is(err, decoder.ErrLost)
}

func (w *Worker) openVersion(ctx context.Context, job tile.Job) (store.Blob, error) {
	o, err := w.source.Find(ctx, job.ID)
	if err != nil {
		return nil, err
	}
	if o.Version != job.Version {
		return nil, errChanged()
	}
	return w.source.Open(ctx, o)
}
