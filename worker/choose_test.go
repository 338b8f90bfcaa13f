package worker

import (
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/packets"
)

// reader asks for tiles of 256 pixels of a large image at full size.
type reader struct {
	t   *testing.T
	all *levels
}

func (r reader) ask(at ...cell) (waiting []*asked) {
	r.t.Helper()
	for _, c := range at {
		region := iiifurl.Rect{X: c.x * 256, Y: c.y * 256, W: 256, H: 256}
		job := tile.Job{ID: "a", Version: "1", Render: iiifurl.Resolved{Region: region, Width: 256, Height: 256, Format: "jpg"}}
		w := r.all.join(job, plan{width: 25600, height: 25600, index: &packets.Index{}, task: decoder.Task{
			Format: tile.JP2, Region: region, Width: 256, Height: 256, Output: "jpg",
		}}, func() {})
		if w == nil {
			r.t.Fatalf("%v is no tile of a grid", c)
		}
		waiting = append(waiting, w)
	}
	return waiting
}

// made ends what was begun, and the waiting for it.
func (r reader) made(groups []*group, waiting []*asked) {
	for _, g := range groups {
		for _, c := range g.cells {
			g.parts[c] = &rendition{}
		}
		r.all.settle(g, false)
	}
	for _, w := range waiting {
		w.leave()
	}
}

// begun has the turn of those that nobody has taken along come.
func (r reader) begun(waiting []*asked, threads int) (groups []*group) {
	for _, w := range waiting {
		if w.group != nil {
			continue
		}
		if g, mine := w.begin(threads); mine {
			groups = append(groups, g)
		}
	}
	return groups
}

// A viewer loads a view from its middle, six tiles at a time; then what its screen shows
// beyond the one that was thought of; then it moves on by half a screen.
func TestViews(t *testing.T) {
	r := reader{t, newLevels()}

	middle := r.ask(cell{50, 50})
	groups := r.begun(middle, 2)
	around := r.ask(cell{51, 50}, cell{50, 49}, cell{50, 51}, cell{49, 50}, cell{51, 51})
	groups = append(groups, r.begun(around, 2)...)
	if len(groups) != 2 || len(groups[0].cells) != 1 || len(groups[1].cells) != 34 || len(groups[1].mates) != 4 {
		t.Fatalf("a first view is made in %d parts", len(groups))
	}
	if area := groups[1].area(); area != (cells{47, 48, 54, 53}) {
		t.Errorf("of %v is made %v", cell{50, 50}, area)
	}
	if groups[1].threads != 2 {
		t.Errorf("by %d threads", groups[1].threads)
	}
	r.made(groups, append(middle, around...))

	edge := r.ask(cell{54, 50}, cell{54, 49}, cell{54, 51}, cell{54, 48}, cell{54, 52})
	groups = r.begun(edge, 2)
	if len(groups) != 1 || groups[0].area() != (cells{54, 48, 55, 53}) {
		t.Fatalf("the rest of a view is made in %d parts, the first %v", len(groups), groups[0].area())
	}
	r.made(groups, edge)

	beyond := r.ask(cell{55, 50}, cell{55, 49}, cell{55, 51}, cell{56, 50}, cell{56, 51})
	groups = r.begun(beyond, 2)
	if len(groups) != 2 || len(groups[0].cells) != 1 || groups[1].area() != (cells{55, 48, 59, 53}) {
		t.Fatalf("another view is made in %d parts, the last %v", len(groups), groups[len(groups)-1].area())
	}
	r.made(groups, beyond)
}

// What was made for a reader who has left meanwhile is kept for the next.
func TestOrphans(t *testing.T) {
	r := reader{t, newLevels()}
	all := append(r.ask(cell{50, 50}), r.ask(cell{51, 50}, cell{50, 51})...)
	groups := r.begun(all, 2)
	g := groups[len(groups)-1]
	all[2].leave()
	for _, c := range g.cells {
		g.parts[c] = &rendition{}
	}
	if left := r.all.orphans(g); len(left) != 1 || left[0] != all[2].cell || g.level.ahead != 1 {
		t.Errorf("%v, %d ahead", left, g.level.ahead)
	}
}

// Two readers in distant parts of an image are no company for one another, whatever was
// looked at between them.
func TestStrangers(t *testing.T) {
	r := reader{t, newLevels()}
	for range 2 * maxFoci {
		one := r.ask(cell{10, 10}, cell{60, 60})
		groups := r.begun(one, 2)
		if len(groups) != 2 || len(groups[0].cells)+len(groups[1].cells) != 2 {
			t.Fatalf("%d parts", len(groups))
		}
		clear(groups[0].level.made)
		r.made(groups, one)
		clear(groups[0].level.made)
	}
}

// A decoder has the threads of slots that rest, and one where somebody else waits.
func TestThreads(t *testing.T) {
	r := reader{t, newLevels()}
	w := &Worker{levels: r.all, admission: newAdmission(4, 10)}
	own := r.ask(cell{10, 10})[0]
	for _, c := range []struct{ running, waiting, want int }{{1, 0, 4}, {2, 0, 3}, {4, 0, 1}, {3, 1, 2}, {3, 2, 1}} {
		w.admission.running[tiles] = c.running
		w.admission.waiting[tiles] = make([]*ticket, c.waiting) // one of them may be the tile itself
		if got := w.threads(own); got != c.want {
			t.Errorf("%d run and %d wait: %d threads, want %d", c.running, c.waiting, got, c.want)
		}
	}
	w.admission = newAdmission(1, 10)
	w.admission.running[tiles] = 1
	if w.threads(own) != 1 {
		t.Error("several threads in the only slot")
	}
}
