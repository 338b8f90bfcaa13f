package jp2

import (
	"encoding/binary"
	"slices"
	"unsafe"
)

// packedHeaders are the packet headers of one tile where those stand apart from their
// packets: in the main header (PPM, A.7.4) or in those of tile-parts (PPT, A.7.5). They
// are part of the index, so that synthesis can put them back before their packets, which
// is where a codestream with few of them is best read from.
type packedHeaders struct {
	data []byte // in the order of the codestream
	lengths
}

// ppmReader deals out the packet headers of PPM, which stand in the main header for all
// tile-parts in the order of the codestream.
type ppmReader struct{ left []byte }

// newPPM returns nil where the main header has none.
func newPPM(src *source, cs *Codestream) (*ppmReader, error) {
	all, err := readAll(src, cs, PPM)
	if all == nil || err != nil {
		return nil, err
	}
	return &ppmReader{all.join()}, nil
}

// next takes the headers of the next tile-part: four bytes with their size (Nppm), then
// them. Both may run over from one segment into the next.
func (r *ppmReader) next(part *tilePart) ([]byte, error) {
	c := cursor{place: place{PPM.String(), part.offset}, b: r.left}
	n := c.u32()
	if int64(n) > int64(len(c.b)) {
		return nil, c.fail("%d bytes of packet headers announced, %d left", n, len(c.b))
	}
	own := c.take(int(n))
	r.left = c.b
	return own, c.done()
}

// takeTold keeps what a tile-part's header, or the main one, has of its packets.
func (w *partWalker) takeTold(part *tilePart, heads *tileHeads, plt, ppt fragments) error {
	if w.ppm != nil || ppt != nil || heads.packed != nil {
		return w.takePacked(part, heads, ppt)
	}
	return w.takeLengths(part, plt)
}

// takePacked keeps the packet headers that PPM or PPT has for a tile-part.
func (w *partWalker) takePacked(part *tilePart, heads *tileHeads, ppt fragments) error {
	own := []byte(ppt.join())
	switch {
	case w.ppm != nil && ppt != nil:
		return part.fail("packet headers are packed both in the main header and in the tile's")
	case w.ppm != nil:
		var err error
		if own, err = w.ppm.next(part); err != nil {
			return err
		}
	}
	heads.packed = append(slices.Grow(heads.packed, 1+len(own)), own...) // never nil: there may be none
	return w.holdBytes(part, len(own))
}

// measurePacked finds the packets of a tile whose headers are packed. That reads nothing
// of the packets, unless SOP markers may stand before them.
func (w *partWalker) measurePacked(heads *tileHeads, grid *tileGrid) error {
	w.origin = FromPacked
	if grid.params.SOP {
		if err := w.chargeWalk(heads.parts); err != nil {
			return err
		}
	}
	headers := &packedHeaders{data: heads.packed}
	if err := walkPackets(w.src, &w.cs.Size, grid, heads.parts, headers, w.budget, w.effort); err != nil {
		return err
	}
	heads.headers = headers
	if err := w.holdBytes(&heads.parts[0], len(headers.coded)); err != nil {
		return err
	}
	return w.holdAll(heads.parts)
}

// packedSource makes packet headers readable as if they were a file.
func packedSource(data []byte) *source { return &source{size: int64(len(data)), held: data} }

// packedHeader is where one packet header lies among those of its tile.
type packedHeader struct{ begin, end uint32 }

// headerDealer deals out the packed headers of a tile in the order of the codestream.
type headerDealer struct {
	coded []byte
	at    uint32
}

func (d *headerDealer) take() packedHeader {
	n, used := binary.Uvarint(d.coded)
	h := packedHeader{d.at, d.at + uint32(n)}
	d.coded, d.at = d.coded[used:], h.end
	return h
}

// unpack makes room for packed headers, and returns who deals them out; nil where headers
// are not packed.
func (l *layout) unpack(p *packedHeaders) *headerDealer {
	if p == nil {
		return nil
	}
	l.packed, l.headers = p, make([]packedHeader, len(l.packets))
	return &headerDealer{coded: p.coded}
}

// header is the packed header of the packet at a slot; nil where headers are not packed.
func (l *layout) header(slot int) []byte {
	if l.headers == nil {
		return nil
	}
	h := l.headers[slot]
	return l.packed.data[h.begin:h.end]
}

// memory is what the headers take, and their places where the tile is laid out.
func (p *packedHeaders) memory() (told, laid int64) {
	if p == nil {
		return 0, 0
	}
	return int64(len(p.data) + len(p.coded)), int64(p.count) * int64(unsafe.Sizeof(packedHeader{}))
}

// maxPiece bounds the packet headers in one segment of a stored index.
const maxPiece = 60000

// packed appends packed headers to what a stored tile overrides: pieces of the headers as
// PPT, pieces of their lengths as PLT.
func (w *streamWriter) packed(p *packedHeaders) {
	if p == nil {
		return
	}
	for piece := range slices.Chunk(p.data, maxPiece) {
		w.segment(PPT, func() { w.u8(piece...) })
	}
	for piece := range slices.Chunk(p.coded, maxPiece) {
		w.segment(PLT, func() { w.u8(piece...) })
	}
}

// take reads one such segment, and reports whether it was one.
func (p *packedHeaders) take(c *cursor, m Marker) bool {
	switch m {
	case PPT:
		p.data = append(p.data, c.b...)
	case PLT:
		p.coded = append(p.coded, c.b...)
	default:
		return false
	}
	return true
}

// check counts the headers and makes sure that their lengths come to what there is.
func (p *packedHeaders) check(at place) error {
	for rest := p.coded; len(rest) > 0; p.count++ {
		n, used := binary.Uvarint(rest)
		if used <= 0 || n == 0 || n > uint64(len(p.data))-uint64(p.total) {
			return at.fail("packet header %d has no lawful length", p.count)
		}
		rest, p.total = rest[used:], p.total+int64(n)
	}
	if p.total != int64(len(p.data)) {
		return at.fail("packet headers come to %d of %d bytes", p.total, len(p.data))
	}
	return nil
}
