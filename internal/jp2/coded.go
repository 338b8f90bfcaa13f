package jp2

import (
	"bytes"
	"errors"
	"fmt"
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
	Area Rect
	// Steps of the quantiser, one a sub-band: LL at the lowest, HL, LH and HH at all others
	// (E-3, less the gain, which is the irreversible wavelet's).
	Steps []float32
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
	bands, packets := 0, 0
	for i, k := range p.Components {
		if bits := c.Size.Components[i].Bits; bits > wholeBits || bits > floatBits && !k.Reversible {
			return fmt.Errorf("%w: samples of %d bits", ErrBlocks, bits)
		}
		if k.Blocks&(HTBlocks|Bypass) != 0 || k.Shift != 0 {
			return fmt.Errorf("%w: block style %#02x, region of interest %d", ErrBlocks, uint8(k.Blocks), k.Shift)
		}
		bands, packets = bands+3*k.Levels+1, packets+p.Layers*(k.Levels+1)
	}
	if packets > takenHollow {
		return fmt.Errorf("%w: %d packets of an image of a pixel", ErrBlocks, packets)
	}
	return c.count(bands, 0, 0)
}
