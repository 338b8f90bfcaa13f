package jp2

import (
	"io"
	"sync"
	"sync/atomic"
)

// Index tells where each packet of a codestream lies. It holds what the headers say,
// so that nothing but packets need be read from the file for tiles that it knows. What it
// knows of a tile never changes. It is safe for concurrent use.
type Index struct {
	size   Size
	cap    []byte // contents of CAP
	params Params // of the main header
	boxes  []byte // Boxes.kept; nil where the codestream is bare

	tiles   []atomic.Pointer[tileIndex] // nil where not known yet
	known   atomic.Int64                // how many are
	uneven  atomic.Bool                 // whether one has fewer levels than the main header says
	outline *outline                    // by which others can be found; nil where there is none
	layouts layouts

	mu      sync.Mutex
	origin  Origin
	held    int64 // bytes of packet lengths
	refused error // of the first tile that is
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
func (x *Index) Origin() Origin {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.origin
}

// tileIndex is one tile.
type tileIndex struct {
	params  *Params // nil where the tile's headers override nothing
	parts   []span
	packed  *packedHeaders // nil where headers stand with their packets
	refusal error          // why its packets cannot be told apart; nothing else is known then
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
	x, err := NewIndex(h)
	if err == nil {
		err = x.Follow(r, size, h, nil, b, nil)
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

// NewIndex is an index that knows no tile yet. It refuses what no index follows.
func NewIndex(h *Header) (*Index, error) {
	cs := &h.Codestream
	if cs.Missing > 0 {
		return nil, place{"jp2c", cs.Offset}.fail("the file lacks %d bytes of the codestream", cs.Missing)
	}
	for _, seg := range cs.Segments {
		if err := seg.followed(); err != nil {
			return nil, err
		}
	}
	return newIndex(cs, h.kept), nil
}

func newIndex(cs *Codestream, boxes []byte) *Index {
	return &Index{size: cs.Size, cap: cs.CAP, params: cs.Params, boxes: boxes, tiles: make([]atomic.Pointer[tileIndex], cs.Size.Tiles())}
}

// Follow has the index know all tiles, by the chain of tile-parts: each says where the next
// one begins, so that a file far away costs a round trip for each, and none can be found
// before those in front of it. r has the ranges ready at hand. Tiles whose packets have all
// been told of are known at once; found, which may be nil, is called whenever that is so.
// Errors are BuildIndex's.
func (x *Index) Follow(r io.ReaderAt, size int64, h *Header, ready []Range, b Budget, found func()) error {
	// The chain leads forward: reading it costs the file at most, and its end.
	src := newSource(r, size, size+widest)
	src.ready = ready
	walk := newPartWalker(src, &h.Codestream, b, newEffort(size))
	if found != nil {
		walk.seen = func(t int) {
			if x.early(walk, t) {
				found()
			}
		}
	}
	if err := walk.follow(); err != nil {
		return err
	}
	// Packet headers are read tile by tile, whose parts may be interleaved.
	src.budget = size + int64(walk.count)*widest
	for t := range walk.tiles {
		heads := &walk.tiles[t]
		if early := x.tiles[t].Load(); early != nil && len(early.parts) == len(heads.parts) {
			continue
		}
		tile, err := x.index(walk, heads, t)
		if err != nil {
			return err
		}
		x.learn(t, tile)
	}
	x.tell(walk.origin, walk.held)
	return nil
}

// early takes up a tile all of whose packets have been met; parts still to come can be but
// empty, or Follow fails. Where progressions change, a later part may say so.
func (x *Index) early(walk *partWalker, t int) bool {
	heads := &walk.tiles[t]
	if x.tiles[t].Load() != nil || heads.untold() || heads.packed != nil || heads.own.changes != nil || x.params.Changes != nil {
		return false
	}
	tile, err := x.index(walk, heads, t)
	if err != nil {
		return false
	}
	x.learn(t, tile)
	return true
}

// index makes one tile's entry, and makes sure that its packets can be laid out.
func (x *Index) index(walk *partWalker, heads *tileHeads, t int) (*tileIndex, error) {
	tile, at := &tileIndex{}, heads.parts[0].place
	if !heads.own.empty() {
		if params := heads.own.over(x.params); !params.equal(&x.params) {
			tile.params = &params
		}
	}
	if err := walk.holdBytes(&heads.parts[0], int(tile.own())); err != nil {
		return nil, err
	}
	grid, err := x.gridOf(at, t, tile, walk.budget)
	if err != nil {
		return nil, err
	}
	if err := walk.measure(heads, grid); err != nil {
		return nil, err
	}
	tile.packed = heads.headers
	for i := range heads.parts {
		tile.parts = append(tile.parts, span{heads.parts[i].body, heads.parts[i].lengths})
	}
	return tile, x.count(at, t, tile, grid)
}

// gridOf is the grid of a tile whose parameters are sound and within budget.
func (x *Index) gridOf(at place, t int, tile *tileIndex, b Budget) (*tileGrid, error) {
	params := x.paramsOf(tile)
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
func (x *Index) count(at place, t int, tile *tileIndex, grid *tileGrid) error {
	if len(grid.params.Changes) > 0 { // only following them tells how many there are
		_, err := x.lay(at, t, tile)
		return err
	}
	have := 0
	for i := range tile.parts {
		have += tile.parts[i].count
	}
	if want := grid.packets(); have != want {
		return at.fail("%d packets where the tile has %d", have, want)
	}
	return nil
}

// learn enters what is known of tile t, unless something is already: it is the same.
func (x *Index) learn(t int, tile *tileIndex) (fresh bool) {
	if tile.params != nil && tile.params.levels() < x.Levels() {
		x.uneven.Store(true)
	}
	if fresh = x.tiles[t].CompareAndSwap(nil, tile); fresh {
		x.known.Add(1)
	}
	return fresh
}

// tell adds where packet lengths came from, and what they take.
func (x *Index) tell(origin Origin, held int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.held += held; x.origin == "" || origin == FromHeaders {
		x.origin = origin
	}
}

// paramsOf is how a tile is coded.
func (x *Index) paramsOf(tile *tileIndex) *Params {
	if tile.params != nil {
		return tile.params
	}
	return &x.params
}

// layoutOf returns the packets of tile t.
func (x *Index) layoutOf(t int) (*layout, error) {
	if l := x.layouts.find(t); l != nil {
		return l, nil
	}
	at, tile := place{"tile", int64(t)}, x.tiles[t].Load()
	switch {
	case tile == nil:
		return nil, at.fail("is not in the index yet")
	case tile.refusal != nil:
		return nil, tile.refusal
	}
	l, err := x.lay(at, t, tile)
	if err == nil {
		x.layouts.add(t, l, x.layoutMemory(tile))
	}
	return l, err
}

// lay gives each packet its place. It fails where there are more or fewer packets than
// the progression visits.
func (x *Index) lay(at place, t int, tile *tileIndex) (*layout, error) {
	params := x.paramsOf(tile)
	l := &layout{tileGrid: newTileGrid(&x.size, params, x.size.Tile(int64(t)))}
	l.packets = make([]packet, l.tileGrid.packets())
	next := spans{parts: tile.parts}
	dealer := l.unpack(tile.packed)
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
