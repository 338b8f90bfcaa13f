package worker

import (
	"context"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

const (
	// smallLevel is up to how many pixels a resolution has that is completed once a few
	// tiles of it were made one by one: all of it costs about as much as half of its tiles
	// do alone. Of larger ones too few are asked for by readers who go elsewhere.
	smallLevel = 3 << 20
	// background is how many pixels are decoded at a time for nobody.
	background = 9 << 18
	// idleTime is how long work for nobody waits for a decoder that has nothing to do.
	idleTime = 2 * time.Second
)

// due tells whether a small level should be completed now, which is then up to the caller.
// One is at a time. The file's own tiles have no code-block in common, and of those that
// nobody has asked for the packets need not be known yet.
func (a *levels) due(l *level) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	tiles := l.all().count()
	if a.spare || l.whole || l.failed || l.block.x != 0 || int64(tiles)*int64(l.side*l.side) > smallLevel ||
		l.lone < 2 || l.lone*24 < tiles || l.side*l.side*2 > background {
		return false
	}
	a.spare, l.whole = true, true
	return true
}

// next takes a part of what is missing of a level; nil where that is nothing.
func (a *levels) next(l *level) *group {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := l.firstMissing()
	if !ok {
		return nil
	}
	most := min(background/(l.side*l.side), decoder.MaxCuts)
	area := l.limits(c)
	if area.count() > most {
		area = grow(l.missing, c.alone(), area, most, most)
	}
	g := a.take(l, c, area)
	g.spare = true
	return g
}

func (l *level) firstMissing() (cell, bool) {
	all := l.all()
	for y := all.y0; y < all.y1; y++ {
		for x := all.x0; x < all.x1; x++ {
			if c := (cell{x, y}); l.missing(c) && l.waiting[c] == nil {
				return c, true
			}
		}
	}
	return cell{}, false
}

// unfinished tells whether something is missing of a level, and somebody has asked for
// anything of it since.
func (a *levels) unfinished(l *level, since *uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	asked := l.last != *since
	*since = l.last
	_, missing := l.firstMissing()
	return asked && missing
}

func (a *levels) completed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spare = false
}

// complete makes the rest of a small level behind the readers' backs, if it is time for it:
// only in a slot that nobody waits for, and never in the only one.
func (w *Worker) complete(job tile.Job, p plan, l *level) {
	if w.closing.Err() != nil || !w.levels.due(l) {
		return
	}
	ctx, done := w.work(context.Background())
	p.lane = spare
	go func() {
		defer done()
		defer w.levels.completed()
		defer w.survive(job.ID)
		var since uint64
		for w.levels.unfinished(l, &since) && w.completePart(ctx, job, p, l) {
		}
	}()
}

// completePart makes one part of what is missing, and tells whether that went well.
func (w *Worker) completePart(ctx context.Context, job tile.Job, p plan, l *level) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	patience := time.AfterFunc(idleTime, cancel)
	defer patience.Stop()
	_, err := w.inSlot(ctx, p.object, p.lane, func(ctx context.Context) error {
		if !patience.Stop() {
			return context.Canceled
		}
		g := w.levels.next(l)
		if g == nil {
			return context.Canceled
		}
		first := l.job(job, g.first)
		p.task.Region, p.task.Width, p.task.Height = first.Render.Region, first.Render.Width, first.Render.Height
		r, err := w.grouped(ctx, first, p, g)
		if err == nil && r.file == nil && !r.damaged {
			w.shelf.put(first.Key(), r, l)
		}
		if r != nil {
			r.discard()
		}
		return err
	})
	return err == nil
}
