package worker

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

const (
	// foreground is how many pixels of answers one thread decodes while somebody waits, and
	// screenful how many several do: what a viewer shows on a screen.
	foreground = 25 << 16
	screenful  = 36 << 16

	maxGrids = 256  // grids that are known at a time
	maxMade  = 4096 // tiles of one that are known to have been made
)

// levels knows which tiles of which grids are asked for, being made and made, and so what
// is worth decoding along with a tile: the wavelet's margin makes a lone one take six times
// the code-blocks that it takes in company.
//
// The first tile in its part of an image is made alone and at once. If neighbours are
// wanted at the same moment, somebody looks at this part: the next decodes with them what
// is still missing of the screen around the first. Tiles that are being made are waited for.
type levels struct {
	mu    sync.Mutex
	known map[levelKey]*level
	clock uint64
	spare bool // a level is being completed in the background

	counts aheadCounts
}

// aheadCounts are counted since the start.
type aheadCounts struct {
	joint uint64 // tiles decoded with a neighbour that somebody waited for
	jobs  uint64 // decodes that made tiles nobody had asked for
	made  uint64 // these tiles
	used  uint64 // of which so many were asked for later
}

// levelKey is equal for tiles of one grid that differ by their place alone.
type levelKey struct {
	id, version  string
	side, reduce int
	output       string
	quality      iiifurl.Quality
	jpeg         int
}

// level is one grid. All fields but the grid are guarded by levels.mu.
type level struct {
	grid
	last    uint64 // when it was used, by levels.clock
	waiting map[cell]*asked
	wanted  map[cell]int // asked for and not yet answered
	making  map[cell]*group
	made    map[cell]bool
	foci    foci
	lone    int  // made one by one
	ahead   int  // made unasked
	used    int  // of these, asked for later
	whole   bool // was completed in the background, or is being
	failed  bool // tiles of it cannot be decoded together
}

// asked is one tile on its way. Whoever takes it out of level.waiting decides what becomes
// of it: its own goroutine, or a neighbour that decodes it too.
type asked struct {
	all   *levels
	level *level
	cell  cell
	first bool   // nothing else of the level was on its way
	stop  func() // ends its waiting for a slot
	group *group // that makes it, where that is another's; until this waits no more, under mu
	late  bool   // that had begun when this was asked for
}

// group is tiles that are decoded at once.
type group struct {
	level   *level
	first   cell // whose turn it is
	cells   []cell
	mates   map[cell]bool // those among them, but for the first, that somebody waited for
	done    chan struct{} // closed once that was tried
	parts   map[cell]*rendition
	spare   bool // nobody waits for the first either
	threads int  // of the decoder; 0 for one
}

func newLevels() *levels { return &levels{known: make(map[levelKey]*level)} }

// join takes a tile up; nil where it is of no kind whose neighbours are thought of. stop
// may be called, once, before the tile begins.
func (a *levels) join(job tile.Job, p plan, stop func()) *asked {
	g, at, ok := gridOf(job, p)
	if !ok {
		return nil
	}
	t := p.task
	key := levelKey{job.ID, job.Version, g.side, t.Reduce, t.Output, t.Quality, t.JPEGQuality}
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.level(key, g)
	if l.failed || l.waiting[at] != nil {
		return nil
	}
	w := &asked{all: a, level: l, cell: at, first: len(l.wanted) == 0, stop: stop, group: l.making[at]}
	l.wanted[at]++
	if w.late = w.group != nil; !w.late {
		l.waiting[at] = w
	}
	return w
}

// level finds or makes one, in place of that not used for longest. Callers hold mu.
func (a *levels) level(key levelKey, g grid) *level {
	l := a.known[key]
	if l == nil {
		l = &level{
			grid: g, waiting: make(map[cell]*asked), wanted: make(map[cell]int),
			making: make(map[cell]*group), made: make(map[cell]bool),
		}
		if len(a.known) >= maxGrids {
			a.forgetOldest()
		}
		a.known[key] = l
	}
	a.clock++
	l.last = a.clock
	return l
}

func (a *levels) forgetOldest() {
	var oldest levelKey
	least := a.clock + 1
	for key, l := range a.known {
		if l.last < least {
			oldest, least = key, l.last
		}
	}
	delete(a.known, oldest) // who is on his way holds on to it
}

// begin takes the tile out for its own goroutine, and with it what is to be decoded along
// with it, by as many threads. mine is false where a neighbour was quicker.
func (w *asked) begin(threads int) (g *group, mine bool) {
	if w == nil {
		return nil, true
	}
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	l := w.level
	if l.waiting[w.cell] != w {
		return nil, false
	}
	most := foreground
	if threads > 1 {
		most = screenful
	}
	g = w.all.take(l, w.cell, l.choose(w.cell, w.first, most))
	if len(g.cells) > 1 || l.block != (cell{1, 1}) { // one small tile of the file is too little to share
		g.threads = threads
	}
	return g, true
}

func (l *level) missing(c cell) bool { return !l.made[c] && l.making[c] == nil }

// take makes a group of what is missing of a rectangle, and ends the waiting of those that
// wait for it. Callers hold mu.
func (a *levels) take(l *level, first cell, area cells) *group {
	g := &group{level: l, first: first, cells: []cell{first}, done: make(chan struct{}), mates: make(map[cell]bool), parts: make(map[cell]*rendition)}
	for y := area.y0; y < area.y1; y++ {
		for x := area.x0; x < area.x1; x++ {
			if c := (cell{x, y}); c != first && l.missing(c) {
				g.cells = append(g.cells, c)
			}
		}
	}
	for _, c := range g.cells {
		l.making[c] = g
		w := l.waiting[c]
		delete(l.waiting, c)
		if w != nil && c != first {
			g.mates[c] = true
			w.group = g
			w.stop()
		}
	}
	return g
}

// leave ends a tile's way.
func (w *asked) leave() {
	if w == nil {
		return
	}
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	l := w.level
	if l.waiting[w.cell] == w {
		delete(l.waiting, w.cell)
	}
	if l.wanted[w.cell]--; l.wanted[w.cell] <= 0 {
		delete(l.wanted, w.cell)
	}
}

// others waits for the group that makes the tile; nil where that failed.
func (w *asked) others(ctx context.Context) (*rendition, error) {
	select {
	case <-w.group.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	part := w.group.parts[w.cell]
	if part == nil {
		return nil, nil
	}
	own := *part // several may have it, and each tells its own times
	return &own, nil
}

// skip drops tiles from a group that has not begun, because they are at hand.
func (a *levels) skip(g *group, atHand []cell) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range atHand {
		delete(g.level.making, c)
		g.level.made[c] = true
	}
	g.cells = slices.DeleteFunc(g.cells, func(c cell) bool { return slices.Contains(atHand, c) })
}

// area is the rectangle around a group's tiles.
func (g *group) area() cells {
	all := g.first.alone()
	for _, c := range g.cells {
		all = all.around(c.alone())
	}
	return all
}

// use counts a tile made ahead that is asked for.
func (a *levels) use(l *level) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l.used++
	a.clock++
	l.last = a.clock
	a.counts.used++
}

// count notes what a group has made.
func (a *levels) count(g *group) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts.joint += uint64(len(g.mates))
	n := len(g.cells) - len(g.mates)
	if !g.spare {
		n--
	}
	if n > 0 {
		a.counts.jobs++
		a.counts.made += uint64(n)
		g.level.ahead += n
	}
}

// orphans are tiles that a group made for somebody who has left. They count as made ahead.
func (a *levels) orphans(g *group) (left []cell) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range g.mates {
		if g.level.wanted[c] == 0 && g.parts[c] != nil {
			left = append(left, c)
		}
	}
	a.counts.made += uint64(len(left))
	g.level.ahead += len(left)
	return left
}

func (a *levels) stats() aheadCounts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counts
}

// forget drops what is known of images.
func (a *levels) forget(meant func(id string) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.known, func(key levelKey, _ *level) bool { return meant(key.id) })
}

// settle ends a group, whose parts are set where it went well. failed tells that its tiles
// could not be decoded together.
func (a *levels) settle(g *group, failed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := g.level
	if len(l.made) > maxMade {
		clear(l.made)
	}
	for _, c := range g.cells {
		delete(l.making, c)
		if g.parts[c] != nil {
			l.made[c] = true
		}
	}
	switch {
	case failed:
		l.failed = true
	case len(g.cells) == 1 && g.parts[g.first] != nil:
		l.lone++
	}
	close(g.done)
}
