package worker

import (
	"sync"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

const (
	// blockSide is the side of the blocks, in pixels of the answers, whose tiles may be
	// decoded together.
	blockSide = 1024
	// slack is what the rectangle around tiles decoded together may have more than they.
	slack = 1.5
)

// batches lets tiles that wait for a slot be decoded by a neighbour that has got one: the
// wavelet's margin makes a tile take most of what its neighbours take again. Nothing is
// decoded that nobody waits for, and no tile waits for company.
type batches struct {
	slots int

	mu      sync.Mutex
	waiting map[batchKey][]*batched
}

// batchKey is equal for tiles of one block that differ by their place alone.
type batchKey struct {
	id, version string
	x, y        int // of the block
	reduce      int
	output      string
	quality     iiifurl.Quality
	jpeg        int
}

// batched is one tile on its way. Whoever takes it out of batches.waiting decides what
// becomes of it: its own goroutine, or a neighbour that decodes it too.
type batched struct {
	all    *batches
	key    batchKey
	region iiifurl.Rect
	stop   func()        // ends its waiting for a slot
	done   chan struct{} // closed once a neighbour has tried
	result *rendition    // nil where that failed
}

// batchable tells tiles of which every pixel is one of the file at this resolution, and
// whose corners lie on the same grid whatever the image's origin.
func batchable(job tile.Job, t decoder.Task) bool {
	r, step := t.Region, 1<<t.Reduce
	aligned := r.X%step == 0 && r.Y%step == 0 && r.W%step == 0 && r.H%step == 0
	return t.Format.IsJPEG2000() && aligned && t.Width == r.W/step && t.Height == r.H/step && !t.Mirror && t.Degrees == 0 &&
		area(t.Width, t.Height) <= blockSide*blockSide/4 && (job.Render.Format == "jpg" || job.Render.Format == "webp")
}

// join adds a tile to those that wait; nil where it is of no kind that is batched. stop
// may be called, once, before the tile begins.
func (a *batches) join(job tile.Job, p plan, stop func()) *batched {
	t := p.task
	if p.index == nil || a.slots < 1 || !batchable(job, t) {
		return nil
	}
	side := blockSide << t.Reduce
	b := &batched{
		all: a, region: t.Region, stop: stop, done: make(chan struct{}),
		key: batchKey{job.ID, job.Version, t.Region.X / side, t.Region.Y / side, t.Reduce, t.Output, t.Quality, t.JPEGQuality},
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting == nil {
		a.waiting = make(map[batchKey][]*batched)
	}
	a.waiting[b.key] = append(a.waiting[b.key], b)
	return b
}

// begin takes the tile out for its own goroutine, and with it the neighbours that it is to
// decode too: a fair share for each slot. mine is false where a neighbour was quicker.
func (b *batched) begin() (mates []*batched, mine bool) {
	if b == nil {
		return nil, true
	}
	a := b.all
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.remove(b) {
		return nil, false
	}
	share := (len(a.waiting[b.key]) + a.slots) / a.slots // of those waiting and this one, rounded up
	around, sum := b.region, regionArea(b.region)
	for _, m := range append([]*batched(nil), a.waiting[b.key]...) {
		if len(mates)+1 >= min(share, decoder.MaxCuts) {
			break
		}
		grown := union(around, m.region)
		if float64(regionArea(grown)) > slack*float64(sum+regionArea(m.region)) {
			continue
		}
		around, sum = grown, sum+regionArea(m.region)
		a.remove(m)
		m.stop()
		mates = append(mates, m)
	}
	return mates, true
}

// leave takes the tile out where it is still there: nobody waits for it.
func (b *batched) leave() {
	if b != nil {
		b.all.mu.Lock()
		defer b.all.mu.Unlock()
		b.all.remove(b)
	}
}

// remove tells whether the tile was among the waiting. Callers hold mu.
func (a *batches) remove(b *batched) bool {
	for i, w := range a.waiting[b.key] {
		if w != b {
			continue
		}
		rest := append(a.waiting[b.key][:i:i], a.waiting[b.key][i+1:]...)
		if a.waiting[b.key] = rest; len(rest) == 0 {
			delete(a.waiting, b.key)
		}
		return true
	}
	return false
}

// settle hands a tile its result, nil where there is none.
func (b *batched) settle(r *rendition) {
	b.result = r
	close(b.done)
}

func regionArea(r iiifurl.Rect) int64 { return area(r.W, r.H) }

func union(a, b iiifurl.Rect) iiifurl.Rect {
	x, y := min(a.X, b.X), min(a.Y, b.Y)
	return iiifurl.Rect{X: x, Y: y, W: max(a.X+a.W, b.X+b.W) - x, H: max(a.Y+a.H, b.Y+b.H) - y}
}
