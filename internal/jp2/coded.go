package jp2

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Coded is a codestream in memory taken apart into its code-blocks.
type Coded struct {
	Size  Size
	Tiles []CodedTile

	head   []byte  // the file up to the packets of the first tile-part
	siz    int64   // where SIZ begins in it
	sot    int64   // and the first SOT
	params *Params // of the first tile

	bands, blocks, words int // so far
}

// CodedTile is one tile; its area is on the reference grid.
type CodedTile struct {
	Area       Rect
	MCT        bool // component transform over the first three components
	Components []CodedComponent
	Blocks     []CodedBlock
}

// CodedComponent is one component of a tile.
type CodedComponent struct {
	Coding
	Resolutions []CodedResolution // lowest first
}

// CodedResolution is one resolution; its area is in its samples.
type CodedResolution struct {
	Area  Rect
	Bands []CodedBand // LL at the lowest, HL, LH and HH at all others
}

// CodedBand is one sub-band.
type CodedBand struct {
	Step float32 // of the quantiser, for the gains of an irreversible wavelet (E-3)
}

// CodedBlock is a code-block that has data; its area is in samples of its sub-band (B-15).
type CodedBlock struct {
	Component, Resolution, Band int // which number those of the tile
	Area                        Rect
	Planes                      int // bit-planes from the first that is not empty
	Words                       []Codeword
}

// Codeword is one codeword segment: coding passes that share a run of the coder (D.4).
type Codeword struct {
	Data   []byte
	Passes int
}

// ErrBlocks says that code-blocks are coded in a way that is not taken apart here.
var ErrBlocks = errors.New("code-blocks are not taken apart")

// Bounds beyond which code-blocks are left to others: passes of one codeword, from which on
// decoders begin another, and bit-planes that fit a sample.
const (
	wordPasses = 109
	mostPlanes = 30
)

// Take takes a file or codestream apart that is held in data, which the blocks refer to.
// Errors wrap ErrBlocks, or say what is wrong with the file.
func Take(data []byte, b Budget) (*Coded, error) {
	size := int64(len(data))
	if size > takenBytes {
		return nil, fmt.Errorf("%w: %d bytes", ErrBlocks, size)
	}
	h, err := ReadHeader(bytes.NewReader(data), size, takenBudget(b))
	if err != nil {
		return nil, err
	}
	if h.HT || h.Palette != nil || h.reordered() {
		return nil, fmt.Errorf("%w: high throughput, a palette, or colours in another order", ErrBlocks)
	}
	cs := &h.Codestream
	c := &Coded{Size: cs.Size, sot: cs.Tiles, siz: cs.Segments[0].Offset}
	if err := c.ours(h, data); err != nil {
		return nil, err
	}
	if err := c.takeAll(h, data, takenBudget(b)); err != nil {
		return nil, err
	}
	return c, nil
}

// takeAll takes all tiles apart.
func (c *Coded) takeAll(h *Header, data []byte, b Budget) error {
	x, err := NewIndex(h)
	if err != nil {
		return err
	}
	size := int64(len(data))
	walk := newPartWalker(&source{size: size, held: data}, &h.Codestream, b, newEffort(size))
	if err := walk.follow(); err != nil {
		return err
	}
	c.Tiles, c.head = make([]CodedTile, len(walk.tiles)), data[:walk.tiles[0].parts[0].body]
	at := c.sot
	for t := range walk.tiles {
		if at, err = c.take(x, walk, t, data, at); err != nil {
			return err
		}
	}
	if !bytes.Equal(data[at:], []byte{0xFF, byte(EOC & 0xFF)}) {
		return fmt.Errorf("%w: %d bytes after the last tile", ErrBlocks, size-at)
	}
	return nil
}

// reordered tells whether a component is another colour than its number says.
func (b *Boxes) reordered() bool {
	return slices.ContainsFunc(b.ChannelDefs, func(d ChannelDef) bool {
		return d.Type == ColourChannel && int(d.Association) != d.Channel+1
	})
}

// take takes one tile apart, which begins at sot, and returns where it ends.
func (c *Coded) take(x *Index, walk *partWalker, t int, data []byte, sot int64) (end int64, err error) {
	heads, tile := &walk.tiles[t], &tileIndex{}
	if !heads.own.empty() {
		params := heads.own.over(x.params)
		tile.params = &params
	}
	grid, err := x.gridOf(heads.parts[0].place, t, tile, walk.budget)
	if err != nil {
		return 0, err
	}
	if end, err = c.oursTile(t, heads, grid, &x.params, data, sot); err != nil {
		return 0, err
	}
	if err := c.apart(grid.params); err != nil {
		return 0, err
	}
	if err := grid.room(heads.parts, nil); err != nil {
		return 0, err
	}
	if t == 0 {
		c.params = grid.params
	}
	k := blockTaker{coded: c, tile: &c.Tiles[t], data: data, walk: newPacketWalker(walk.src, &c.Size, grid, nil, walk.budget, walk.effort)}
	k.prepare()
	k.walk.told, k.walk.take = &shares{}, k.take
	return end, k.walk.follow(heads.parts, walk.budget)
}

// apart refuses what is left to others.
func (c *Coded) apart(p *Params) error {
	if len(p.Changes) > 0 || p.SOP || p.Progression != LRCP {
		return fmt.Errorf("%w: packets in another order, or numbered", ErrBlocks)
	}
	bands := 0
	for i, k := range p.Components {
		if k.Reversible && c.Size.Components[i].Bits > wholeBits {
			return fmt.Errorf("%w: integers of %d bits", ErrBlocks, c.Size.Components[i].Bits)
		}
		bands += 3*k.Levels + 1
	}
	if err := c.count(bands, 0, 0); err != nil {
		return err
	}
	for _, c := range p.Components {
		if c.Blocks&(HTBlocks|Bypass) != 0 || c.Shift != 0 {
			return fmt.Errorf("%w: block style %#02x, region of interest %d", ErrBlocks, uint8(c.Blocks), c.Shift)
		}
	}
	return nil
}

// blockTaker fills in a tile, packet by packet.
type blockTaker struct {
	coded  *Coded
	tile   *CodedTile
	data   []byte
	walk   *packetWalker
	words  []Codeword       // room for some
	places map[blockKey]int // of blocks that may come again in another layer
	last   blockKey         // of the last block
}

type blockKey struct{ precinct, band, block int }

// roomForWords is how many codewords memory is taken for at a time.
const roomForWords = 64

// prepare lays the tile out without blocks.
func (k *blockTaker) prepare() {
	grid, size := k.walk.grid, k.walk.size
	k.tile.Area, k.tile.MCT = grid.rect, grid.params.MCT
	k.tile.Components = make([]CodedComponent, len(grid.grids))
	for c := range grid.grids {
		params := &grid.params.Components[c]
		to := &k.tile.Components[c]
		to.Coding, to.Resolutions = params.Coding, make([]CodedResolution, len(grid.grids[c]))
		for r := range to.Resolutions {
			to.Resolutions[r] = CodedResolution{Area: grid.grids[c][r].rect, Bands: make([]CodedBand, bandCount(r))}
			for i := range to.Resolutions[r].Bands {
				to.Resolutions[r].Bands[i] = CodedBand{params.step(size.Components[c].Bits, r, i)}
			}
		}
	}
}

// take enters what one packet has of each code-block.
func (k *blockTaker) take(ref packetRef, body int64) error {
	for _, s := range k.walk.told.list {
		n := s.length
		if err := k.add(ref, s, k.data[body:body+n:body+n]); err != nil {
			return err
		}
		body += n
	}
	k.walk.told.list = k.walk.told.list[:0]
	return nil
}

func (k *blockTaker) add(ref packetRef, s share, data []byte) error {
	block, err := k.block(ref, s)
	if err != nil {
		return err
	}
	if last := len(block.Words) - 1; last >= 0 && k.walk.grid.params.Components[ref.component].Blocks&TermAll == 0 {
		word := &block.Words[last]
		word.Data, word.Passes = append(word.Data, data...), word.Passes+s.passes // data is full: this copies
	} else {
		if err := k.coded.count(0, 0, 1); err != nil {
			return err
		}
		k.word(block, Codeword{data, s.passes})
	}
	if block.Words[len(block.Words)-1].Passes > wordPasses {
		return fmt.Errorf("%w: a codeword of more than %d passes", ErrBlocks, wordPasses)
	}
	return nil
}

// word adds a codeword to a block: the first without taking memory for it alone.
func (k *blockTaker) word(block *CodedBlock, w Codeword) {
	if block.Words != nil {
		block.Words = append(block.Words, w)
		return
	}
	if len(k.words) == 0 {
		k.words = make([]Codeword, roomForWords)
	}
	k.words[0] = w
	block.Words, k.words = k.words[:1:1], k.words[1:]
}

// block finds a code-block, or enters it where it is met first.
func (k *blockTaker) block(ref packetRef, s share) (*CodedBlock, error) {
	key := blockKey{ref.precinct, s.band, s.block}
	if n := len(k.tile.Blocks); n > 0 && key == k.last { // passes that end their codeword each
		return &k.tile.Blocks[n-1], nil
	}
	if k.walk.grid.params.Layers > 1 {
		if at, met := k.places[key]; met {
			return &k.tile.Blocks[at], nil
		}
		if k.places == nil {
			k.places = map[blockKey]int{}
		}
		k.places[key] = len(k.tile.Blocks)
	}
	b, err := k.first(ref, s)
	if err == nil {
		err = k.coded.count(0, 1, 0)
	}
	k.last = key
	k.tile.Blocks = append(k.tile.Blocks, b)
	return &k.tile.Blocks[len(k.tile.Blocks)-1], err
}

// first is a code-block of which nothing but its place is known.
func (k *blockTaker) first(ref packetRef, s share) (CodedBlock, error) {
	params, met := &k.walk.grid.params.Components[ref.component], &k.walk.precincts[ref.precinct]
	band := &(*met)[s.band]
	zero := int(band.planes.levels[0].nodes[s.block].low)
	b := CodedBlock{
		Component: ref.component, Resolution: ref.resolution, Band: s.band,
		Area:   k.walk.blockArea(ref, s.band, s.block%band.width, s.block/band.width),
		Planes: params.planes(ref.resolution, s.band) - zero,
	}
	if b.Planes < 0 || b.Planes > mostPlanes || params.Reversible && b.Planes > wholePlanes {
		return b, fmt.Errorf("%w: %d bit-planes", ErrBlocks, b.Planes)
	}
	return b, nil
}

// blockArea is the area of a code-block by its place in its band of a precinct.
func (w *packetWalker) blockArea(ref packetRef, band, x, y int) Rect {
	cells, inBand, bx, by := w.cellsOf(ref, band)
	left, top := cells.X0+int64(x), cells.Y0+int64(y)
	return Rect{left << bx, top << by, (left + 1) << bx, (top + 1) << by}.Intersect(inBand)
}

// bandNumber counts sub-bands as quantisation does, LL first.
func bandNumber(resolution, band int) int {
	if resolution == 0 {
		return 0
	}
	return 3*resolution - 2 + band
}

// exponent and mantissa of a sub-band's step (E.1.1; E-5 where it is derived).
func (c *ComponentParams) quantum(resolution, band int) (exponent, mantissa int) {
	n := bandNumber(resolution, band)
	switch c.Quant.Style {
	case Unquantised:
		return int(c.Quant.Steps[n] >> 3), 0
	case Derived:
		step := int(c.Quant.Steps[0])
		return max(0, step>>11-max(0, resolution-1)), step & 0x7FF
	}
	return int(c.Quant.Steps[n] >> 11), int(c.Quant.Steps[n] & 0x7FF)
}

// planes is Mb (E-2).
func (c *ComponentParams) planes(resolution, band int) int {
	exponent, _ := c.quantum(resolution, band)
	return exponent + int(c.Quant.Guard) - 1
}

// step is the quantiser's (E-3), with the gain of each sub-band left to the wavelet.
func (c *ComponentParams) step(bits, resolution, band int) float32 {
	exponent, mantissa := c.quantum(resolution, band)
	return float32((1 + float64(mantissa)/2048) * math.Pow(2, float64(bits-exponent)))
}

// shares gathers what one packet has of code-blocks, in the order of its body.
type shares struct {
	band, block int // met last
	list        []share
}

type share struct {
	band, block int // of the precinct
	passes      int
	length      int64
}

func (s *shares) enter(band int) {
	if s != nil {
		s.band = band
	}
}

func (s *shares) meet(block int) {
	if s != nil {
		s.block = block
	}
}

func (s *shares) add(passes int, length int64) {
	if s != nil {
		s.list = append(s.list, share{s.band, s.block, passes, length})
	}
}
