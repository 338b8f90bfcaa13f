package worker

import (
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// cell is a tile's place in a grid: column and row.
type cell struct{ x, y int }

// cells is a half-open rectangle of them.
type cells struct{ x0, y0, x1, y1 int }

func (c cells) count() int { return (c.x1 - c.x0) * (c.y1 - c.y0) }

func (c cell) alone() cells { return cells{c.x, c.y, c.x + 1, c.y + 1} }

// around is the smallest rectangle that holds both.
func (c cells) around(d cells) cells {
	return cells{min(c.x0, d.x0), min(c.y0, d.y0), max(c.x1, d.x1), max(c.y1, d.y1)}
}

func (c cells) within(d cells) bool { return c.around(d) == d }

func (c cells) intersect(d cells) cells {
	return cells{max(c.x0, d.x0), max(c.y0, d.y0), min(c.x1, d.x1), min(c.y1, d.y1)}
}

// grid is how a viewer cuts one resolution of an image into tiles: squares of side pixels
// of the answers, less at the right and lower edges.
type grid struct {
	width, height int  // of the image
	side, reduce  int  // a pixel of an answer is 2^reduce of the image's
	block         cell // tiles that one of the file's own tiles holds; 0: the file has none
}

func (g grid) span() int { return g.side << g.reduce }

func (g grid) all() cells {
	return cells{0, 0, (g.width-1)/g.span() + 1, (g.height-1)/g.span() + 1}
}

// limits are the tiles worth decoding together with one: what lies in other tiles of the
// file has no code-block in common with it.
func (g grid) limits(c cell) cells {
	if g.block.x == 0 {
		return g.all()
	}
	x, y := c.x/g.block.x*g.block.x, c.y/g.block.y*g.block.y
	return cells{x, y, x + g.block.x, y + g.block.y}.intersect(g.all())
}

// region is the part of the image that tiles cover.
func (g grid) region(c cells) iiifurl.Rect {
	x, y := c.x0*g.span(), c.y0*g.span()
	return iiifurl.Rect{X: x, Y: y, W: min(c.x1*g.span(), g.width) - x, H: min(c.y1*g.span(), g.height) - y}
}

// answer is the size in pixels of what is made of a region of the grid.
func (g grid) answer(r iiifurl.Rect) (w, h int) { return shrink(r.W, g.reduce), shrink(r.H, g.reduce) }

// cut is where one tile lies in the answer made of several.
func (g grid) cut(c cell, all cells) iiifurl.Rect {
	w, h := g.answer(g.region(c.alone()))
	return iiifurl.Rect{X: (c.x - all.x0) * g.side, Y: (c.y - all.y0) * g.side, W: w, H: h}
}

// job is the one that asks for another tile of the grid as this asks for its own.
func (g grid) job(as tile.Job, c cell) tile.Job {
	as.Render.Region = g.region(c.alone())
	as.Render.Width, as.Render.Height = g.answer(as.Render.Region)
	return as
}

// gridOf finds the grid that a job's tile belongs to, and its place. ok is false for what
// is no tile of a grid, or of no kind whose neighbours are thought of: those of which every
// pixel is one of the file at its resolution. The last tile of an image alone does not tell
// how large the others are.
func gridOf(job tile.Job, p plan) (g grid, at cell, ok bool) {
	r, t := p.task.Region, p.task
	right, lower := r.X+r.W == p.width, r.Y+r.H == p.height
	if p.index == nil || right && lower || !plain(job, p) {
		return grid{}, cell{}, false
	}
	g = grid{width: p.width, height: p.height, side: t.Width, reduce: t.Reduce}
	if right {
		g.side = t.Height
	}
	g.block = cell{inside(p.tileWidth, g), inside(p.tileHeight, g)}
	at = cell{r.X / g.span(), r.Y / g.span()}
	w, h := g.answer(r)
	return g, at, g.region(at.alone()) == r && w == t.Width && h == t.Height
}

// inside is how many tiles of the grid lie along a side of the file's own; 1 where these
// are smaller, or cut across them.
func inside(own int, g grid) int {
	if own == 0 || own%g.span() == 0 {
		return own / g.span()
	}
	return 1
}

// plain tells renderings that are pixels of the file, encoded, in formats that are quick.
func plain(job tile.Job, p plan) bool {
	t := p.task
	return t.Format.IsJPEG2000() && !t.Mirror && t.Degrees == 0 && area(t.Width, t.Height) <= 1<<20 &&
		(job.Render.Format == "jpg" || job.Render.Format == "webp")
}
