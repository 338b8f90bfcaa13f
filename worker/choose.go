package worker

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tessera-iiif/tessera/worker/decoder"
)

const (
	// reach is how far, in pixels of answers, what is made ahead lies from what is wanted,
	// where it is not known what the screen shows.
	reach = 512
	// near is how many tiles away another still counts as a neighbour.
	near = 2
	// slack is what the rectangle around tiles that wait may have more than they.
	slack = 1.5
)

// choose is what is decoded when it is a tile's turn, up to so many pixels of answers: the
// first of a view alone, since its reader waits, and then what the screen shows.
func (l *level) choose(at cell, first bool, pixels int) cells {
	from, limits := at.alone(), l.limits(at)
	most := min(pixels/(l.side*l.side), decoder.MaxCuts)
	if !l.company(at) || most < 2 {
		l.foci.add(at)
		return from
	}
	from = l.gather(from, limits, most)
	limits, edge := from.along(limits)
	if first && !edge {
		l.foci.add(at)
		return at.alone()
	}
	if l.ahead >= 64 && l.used*4 < l.ahead { // what was made ahead is not what is asked for
		return from
	}
	missing := l.missing
	if edge {
		missing = l.beside
	}
	if screen, ok := l.foci.screen(at, l.side); ok && from.within(screen) {
		return grow(missing, from, limits.intersect(screen), most, most)
	}
	return grow(missing, from, limits, max(1, reach/l.side), most)
}

// company tells whether somebody looks at the image around a tile: another nearby is
// wanted now, and it is not the first there that is made.
func (l *level) company(at cell) bool {
	if screen, ok := l.foci.screen(at, l.side); ok {
		for c := range l.wanted {
			if c != at && c.alone().within(screen) {
				return true
			}
		}
	}
	wanted, begun := false, false
	for y := at.y - near; y <= at.y+near; y++ {
		for x := at.x - near; x <= at.x+near; x++ {
			c := cell{x, y}
			if c != at {
				wanted = wanted || l.wanted[c] > 0
				begun = begun || !l.missing(c)
			}
		}
	}
	return wanted && begun
}

// gather widens a rectangle by tiles that wait beside it.
func (l *level) gather(from, limits cells, most int) cells {
	for _, c := range l.nearest(from) {
		wider := from.around(c.alone())
		if wider.within(limits) && wider.count() <= most && float64(wider.count()) <= slack*float64(from.count()+1) {
			from = wider
		}
	}
	return from
}

// nearest are the tiles that wait, from the nearest on.
func (l *level) nearest(to cells) []cell {
	distance := func(c cell) int { return max(to.x0-c.x, c.x-to.x0) + max(to.y0-c.y, c.y-to.y0) }
	return slices.SortedFunc(maps.Keys(l.waiting), func(a, b cell) int {
		return cmp.Or(cmp.Compare(distance(a), distance(b)), cmp.Compare(a.y, b.y), cmp.Compare(a.x, b.x))
	})
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
