package worker

import (
	"fmt"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/packets"
)

// ask is the job of a tile of an image of 5000 by 3000 pixels, at half its size.
func ask(r iiifurl.Rect, own int) (tile.Job, plan) {
	w, h := shrink(r.W, 1), shrink(r.H, 1)
	job := tile.Job{ID: "a", Version: "1", JPEGQuality: 80, Render: iiifurl.Resolved{Region: r, Width: w, Height: h, Format: "jpg"}}
	return job, plan{width: 5000, height: 3000, tileWidth: own, tileHeight: own, index: &packets.Index{}, task: decoder.Task{
		Format: tile.JP2, Region: r, Reduce: 1, Width: w, Height: h, Output: "jpg", JPEGQuality: 80,
	}}
}

func TestGridOf(t *testing.T) {
	for _, c := range []struct {
		name   string
		region iiifurl.Rect
		side   int // 0: no tile of a grid
		at     cell
	}{
		{"inside", iiifurl.Rect{X: 512, Y: 1024, W: 512, H: 512}, 256, cell{1, 2}},
		{"at the right edge", iiifurl.Rect{X: 4608, Y: 512, W: 392, H: 512}, 256, cell{9, 1}},
		{"at the lower edge", iiifurl.Rect{X: 512, Y: 2560, W: 512, H: 440}, 256, cell{1, 5}},
		{"larger", iiifurl.Rect{X: 1024, Y: 1024, W: 1024, H: 1024}, 512, cell{1, 1}},
		{"the last", iiifurl.Rect{X: 4608, Y: 2560, W: 392, H: 440}, 0, cell{}},
		{"off the grid", iiifurl.Rect{X: 100, Y: 1024, W: 512, H: 512}, 0, cell{}},
		{"oblong", iiifurl.Rect{X: 512, Y: 1024, W: 512, H: 256}, 0, cell{}},
		{"too large", iiifurl.Rect{X: 0, Y: 0, W: 2500, H: 2500}, 0, cell{}},
	} {
		g, at, ok := gridOf(ask(c.region, 0))
		if ok != (c.side != 0) || ok && (g.side != c.side || at != c.at) {
			t.Errorf("%s: %+v %v %t", c.name, g, at, ok)
		}
		if job, _ := ask(c.region, 0); ok && g.job(job, at).Key() != job.Key() {
			t.Errorf("%s: the grid's job is %+v", c.name, g.job(job, at))
		}
	}
}

// Tiles are decoded together within one of the file's own tiles: others have no code-block
// in common with them.
func TestGridLimits(t *testing.T) {
	for own, want := range map[int]cells{0: {0, 0, 10, 6}, 2048: {0, 4, 4, 6}, 512: {3, 4, 4, 5}, 256: {3, 4, 4, 5}, 600: {3, 4, 4, 5}} {
		g, at, ok := gridOf(ask(iiifurl.Rect{X: 1536, Y: 2048, W: 512, H: 512}, own))
		if got := g.limits(at); !ok || got != want {
			t.Errorf("tiles of %d: %v, want %v", own, got, want)
		}
	}
}

// The first tile in its part of an image is made alone; what is decoded together is around
// tiles that are wanted at the same moment.
func TestWhoIsTakenAlong(t *testing.T) {
	a := newLevels()
	stopped := map[string]bool{}
	join := func(x, y int) *asked {
		job, p := ask(iiifurl.Rect{X: x * 512, Y: y * 512, W: 512, H: 512}, 0)
		return a.join(job, p, func() { stopped[fmt.Sprint(x, y)] = true })
	}
	first, far := join(2, 2), join(7, 4)
	g, mine := first.begin(1)
	if !mine || len(g.cells) != 1 {
		t.Fatalf("the first: %+v, mine %t", g, mine)
	}
	if alone, mine := far.begin(1); !mine || len(alone.cells) != 1 {
		t.Errorf("far away: %+v, mine %t", alone, mine)
	}
	second, third := join(3, 2), join(3, 3)
	group, mine := second.begin(1)
	if !mine || len(group.cells) < 10 || len(group.mates) != 1 || !group.mates[cell{3, 3}] || !stopped["3 3"] {
		t.Fatalf("the second: %+v, mine %t, stopped %v", group, mine, stopped)
	}
	if _, mine := third.begin(1); mine || third.group != group {
		t.Error("a tile taken along begins by itself")
	}
	if late := join(4, 2); late.group != group {
		t.Error("a tile that is being made is not waited for")
	}
	for _, c := range group.cells {
		group.parts[c] = &rendition{}
	}
	a.count(group)
	a.settle(group, false)
	if r, err := third.others(t.Context()); r == nil || err != nil {
		t.Errorf("who was taken along got %v, %v", r, err)
	}
	s := a.stats()
	if s.joint != 1 || s.jobs != 1 || int(s.made) != len(group.cells)-2 {
		t.Errorf("%+v", s)
	}
}

// R15: nobody who has left is thought of, and grids that nobody uses are forgotten.
func TestLevelsForget(t *testing.T) {
	a := newLevels()
	for i := range 2 * maxGrids {
		job, p := ask(iiifurl.Rect{X: 512, Y: 512, W: 512, H: 512}, 0)
		job.ID = fmt.Sprint(i)
		w := a.join(job, p, func() {})
		w.leave()
		if len(w.level.waiting)+len(w.level.wanted) != 0 {
			t.Fatalf("%+v", w.level)
		}
	}
	if len(a.known) != maxGrids {
		t.Errorf("%d grids", len(a.known))
	}
	a.forget(func(id string) bool { return true })
	if len(a.known) != 0 {
		t.Errorf("%d grids", len(a.known))
	}
}

// A level of which what is made ahead is not asked for is no longer looked ahead in.
func TestNothingAheadInVain(t *testing.T) {
	l := &level{grid: grid{width: 5000, height: 3000, side: 256, reduce: 1}, making: map[cell]*group{{1, 1}: {}}, wanted: map[cell]int{{1, 1}: 1}}
	if got := l.choose(cell{1, 2}, false, foreground); got.count() < 10 {
		t.Errorf("%v beside one that is wanted", got)
	}
	l.ahead, l.used = 100, 10
	if got := l.choose(cell{1, 2}, false, foreground); got.count() != 1 {
		t.Errorf("%v where a tenth was of use", got)
	}
}
