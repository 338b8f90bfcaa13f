package jp2

import (
	"encoding/binary"
	"io"
	"sync/atomic"
)

// Index tells where each packet of a codestream lies. It holds what the headers say,
// so that nothing but packets need be read from the file once there is one. It is
// immutable and safe for concurrent use.
type Index struct {
	size   Size
	cap    []byte // contents of CAP
	params Params // of the main header
	boxes  []byte // Boxes.kept; nil where the codestream is bare
	tiles  []tileIndex
	origin Origin
}

// Origin is where the lengths of packets were found.
type Origin string

// The origins. An index that was stored tells none.
const (
	FromPLT     Origin = "PLT"
	FromPLM     Origin = "PLM"
	FromHeaders Origin = "packet headers"
	FromPacked  Origin = "packed packet headers"
	FromSOP     Origin = "SOP"
)

// Origin is where the lengths of most packets were found; that of any tile whose packet
// headers had to be read outranks the others.
func (x *Index) Origin() Origin { return x.origin }

// tileIndex is one tile. Most tiles of a large image are asked for rarely: their
// packets are laid out when first needed.
type tileIndex struct {
	params *Params // nil where the tile's headers override nothing
	parts  []span
	packed *packedHeaders // nil where headers stand with their packets
	layout atomic.Pointer[layout]
}

// span is the packets of one tile-part.
type span struct {
	offset int64 // in the file
	lengths
}

// packet is where one packet lies in the file. Length 0: there is none.
type packet struct {
	offset int64
	length int64
}

// layout is a tile's packets by precinct, then layer.
type layout struct {
	*tileGrid
	packets []packet
	packed  *packedHeaders
	headers []packedHeader // as packets; nil where headers are not packed
}

// BuildIndex finds all packets of the file that h was read from: by PLT or PLM where
// the file has them, else by reading the headers of all packets, which touches most of
// the file and is refused beyond Budget.WalkBytes. The index is refused unless the
// packets come to exactly what the tile-parts hold. Errors are as those of ReadHeader,
// or wrap ErrWalk.
func BuildIndex(r io.ReaderAt, size int64, h *Header, b Budget) (*Index, error) {
	cs := &h.Codestream
	if cs.Missing > 0 {
		return nil, place{"jp2c", cs.Offset}.fail("the file lacks %d bytes of the codestream", cs.Missing)
	}
	for _, seg := range cs.Segments {
		if err := seg.followed(); err != nil {
			return nil, err
		}
	}
	// The chain of tile-parts leads forward: reading it costs the file at most, and its end.
	src := newSource(r, size, size+widest)
	walk, err := walkTileParts(src, cs, b)
	if err != nil {
		return nil, err
	}
	// Packet headers are read tile by tile, whose parts may be interleaved.
	src.budget = size + int64(walk.count)*widest
	x := &Index{size: cs.Size, cap: cs.CAP, params: cs.Params, boxes: h.kept, tiles: make([]tileIndex, len(walk.tiles))}
	for t := range walk.tiles {
		if err := x.index(walk, t); err != nil {
			return nil, err
		}
	}
	x.origin = walk.origin
	return x, nil
}

// index takes up one tile and makes sure that its packets can be laid out.
func (x *Index) index(walk *partWalker, t int) error {
	heads := &walk.tiles[t]
	tile, at := &x.tiles[t], heads.parts[0].place
	if !heads.own.empty() {
		params := heads.own.over(x.params)
		tile.params = &params
	}
	grid, err := x.gridOf(at, t, walk.budget)
	if err != nil {
		return err
	}
	if err := walk.measure(t, grid); err != nil {
		return err
	}
	tile.packed = heads.headers
	for i := range heads.parts {
		tile.parts = append(tile.parts, span{heads.parts[i].body, heads.parts[i].lengths})
	}
	return x.count(at, t, grid)
}

// gridOf is the grid of a tile whose parameters are sound and within budget.
func (x *Index) gridOf(at place, t int, b Budget) (*tileGrid, error) {
	params := x.paramsOf(t)
	if err := params.check(at); err != nil {
		return nil, err
	}
	if err := checkLoad(at, &x.size, params, b); err != nil {
		return nil, err
	}
	grid := newTileGrid(&x.size, params, x.size.Tile(int64(t)))
	if grid.packets() > b.TilePackets {
		return nil, at.fail("%d packets in a tile: more than %s", grid.packets(), power(int64(b.TilePackets)))
	}
	return grid, nil
}

// count refuses a tile whose packets are not as many as its geometry has.
func (x *Index) count(at place, t int, grid *tileGrid) error {
	if len(grid.params.Changes) > 0 { // only following them tells how many there are
		_, err := x.lay(at, t)
		return err
	}
	have := 0
	for i := range x.tiles[t].parts {
		have += x.tiles[t].parts[i].count
	}
	if want := grid.packets(); have != want {
		return at.fail("%d packets where the tile has %d", have, want)
	}
	return nil
}

// paramsOf is how tile t is coded.
func (x *Index) paramsOf(t int) *Params {
	if own := x.tiles[t].params; own != nil {
		return own
	}
	return &x.params
}

// layoutOf returns the packets of tile t.
func (x *Index) layoutOf(t int) (*layout, error) {
	if l := x.tiles[t].layout.Load(); l != nil {
		return l, nil
	}
	l, err := x.lay(place{"tile", x.tiles[t].parts[0].offset}, t)
	if err == nil {
		x.tiles[t].layout.Store(l) // a second one made meanwhile is equal
	}
	return l, err
}

// lay gives each packet its place. It fails where there are more or fewer packets than
// the progression visits.
func (x *Index) lay(at place, t int) (*layout, error) {
	params := x.paramsOf(t)
	l := &layout{tileGrid: newTileGrid(&x.size, params, x.size.Tile(int64(t)))}
	l.packets = make([]packet, l.tileGrid.packets())
	next := spans{parts: x.tiles[t].parts}
	dealer := l.unpack(x.tiles[t].packed)
	for ref := range l.sequence(&x.size) {
		p, ok := next.take()
		if !ok {
			return nil, at.fail("fewer packets than the tile has")
		}
		slot := ref.slot(params.Layers)
		l.packets[slot] = p
		if dealer != nil {
			l.headers[slot] = dealer.take()
		}
	}
	if _, more := next.take(); more {
		return nil, at.fail("more packets than the tile has")
	}
	return l, nil
}

// spans deals out packets in codestream order.
type spans struct {
	parts  []span
	coded  []byte // lengths left of the part begun
	offset int64
}

func (s *spans) take() (packet, bool) {
	for len(s.coded) == 0 {
		if len(s.parts) == 0 {
			return packet{}, false
		}
		s.coded, s.offset = s.parts[0].coded, s.parts[0].offset
		s.parts = s.parts[1:]
	}
	n, used := binary.Uvarint(s.coded)
	p := packet{s.offset, int64(n)}
	s.coded, s.offset = s.coded[used:], s.offset+p.length
	return p, true
}
