package jp2

// packetWalker finds the lengths of a tile's packets by reading their headers, for
// files that do not tell them (B.9, B.10).
type packetWalker struct {
	src       *source
	size      *Size
	grid      *tileGrid
	precincts [][]band // by number; nil until first met
	left      int64    // code-blocks that may still be held
	effort    *effort
	packed    *packedHeaders
	headers   stretch                               // of packed headers, those that are left
	count     int                                   // of packets read
	told      *shares                               // of code-blocks in the packet; nil where only its length is asked for
	take      func(ref packetRef, body int64) error // what was told, of a body at that offset
}

// stretch is where a packet header lies: in [next, end) of a source.
type stretch struct {
	src       *source
	next, end int64
}

// walkPackets fills in the lengths of all parts of one tile, and those of its packed
// headers where it has such.
func walkPackets(src *source, size *Size, grid *tileGrid, parts []tilePart, packed *packedHeaders, budget Budget, work *effort) error {
	if err := walkable(grid.params, parts[0].place); err != nil {
		return err
	}
	if err := grid.room(parts, packed); err != nil {
		return err
	}
	return newPacketWalker(src, size, grid, packed, budget, work).follow(parts, budget)
}

func newPacketWalker(src *source, size *Size, grid *tileGrid, packed *packedHeaders, budget Budget, work *effort) *packetWalker {
	w := &packetWalker{src: src, size: size, grid: grid, precincts: make([][]band, grid.precincts), left: budget.TileBlocks, effort: work, packed: packed}
	if packed != nil {
		w.headers = stretch{packedSource(packed.data), 0, int64(len(packed.data))}
	}
	return w
}

// follow visits the packets of all parts of the tile, and sets the parts' lengths.
func (w *packetWalker) follow(parts []tilePart, budget Budget) error {
	at := partCursor{parts: parts, off: parts[0].body}
	parts[0].lengths = lengths{}
	for ref := range w.grid.sequence(w.size) {
		if !at.more() && w.packed == nil { // those that are packed may have no bytes left
			return at.part().fail("packets end before resolution %d of component %d", ref.resolution, ref.component)
		}
		if err := budget.stopped(w.count); err != nil {
			return err
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
	if w.headers.next != w.headers.end {
		return at.part().fail("%d bytes of packed packet headers are left", w.headers.end-w.headers.next)
	}
	return nil
}

// fewPackets take no memory worth mentioning: following them tells better what is wrong.
const fewPackets = 1 << 10

// room refuses a tile that has fewer bytes than packets, each of which takes one at least,
// before anything is made for each of them.
func (t *tileGrid) room(parts []tilePart, packed *packedHeaders) error {
	n, least := int64(0), t.packets()
	if len(t.params.Changes) > 0 { // which may leave packets out
		least = t.precincts
	}
	for i := range parts {
		n += parts[i].end - parts[i].body
	}
	if packed != nil {
		n = int64(len(packed.data))
	}
	if int64(least) > max(n, fewPackets) {
		return parts[0].fail("packets end before the last: %d bytes for %d packets", n, least)
	}
	return nil
}

// walkable refuses blocks that choose between the coders of parts 1 and 15.
func walkable(params *Params, p place) error {
	for _, c := range params.Components {
		if c.Blocks&Mixed != 0 {
			return p.fail("blocks of style %#02x, of either coder: packet headers are not followed", uint8(c.Blocks))
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
	p, begin := place{"packet", off}, off
	off, err := w.skipSOP(p, part, off)
	if err != nil {
		return 0, err
	}
	at := stretch{w.src, off, part.end}
	if w.packed != nil {
		at = w.headers
	}
	body, next, err := w.header(p, at, ref)
	if err != nil {
		return 0, err
	}
	if w.packed != nil {
		w.packed.add(next - w.headers.next)
		w.headers.next = next
	} else {
		off = next
	}
	if body > part.end-off {
		return 0, p.fail("%d bytes of body reach past the end of the tile-part at %d", body, part.end)
	}
	w.count++
	if w.told != nil {
		if err := w.take(ref, off); err != nil {
			return 0, err
		}
	}
	return off + body - begin, nil
}

// Lengths of the markers in the bit stream.
const (
	sopLength = 6
	ephLength = 2
)

// skipSOP passes over an SOP marker segment (A.8.1), which numbers packets: a number that
// is out of turn shows that packets are missing, or were not followed rightly. Where
// headers are packed, packets are not looked at in vain; nor are those that are taken apart.
func (w *packetWalker) skipSOP(p place, part *tilePart, off int64) (int64, error) {
	if (w.packed != nil || w.told != nil) && !w.grid.params.SOP || part.end-off < sopLength {
		return off, nil
	}
	b, err := w.src.bytes(p, off, sopLength)
	if err != nil || b[0] != 0xFF || b[1] != byte(SOP&0xFF) {
		return off, err
	}
	if n := int(b[4])<<8 | int(b[5]); n != w.count&0xFFFF {
		return off, p.fail("SOP says that it is packet %d, but it is %d", n, w.count&0xFFFF)
	}
	return off + sopLength, nil
}

// header reads one packet header, with the EPH marker after it, and returns the bytes of
// body it announces and where it ends.
func (w *packetWalker) header(p place, at stretch, ref packetRef) (body, next int64, err error) {
	b := &bitReader{src: at.src, place: p, next: at.next, end: at.end}
	if b.bit() == 1 {
		bands, err := w.bands(p, ref)
		if err != nil {
			return 0, 0, err
		}
		style := w.grid.params.Components[ref.component].Blocks
		for i := range bands {
			w.told.enter(i)
			body += bands[i].read(b, ref.layer, style, w.effort, w.told)
		}
	}
	b.align()
	if b.err != nil || !w.grid.params.EPH {
		return body, b.next, b.err
	}
	next, err = skipEPH(p, at, b.next)
	return body, next, err
}

// skipEPH passes over the marker that ends a packet header (A.8.2).
func skipEPH(p place, at stretch, off int64) (int64, error) {
	if off+ephLength > at.end {
		return 0, p.fail("no EPH after the header at %d", off)
	}
	mark, err := at.src.bytes(p, off, ephLength)
	if err != nil {
		return 0, err
	}
	if mark[0] != 0xFF || mark[1] != byte(EPH&0xFF) {
		return 0, p.fail("no EPH after the header at %d", off)
	}
	return off + ephLength, nil
}

// bands returns the sub-bands of a precinct, making them where it is met first.
func (w *packetWalker) bands(p place, ref packetRef) ([]band, error) {
	made := &w.precincts[ref.precinct]
	if *made != nil {
		return *made, nil
	}
	bands := make([]band, 0, bandCount(ref.resolution))
	for orientation := range bandCount(ref.resolution) {
		cells := w.blockCells(ref, orientation)
		if w.left -= int64(cells.area()); w.left < 0 {
			return nil, p.fail("more code-blocks than allowed")
		}
		bands = append(bands, newBand(cells))
	}
	*made = bands
	return bands, nil
}

// blockCells gives the code-blocks of a precinct in one of its sub-bands (B.7).
func (w *packetWalker) blockCells(ref packetRef, orientation int) Rect {
	cells, _, _, _ := w.cellsOf(ref, orientation)
	return cells
}

// cellsOf gives the code-blocks of a precinct in one of its sub-bands, as indices on the
// lattice of so large blocks, and the area they fill.
func (w *packetWalker) cellsOf(ref packetRef, orientation int) (cells, area Rect, blockX, blockY uint8) {
	g := &w.grid.grids[ref.component][ref.resolution]
	coding := &w.grid.params.Components[ref.component]
	i := int64(ref.precinct - g.first)
	cell := Rect{X0: g.cells.X0 + i%g.cells.width(), Y0: g.cells.Y0 + i/g.cells.width()}
	px, py := g.precinct.X, g.precinct.Y
	if ref.resolution > 0 { // half the resolution, and half of its precincts
		px, py = px-1, py-1
	}
	precinct := Rect{cell.X0 << px, cell.Y0 << py, (cell.X0 + 1) << px, (cell.Y0 + 1) << py}
	area = w.grid.inBand(w.size, ref.component, ref.resolution, orientation).Intersect(precinct)
	blockX, blockY = min(coding.BlockX, px), min(coding.BlockY, py)
	return area.cover(blockX, blockY), area, blockX, blockY
}

// inBand is the tile in one sub-band of a resolution (B-15): LL, or of HL, LH, HH the one
// that orientation counts.
func (t *tileGrid) inBand(size *Size, component, resolution, orientation int) Rect {
	coding, c := &t.params.Components[component], size.Components[component]
	levels, shiftX, shiftY := coding.Levels, int64(0), int64(0)
	if resolution > 0 {
		levels = coding.Levels - resolution + 1
		shiftX, shiftY = int64(orientation+1)&1, int64(orientation+1)>>1
	}
	half := int64(1) << levels >> 1
	return t.rect.Over(c.DX, c.DY).shift(-half*shiftX, -half*shiftY).Over(1<<levels, 1<<levels)
}
