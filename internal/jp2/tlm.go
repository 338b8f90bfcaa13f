package jp2

import (
	"cmp"
	"slices"
)

// outline is where the main header says that each tile's tile-parts lie. It is believed of
// a tile once their SOT segments say the same.
type outline struct {
	cs     *Codestream
	size   int64 // of the file
	effort *effort
	parts  []toldPart // by tile, and those of one in their order
	first  []int32    // of each tile, and one more
}

// mostParts is how many tile-parts a tile can have, as SOT numbers them (A.4.2).
const mostParts = 255

// toldPart is one tile-part as TLM tells of it.
type toldPart struct {
	tile        int32
	offset, end int64
	plm         []byte // its share of PLM, where there is one
}

// of are the tile-parts of tile t.
func (o *outline) of(t int) []toldPart { return o.parts[o.first[t]:o.first[t+1]] }

// readOutline returns nil where there is no TLM (A.7.1), or none that makes sense: one that
// has all tiles and ends where the codestream does. Packet headers in the main header belong
// to tile-parts in the order of the codestream: those have to be followed.
func readOutline(src *source, cs *Codestream, b Budget) *outline {
	parts := readTLM(src, cs, b)
	packed := slices.ContainsFunc(cs.Segments, func(s Segment) bool { return s.Marker == PPM })
	if parts == nil || packed || !shareOutPLM(src, cs, parts) {
		return nil
	}
	slices.SortStableFunc(parts, func(a, b toldPart) int { return cmp.Compare(a.tile, b.tile) })
	o := &outline{cs: cs, size: src.size, effort: newEffort(src.size), parts: parts, first: make([]int32, cs.Size.Tiles()+1)}
	for _, p := range parts {
		o.first[p.tile+1]++
	}
	for t := range o.first[1:] {
		if o.first[t+1] == 0 || o.first[t+1] > mostParts {
			return nil
		}
		o.first[t+1] += o.first[t]
	}
	return o
}

// readTLM reads all TLM segments; the tile-parts are in the order of the codestream.
func readTLM(src *source, cs *Codestream, b Budget) (parts []toldPart) {
	var all fragments
	for _, seg := range cs.Segments {
		if seg.Marker == TLM && all.read(src, seg) != nil {
			return nil
		}
	}
	slices.SortStableFunc(all, func(a, b fragment) int { return cmp.Compare(a.index, b.index) })
	at := cs.Tiles
	for _, f := range all {
		c := cursor{place: f.place, b: f.data}
		form := c.u8()
		for !c.short && len(c.b) > 0 {
			p, ok := toldPartOf(&c, form, len(parts))
			if p.offset = at; !ok || len(parts) >= b.TileParts || int64(p.tile) >= cs.Size.Tiles() {
				return nil
			}
			if p.end += at; p.end > cs.End {
				return nil
			}
			at = p.end
			parts = append(parts, p)
		}
	}
	if at != cs.End && at != cs.End-2 { // EOC
		return nil
	}
	return parts
}

// toldPartOf reads one entry, whose end is left to be counted from its beginning. The tile
// is told in no byte, one or two; in none where each has one tile-part, in their order.
func toldPartOf(c *cursor, form byte, number int) (p toldPart, ok bool) {
	switch form >> 4 & 3 {
	case 0:
		p.tile = int32(number)
	case 1:
		p.tile = int32(c.u8())
	case 2:
		p.tile = int32(c.u16())
	default:
		return p, false
	}
	n := int64(c.u16())
	if form&0x40 != 0 {
		n = n<<16 | int64(c.u16())
	}
	p.end = n
	return p, !c.short && n >= shortestPart
}

// shortestPart is SOT and SOD.
const shortestPart = 12 + 2

// shareOutPLM gives each tile-part its share of PLM, and tells whether that comes out even.
func shareOutPLM(src *source, cs *Codestream, parts []toldPart) bool {
	plm, err := newPLM(src, cs)
	if err != nil || plm == nil {
		return err == nil
	}
	for i := range parts {
		c := cursor{b: plm.left}
		n := int(c.u8())
		c.take(n)
		if c.short {
			return false
		}
		parts[i].plm, plm.left = plm.left[:1+n:1+n], c.b
	}
	return true
}
