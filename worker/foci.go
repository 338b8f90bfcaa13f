package worker

import (
	"context"
	"slices"
	"time"

	"github.com/tessera-iiif/tessera/worker/decoder"
)

// The part of a screen in which a viewer shows an image, in pixels. Where it is larger, what
// lies outside is asked for, and decoded, after it.
const (
	screenWidth  = 1600
	screenHeight = 1000
)

const maxFoci = 8

// moment is how long the requests of a viewer for one view take to arrive.
const moment = 3 * time.Millisecond

// foci are the tiles of a level that were lately asked for before any near them, newest
// last. Viewers ask from the middle of the screen outwards.
type foci []cell

func (f *foci) add(c cell) {
	if len(*f) == maxFoci {
		*f = slices.Delete(*f, 0, 1)
	}
	*f = append(*f, c)
}

// screen is what a viewer shows around the newest focus that has the tile on its screen.
func (f foci) screen(c cell, side int) (cells, bool) {
	dx, dy := (screenWidth/side+1)/2, (screenHeight/side+1)/2
	for _, m := range slices.Backward(f) {
		all := cells{m.x - dx, m.y - dy, m.x + dx + 1, m.y + dy + 1}
		if c.alone().within(all) {
			return all, true
		}
	}
	return cells{}, false
}

// along keeps limits to a row or column where that is what is asked for: the rest of what a
// viewer shows, or what comes on the screen as it is moved a little.
func (c cells) along(limits cells) (_ cells, ok bool) {
	switch w, h := c.x1-c.x0, c.y1-c.y0; {
	case w == 1 && h > 2:
		limits.x0, limits.x1 = c.x0, c.x1
	case h == 1 && w > 2:
		limits.y0, limits.y1 = c.y0, c.y1
	default:
		return limits, false
	}
	return limits, true
}

// muster gives a viewer the moment in which the tiles arrive that are asked for with this
// one: they tell what it shows.
func (w *asked) muster(ctx context.Context) {
	if w == nil || !w.accompanied() {
		return
	}
	t := time.NewTimer(moment)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (w *asked) accompanied() bool {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	return w.level.waiting[w.cell] == w && (w.level.company(w.cell) || w.level.beside(w.cell))
}

// beside tells whether a tile lies at the edge of what a viewer has.
func (l *level) beside(at cell) bool {
	return l.made[cell{at.x - 1, at.y}] || l.made[cell{at.x + 1, at.y}] || l.made[cell{at.x, at.y - 1}] || l.made[cell{at.x, at.y + 1}]
}

// threads is how many a decoder may use for the readers of a tile's level: those of slots
// that are free, or in which a lone tile of theirs is made, as long as nobody else waits.
func (w *Worker) threads(b *asked) int {
	if b == nil {
		return 1
	}
	free, waiting := w.admission.rest(tiles)
	own, lone := w.levels.readers(b.level)
	if waiting > own {
		return 1
	}
	return min(max(1+free+lone, 2), decoder.MaxThreads)
}

// readers tells how many tiles of a level wait for their turn, and how many are made alone.
func (a *levels) readers(l *level) (waiting, lone int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range l.making {
		if len(g.cells) == 1 {
			lone++
		}
	}
	return len(l.waiting), lone
}
