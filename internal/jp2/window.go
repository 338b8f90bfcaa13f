package jp2

// farthest stands for a lattice too coarse to cut on.
const farthest = int64(1) << 40

// support is how far a wavelet's synthesis reaches to either side, in samples of the
// resolution it makes (annex F): 2 for 5/3 and 4 for 9/7.
func (c *Coding) support() int64 {
	if c.Reversible {
		return 2
	}
	return 4
}

// reach finds the lattice that no precinct of any tile, component or resolution
// straddles, and how far beyond the region the wavelets reach in all.
//
// A sample needs support samples at its own resolution, those need support of the next
// lower one, and so on: less than support+1 of the lowest, in its samples.
func (w *planner) reach(sources []*layout) {
	w.align = [2]int64{1, 1}
	for _, l := range sources {
		params := reduced(l.params, w.reduce)
		for c := range params.Components {
			coding, s := &params.Components[c].Coding, w.x.size.Components[c]
			beyond := (coding.support() + 1) << coding.Levels
			w.margin = [2]int64{max(w.margin[0], beyond*s.DX), max(w.margin[1], beyond*s.DY)}
			for r := range coding.Precincts {
				x, y := w.cellSize(&params, c, r)
				w.align = [2]int64{lcm(w.align[0], x), lcm(w.align[1], y)}
			}
		}
	}
}

// cellSize is the size of a precinct on the reduced reference grid.
func (w *planner) cellSize(params *Params, c, r int) (x, y int64) {
	coding, s := &params.Components[c], w.x.size.Components[c]
	scale := coding.Levels - r
	return s.DX << (scale + int(coding.Precincts[r].X)), s.DY << (scale + int(coding.Precincts[r].Y))
}

func lcm(a, b int64) int64 {
	g, rest := a, b
	for rest != 0 {
		g, rest = rest, g%rest
	}
	if a/g > farthest/b {
		return farthest
	}
	return a / g * b
}

// crop cuts the window, which may end at the edges of the tiles touched, and says how
// far it moves towards the origin.
func (w *planner) crop() {
	s := &w.x.size
	first, last := s.nominal(w.tiles.X0, w.tiles.Y0), s.nominal(w.tiles.X1-1, w.tiles.Y1-1)
	outer := Rect{first.X0, first.Y0, last.X1, last.Y1}.Intersect(s.Area()).Over(1<<w.reduce, 1<<w.reduce)
	w.window = Rect{
		X0: max(outer.X0, floorTo(w.small.X0-w.margin[0], w.align[0])),
		Y0: max(outer.Y0, floorTo(w.small.Y0-w.margin[1], w.align[1])),
		X1: min(outer.X1, ceilTo(w.small.X1+w.margin[0], w.align[0])),
		Y1: min(outer.Y1, ceilTo(w.small.Y1+w.margin[1], w.align[1])),
	}
	origin := w.tileOrigin()
	w.shift = [2]int64{floorTo(origin.X0, w.align[0]), floorTo(origin.Y0, w.align[1])}
}

func floorTo(n, step int64) int64 {
	if n < 0 {
		return 0
	}
	return n / step * step
}

func ceilTo(n, step int64) int64 { return ceilDiv(n, step) * step }

// tileOrigin is the first tile on the reduced grid, before it is moved: the window
// itself along an axis on which only one is touched.
func (w *planner) tileOrigin() Rect {
	first := w.x.size.nominal(w.tiles.X0, w.tiles.Y0).Over(1<<w.reduce, 1<<w.reduce)
	t := Rect{first.X0, first.Y0, first.X0 + w.x.size.XTsiz>>w.reduce, first.Y0 + w.x.size.YTsiz>>w.reduce}
	if w.tiles.width() == 1 {
		t.X0, t.X1 = w.window.X0, w.window.X1
	}
	if w.tiles.height() == 1 {
		t.Y0, t.Y1 = w.window.Y0, w.window.Y1
	}
	return t
}

// synthetic is the SIZ of the synthetic codestream. Only the need for part 15 is kept
// of Rsiz: cropping may break the promises of a profile.
func (w *planner) synthetic() Size {
	const part15 = 1 << 14
	window := w.window.shift(-w.shift[0], -w.shift[1])
	tile := w.tileOrigin().shift(-w.shift[0], -w.shift[1])
	return Size{
		Rsiz: w.x.size.Rsiz & part15,
		Xsiz: window.X1, Ysiz: window.Y1, XOsiz: window.X0, YOsiz: window.Y0,
		XTsiz: tile.width(), YTsiz: tile.height(), XTOsiz: tile.X0, YTOsiz: tile.Y0,
		Components: w.x.size.Components,
	}
}

// needed is what the region takes of one resolution, in its samples. Decoders fetch a
// little more than the wavelets call for, and must find there what the file has. A region
// between two samples of a sampled component is shown by the one before it.
func (w *planner) needed(params *Params, c, r int) Rect {
	coding, s := &params.Components[c], w.x.size.Components[c]
	scale := int64(1) << (coding.Levels - r)
	beyond := 2*coding.support() + 2
	u := w.small
	return Rect{
		u.X0/(s.DX*scale) - beyond, u.Y0/(s.DY*scale) - beyond,
		ceilDiv(u.X1, s.DX*scale) + beyond, ceilDiv(u.Y1, s.DY*scale) + beyond,
	}
}
