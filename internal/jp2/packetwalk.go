package jp2

// packetWalker finds the lengths of a tile's packets by reading their headers, for
// files that do not tell them (B.9, B.10).
type packetWalker struct {
	src       *source
	size      *Size
	grid      *tileGrid
	precincts [][]band // by number; nil until first met
	left      int64    // code-blocks that may still be held
}

// walkPackets fills in the lengths of all parts of one tile.
func walkPackets(src *source, size *Size, grid *tileGrid, parts []tilePart, budget Budget) error {
	if err := walkable(grid.params, parts[0].place); err != nil {
		return err
	}
	w := &packetWalker{src: src, size: size, grid: grid, precincts: make([][]band, grid.precincts), left: budget.TileBlocks}
	at := partCursor{parts: parts, off: parts[0].body}
	parts[0].lengths = lengths{}
	for ref := range grid.sequence(size) {
		if !at.more() {
			return at.part().fail("packets end before resolution %d of component %d", ref.resolution, ref.component)
		}
		n, err := w.packet(ref, at.part(), at.off)
		if err != nil {
			return err
		}
		at.part().lengths.add(n)
		at.off += n
	}
	if at.more() {
		return at.part().fail("has %d bytes after its last packet", at.part().end-at.off)
	}
	return nil
}

// walkable refuses what part 15 allows beyond one segment pair for each block: several
// layers, and blocks that choose between the two coders.
func walkable(params *Params, p place) error {
	for _, c := range params.Components {
		if c.Blocks&HTBlocks != 0 && (params.Layers > 1 || c.Blocks&Mixed != 0) {
			return p.fail("high-throughput blocks in %d layers, style %#02x: packet headers are not followed", params.Layers, uint8(c.Blocks))
		}
	}
	return nil
}

// partCursor is a place in the packets of a tile, which its tile-parts interrupt.
type partCursor struct {
	parts []tilePart
	i     int
	off   int64
}

func (c *partCursor) part() *tilePart { return &c.parts[c.i] }

// more passes on to the next part with bytes left, and tells whether there is one.
func (c *partCursor) more() bool {
	for c.off == c.part().end {
		if c.i == len(c.parts)-1 {
			return false
		}
		c.i++
		c.off = c.part().body
		c.part().lengths = lengths{}
	}
	return true
}

// packet measures the packet at off.
func (w *packetWalker) packet(ref packetRef, part *tilePart, off int64) (int64, error) {
	p := place{"packet", off}
	begin := off
	if w.marker(p, part, off, SOP) {
		off += sopLength
	}
	b := &bitReader{src: w.src, place: p, next: off, end: part.end}
	body, err := w.header(b, ref)
	if err != nil {
		return 0, err
	}
	off = b.next
	if w.grid.params.EPH {
		if !w.marker(p, part, off, EPH) {
			return 0, p.fail("no EPH after the header at %d", off)
		}
		off += ephLength
	}
	if body > part.end-off {
		return 0, p.fail("%d bytes of body reach past the end of the tile-part at %d", body, part.end)
	}
	return off + body - begin, nil
}

// Lengths of the markers in the bit stream.
const (
	sopLength = 6
	ephLength = 2
)

// marker tells whether a marker stands at off. Neither can be mistaken for packet data,
// where no byte above 8F follows FF.
func (w *packetWalker) marker(p place, part *tilePart, off int64, m Marker) bool {
	if part.end-off < 2 {
		return false
	}
	b, err := w.src.bytes(p, off, 2)
	return err == nil && b[0] == byte(m>>8) && b[1] == byte(m&0xFF)
}

// header reads one packet header and returns the bytes of body it announces.
func (w *packetWalker) header(b *bitReader, ref packetRef) (int64, error) {
	var body int64
	if b.bit() == 1 {
		bands, err := w.bands(b.place, ref)
		if err != nil {
			return 0, err
		}
		style := w.grid.params.Components[ref.component].Blocks
		for i := range bands {
			body += bands[i].read(b, ref.layer, style)
		}
	}
	b.align()
	return body, b.err
}

// bands returns the sub-bands of a precinct, making them where it is met first.
func (w *packetWalker) bands(p place, ref packetRef) ([]band, error) {
	made := &w.precincts[ref.precinct]
	if *made != nil {
		return *made, nil
	}
	for orientation := range bandCount(ref.resolution) {
		cells := w.blockCells(ref, orientation)
		if w.left -= int64(cells.area()); w.left < 0 {
			return nil, p.fail("more code-blocks than allowed")
		}
		*made = append(*made, newBand(cells))
	}
	return *made, nil
}

// blockCells gives the code-blocks of a precinct in one of its sub-bands (B.7).
func (w *packetWalker) blockCells(ref packetRef, orientation int) Rect {
	g := &w.grid.grids[ref.component][ref.resolution]
	coding, c := &w.grid.params.Components[ref.component], w.size.Components[ref.component]
	tile := w.grid.rect.over(c.DX, c.DY)
	i := int64(ref.precinct - g.first)
	cell := Rect{X0: g.cells.X0 + i%g.cells.width(), Y0: g.cells.Y0 + i/g.cells.width()}
	px, py, levels, shiftX, shiftY := g.precinct.X, g.precinct.Y, coding.Levels, int64(0), int64(0)
	if ref.resolution > 0 { // HL, LH, HH: half the resolution, and half of its precincts
		px, py, levels = px-1, py-1, coding.Levels-ref.resolution+1
		shiftX, shiftY = int64(orientation+1)&1, int64(orientation+1)>>1
	}
	half := int64(1) << levels >> 1
	inBand := tile.shift(-half*shiftX, -half*shiftY).over(1<<levels, 1<<levels) // B-15
	precinct := Rect{cell.X0 << px, cell.Y0 << py, (cell.X0 + 1) << px, (cell.Y0 + 1) << py}
	return inBand.intersect(precinct).cover(min(coding.BlockX, px), min(coding.BlockY, py))
}
