package jp2

import "fmt"

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
			to.Resolutions[r] = CodedResolution{Area: grid.grids[c][r].rect, Steps: make([]float32, bandCount(r))}
			for i := range to.Resolutions[r].Steps {
				to.Resolutions[r].Steps[i] = params.step(size.Components[c].Bits, r, i)
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
