//go:build cgo

package decode

// area is a half-open rectangle on a JPEG 2000 reference grid.
type area struct{ x0, y0, x1, y1 int }

func (a area) width() int  { return a.x1 - a.x0 }
func (a area) height() int { return a.y1 - a.y0 }

func ceilShift(v, by int) int { return (v + 1<<by - 1) >> by }

func ceilDiv(v, by int) int { return (v + by - 1) / by }

// reduced is the area after dropping n resolution levels (ISO/IEC 15444-1, B.5).
func (a area) reduced(n int) area {
	return area{ceilShift(a.x0, n), ceilShift(a.y0, n), ceilShift(a.x1, n), ceilShift(a.y1, n)}
}

func (a area) empty() bool { return a.x0 >= a.x1 || a.y0 >= a.y1 }

// widened makes sure that one sample at least is left of an area that falls between two
// samples of the reduced image; whole must keep a sample itself.
func (a area) widened(whole area, n int) area {
	a.x0, a.x1 = widen(a.x0, a.x1, whole.x0, n)
	a.y0, a.y1 = widen(a.y0, a.y1, whole.y0, n)
	return a
}

func widen(from, to, least, n int) (int, int) {
	last := ceilShift(to, n)
	switch {
	case ceilShift(from, n) < last:
		return from, to
	case last > ceilShift(least, n):
		return max((last-1)<<n, least), to
	}
	return from, last<<n + 1
}

func (a area) intersect(b area) area {
	return area{max(a.x0, b.x0), max(a.y0, b.y0), min(a.x1, b.x1), min(a.y1, b.y1)}
}

func (c *codestream) image() area {
	h := c.header
	return area{int(h.x0), int(h.y0), int(h.x1), int(h.y1)}
}

// decodable widens a block to where it has the sample of every subsampled component that
// shows at its first column and row, or the first there is. Of high-throughput code-blocks
// OpenJPEG decodes whole tiles only: of less it makes gray.
func (c *codestream) decodable(a area) area {
	if c.header.high_throughput != 0 {
		return c.wholeTiles(a)
	}
	beyond := int(c.header.max_step-1) << c.reduce
	return area{a.x0 - beyond, a.y0 - beyond, a.x1 + beyond, a.y1 + beyond}.intersect(c.image())
}

func (c *codestream) wholeTiles(a area) area {
	h := c.header
	x, y, w, down := int(h.tx0), int(h.ty0), int(h.tdx), int(h.tdy)
	return area{
		x + (a.x0-x)/w*w, y + (a.y0-y)/down*down,
		x + ceilDiv(a.x1-x, w)*w, y + ceilDiv(a.y1-y, down)*down,
	}.intersect(c.image())
}

// blocks cuts the window so that OpenJPEG holds few samples at a time and decodes each
// tile once where tiles are of sensible size.
func (c *codestream) blocks(whole area) []area {
	h := c.header
	budget := c.blockPixels << (2 * c.reduce)
	if whole.width()*whole.height() <= budget || h.high_throughput != 0 && h.tiles == 1 {
		return []area{whole}
	}
	tileW, tileH := int(h.tdx), int(h.tdy)
	if tileW*tileH > 4*budget || h.tiles == 1 {
		rows := max(budget/whole.width()>>6<<6, 64<<c.reduce)
		across := whole.width()
		if c.taken != nil { // of which any part may be made alone
			across = min(across, max(1, budget/rows))
		}
		return grid(whole, area{whole.x0, whole.y0, whole.x0 + across, whole.y0 + rows})
	}
	across := whole.width()
	if across*tileH > budget {
		across = max(1, budget/(tileW*tileH)) * tileW
	}
	down := max(1, budget/(min(across, whole.width())*tileH)) * tileH
	x, y := int(h.tx0), int(h.ty0)
	return grid(whole, area{x, y, x + ceilDiv(across, tileW)*tileW, y + down})
}

// grid cuts whole along the lattice that cell spans.
func grid(whole, cell area) []area {
	var out []area
	w, h := cell.width(), cell.height()
	for y := cell.y0 + (whole.y0-cell.y0)/h*h; y < whole.y1; y += h {
		for x := cell.x0 + (whole.x0-cell.x0)/w*w; x < whole.x1; x += w {
			out = append(out, whole.intersect(area{x, y, x + w, y + h}))
		}
	}
	return out
}
