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
	return w.level.waiting[w.cell] == w && w.level.limits(w.cell).count() > 1 && (w.level.company(w.cell) || w.level.beside(w.cell))
}

// beside tells whether a tile is missing at the edge of what a viewer has.
func (l *level) beside(at cell) bool {
	if !l.missing(at) {
		return false
	}
	return l.made[cell{at.x - 1, at.y}] || l.made[cell{at.x + 1, at.y}] || l.made[cell{at.x, at.y - 1}] || l.made[cell{at.x, at.y + 1}]
}

// threads is how many a decoder may use for the readers of a tile's level, as long as nobody
// else waits: those of slots that are free, or in which a lone tile of theirs is made.
func (w *Worker) threads(b *asked) int {
	if b == nil {
		return 1
	}
	free, waiting := w.admission.rest(tiles)
	own, lone := w.levels.readers(b.level)
	if waiting > own {
		return 1
	}
	return min(1+free+lone, decoder.MaxThreads)
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
