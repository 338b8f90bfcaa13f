package jp2

// Rect is a half-open rectangle [X0,X1)×[Y0,Y1), on the reference grid where nothing
// else is said.
type Rect struct{ X0, Y0, X1, Y1 int64 }

// Empty tells whether there is nothing inside.
func (r Rect) Empty() bool { return r.X0 >= r.X1 || r.Y0 >= r.Y1 }

func (r Rect) width() int64  { return max(0, r.X1-r.X0) }
func (r Rect) height() int64 { return max(0, r.Y1-r.Y0) }

// Meets tells whether the two have anything in common.
func (r Rect) Meets(o Rect) bool { return !r.Intersect(o).Empty() }

// Samples is how many points lie inside.
func (r Rect) Samples() int64 { return r.width() * r.height() }

// area counts the cells of a rectangle of cells.
func (r Rect) area() int { return int(r.width() * r.height()) }

// Intersect is what the two have in common; it may be empty.
func (r Rect) Intersect(o Rect) Rect {
	return Rect{max(r.X0, o.X0), max(r.Y0, o.Y0), min(r.X1, o.X1), min(r.Y1, o.Y1)}
}

func (r Rect) contains(o Rect) bool {
	return r.X0 <= o.X0 && r.Y0 <= o.Y0 && r.X1 >= o.X1 && r.Y1 >= o.Y1
}

// Over divides all edges upwards: how areas pass from a grid to a coarser one (B-12, B-14).
func (r Rect) Over(x, y int64) Rect {
	return Rect{ceilDiv(r.X0, x), ceilDiv(r.Y0, y), ceilDiv(r.X1, x), ceilDiv(r.Y1, y)}
}

// cover gives the cells of the lattice anchored at 0 that the rectangle meets.
func (r Rect) cover(x, y uint8) Rect {
	if r.Empty() {
		return Rect{}
	}
	return Rect{r.X0 >> x, r.Y0 >> y, (r.X1-1)>>x + 1, (r.Y1-1)>>y + 1}
}

func (r Rect) shift(x, y int64) Rect { return Rect{r.X0 + x, r.Y0 + y, r.X1 + x, r.Y1 + y} }

// Area is the image area.
func (s *Size) Area() Rect { return Rect{s.XOsiz, s.YOsiz, s.Xsiz, s.Ysiz} }

// Tile is the area of tile t, clipped to the image (B-7 to B-10).
func (s *Size) Tile(t int64) Rect {
	return s.nominal(t%s.Columns(), t/s.Columns()).Intersect(s.Area())
}

// nominal is the tile in column p and row q as if the image had no edges.
func (s *Size) nominal(p, q int64) Rect {
	x, y := s.XTOsiz+p*s.XTsiz, s.YTOsiz+q*s.YTsiz
	return Rect{x, y, x + s.XTsiz, y + s.YTsiz}
}

// grid is one resolution of one component of a tile, and its precincts.
type grid struct {
	rect     Rect // in samples of this resolution
	precinct Precinct
	cells    Rect // precincts met, as indices on the lattice anchored at sample 0 (B.6)
	first    int  // number within the tile of the first precinct
}

// number is the number within the tile of the precinct at a cell of the lattice.
func (g *grid) number(x, y int64) int {
	return g.first + int((y-g.cells.Y0)*g.cells.width()+x-g.cells.X0)
}

// tileGrid is how a tile falls into precincts. Precincts are numbered by component,
// then resolution, then raster order.
type tileGrid struct {
	rect      Rect
	params    *Params
	grids     [][]grid // by component, then resolution
	precincts int
}

func newTileGrid(s *Size, params *Params, rect Rect) *tileGrid {
	t := &tileGrid{rect: rect, params: params, grids: make([][]grid, len(s.Components))}
	for c := range t.grids {
		coding, size := &params.Components[c], s.Components[c]
		t.grids[c] = make([]grid, coding.Levels+1)
		for r := range t.grids[c] {
			scale := int64(1) << (coding.Levels - r)
			g := grid{rect: rect.Over(size.DX*scale, size.DY*scale), precinct: coding.Precincts[r], first: t.precincts}
			g.cells = g.rect.cover(g.precinct.X, g.precinct.Y)
			t.precincts += g.cells.area()
			t.grids[c][r] = g
		}
	}
	return t
}

// packets is how many packets the tile has at most: exactly that without POC.
func (t *tileGrid) packets() int { return t.precincts * t.params.Layers }
