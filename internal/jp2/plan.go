package jp2

// Plan says which packets a region needs, and what codestream to put around them so
// that a decoder gives the very samples it would have given of the whole file: levels
// that the reduction drops are cut, the image is cropped to a window around the region
// whose edges no precinct straddles, and packets that are not needed are left empty.
type Plan struct {
	// Region is what to decode, without further reduction, in reference grid points of
	// the synthetic codestream.
	Region Rect
	size   Size
	boxes  []byte // to be put around it
	cap    []byte
	params Params // of the synthetic main header
	tiles  []plannedTile
}

// plannedTile is one tile of the synthetic codestream.
type plannedTile struct {
	grid   *tileGrid // of the synthetic tile
	source *layout
	from   []int32 // by precinct of grid: its number in source, or unneeded
}

// Pixels is Region counted from the top left corner of the synthetic image.
func (p *Plan) Pixels() Rect { return p.Region.shift(-p.size.XOsiz, -p.size.YOsiz) }

// unneeded marks precincts outside the region's reach.
const unneeded = -1

// planner works out one Plan.
type planner struct {
	x      *Index
	reduce int
	region Rect     // at full size
	small  Rect     // the region after reduction
	tiles  Rect     // columns and rows of tiles touched
	align  [2]int64 // lattice on which the window may be cut, along x and y
	margin [2]int64 // what the wavelets reach beyond the region
	window Rect
	shift  [2]int64 // from the synthetic grid to the reduced source's
}

// Plan works out what is needed of the image within region, in pixels from its top
// left corner, with reduce wavelet levels dropped. Errors are an *Error that says why
// the region must be decoded from the whole file instead.
func (x *Index) Plan(region Rect, reduce int) (*Plan, error) {
	w := &planner{x: x, reduce: reduce}
	if err := w.locate(region); err != nil {
		return nil, err
	}
	sources, err := w.sources()
	if err != nil {
		return nil, err
	}
	w.reach(sources)
	w.crop()
	p := &Plan{cap: x.cap, boxes: x.boxes, size: w.synthetic(), Region: w.small.shift(-w.shift[0], -w.shift[1])}
	for i, source := range sources {
		tile, err := w.tile(&p.size, int64(i), source)
		if err != nil {
			return nil, err
		}
		p.tiles = append(p.tiles, tile)
	}
	p.params = *p.tiles[0].grid.params
	return p, nil
}

// whole is where reasons against planning at all are reported.
var whole = place{"plan", 0}

// locate finds the region on the grids before and after reduction, and its tiles.
func (w *planner) locate(region Rect) error {
	s := &w.x.size
	if w.reduce < 0 || w.reduce > 32 {
		return whole.fail("reduction by %d levels", w.reduce)
	}
	w.region = region.shift(s.XOsiz, s.YOsiz).Intersect(s.Area())
	w.small = w.region.Over(1<<w.reduce, 1<<w.reduce)
	if w.region.Empty() || w.small.Empty() {
		return whole.fail("nothing is left of the region")
	}
	w.tiles = s.tilesOf(w.shown())
	if w.tiles.width() > 1 && s.XTsiz>>w.reduce<<w.reduce != s.XTsiz ||
		w.tiles.height() > 1 && s.YTsiz>>w.reduce<<w.reduce != s.YTsiz {
		return whole.fail("tiles of %d×%d pixels do not divide by 2^%d", s.XTsiz, s.YTsiz, w.reduce)
	}
	return nil
}

// shown is the region and the samples shown at its first column and row: of a sampled
// component that is the one before, which may lie in the tile before.
func (w *planner) shown() Rect {
	r := w.region
	for _, c := range w.x.size.Components {
		r.X0 = min(r.X0, w.small.X0/c.DX*c.DX<<w.reduce)
		r.Y0 = min(r.Y0, w.small.Y0/c.DY*c.DY<<w.reduce)
	}
	return r.Intersect(w.x.size.Area())
}

// PlanPackets is how many packets may be laid out for a plan of several tiles.
const PlanPackets = 1 << 21

// sources lays out the tiles touched, in raster order.
func (w *planner) sources() ([]*layout, error) {
	touched := w.touched()
	if err := w.bounded(touched); err != nil {
		return nil, err
	}
	all := make([]*layout, 0, len(touched))
	for _, t := range touched {
		l, err := w.x.layoutOf(t)
		if err != nil {
			return nil, err
		}
		for c := range l.params.Components {
			if levels := l.params.Components[c].Levels; levels < w.reduce {
				return nil, whole.fail("component %d has %d wavelet levels, not %d", c, levels, w.reduce)
			}
		}
		all = append(all, l)
	}
	return all, nil
}

// touched gives the tiles touched, in raster order.
func (w *planner) touched() []int {
	tiles := make([]int, 0, w.tiles.area())
	for q := w.tiles.Y0; q < w.tiles.Y1; q++ {
		for p := w.tiles.X0; p < w.tiles.X1; p++ {
			tiles = append(tiles, int(q*w.x.size.Columns()+p))
		}
	}
	return tiles
}

// bounded refuses a region for which too many packets would be laid out: sixteen bytes and
// a step for each, before it is known which of them are needed. One tile always may be.
func (w *planner) bounded(tiles []int) error {
	if len(tiles) == 1 {
		return nil
	}
	n := 0
	for _, t := range tiles {
		if n += w.x.packetsOf(t); n > PlanPackets {
			return whole.fail("more than %s packets in the tiles touched", power(PlanPackets))
		}
	}
	return nil
}

// packetsOf is how many packets are laid out for tile t; none before it is known.
func (x *Index) packetsOf(t int) int {
	tile := x.tiles[t].Load()
	if tile == nil || tile.refusal != nil {
		return 0
	}
	return newTileGrid(&x.size, x.paramsOf(tile), x.size.Tile(int64(t))).packets()
}

// tile plans one tile of the synthetic codestream.
func (w *planner) tile(size *Size, i int64, source *layout) (plannedTile, error) {
	params := reduced(source.params, w.reduce)
	t := plannedTile{grid: newTileGrid(size, &params, size.Tile(i)), source: source}
	t.from = make([]int32, t.grid.precincts)
	for c := range t.grid.grids {
		for r := range t.grid.grids[c] {
			if !w.choose(&t, c, r) {
				return t, whole.fail("precincts of component %d at resolution %d do not fall into place", c, r)
			}
		}
	}
	return t, nil
}

// choose maps the precincts of one resolution to those of the source. It fails where
// the two do not coincide, which cropping rules out.
func (w *planner) choose(t *plannedTile, c, r int) bool {
	g, from := &t.grid.grids[c][r], &t.source.grids[c][r]
	stepX, stepY := w.cellSize(t.grid.params, c, r)
	dx, dy := w.shift[0]/stepX, w.shift[1]/stepY
	need := w.needed(t.grid.params, c, r).Intersect(from.rect).cover(g.precinct.X, g.precinct.Y)
	if moved := g.cells.shift(dx, dy); !g.cells.Empty() && !from.cells.contains(moved) {
		return false
	}
	i := g.first
	for y := g.cells.Y0 + dy; y < g.cells.Y1+dy; y++ {
		for x := g.cells.X0 + dx; x < g.cells.X1+dx; x++ {
			t.from[i] = unneeded
			if need.contains(Rect{x, y, x + 1, y + 1}) {
				t.from[i] = int32(from.number(x, y))
			}
			i++
		}
	}
	return true
}

// reduced is how a tile is coded once reduce levels are cut: always in LRCP, which asks
// for no positions, and without SOP, whose numbers would have to be rewritten.
func reduced(source *Params, reduce int) Params {
	p := Params{Style: source.Style, Components: make([]ComponentParams, len(source.Components))}
	p.Progression, p.SOP = LRCP, false
	for i, c := range source.Components {
		c.Levels -= reduce
		c.Precincts = c.Precincts[:c.Levels+1]
		if c.Quant.Style != Derived { // whose only step counts from the lowest sub-band
			c.Quant.Steps = c.Quant.Steps[:3*c.Levels+1]
		}
		p.Components[i] = c
	}
	return p
}
