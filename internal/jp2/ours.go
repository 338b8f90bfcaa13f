package jp2

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// What is taken apart at most. A region of a hundred megapixels in three components stays
// below; of more nothing is worth keeping, and a few bytes each must not become a hundred.
const (
	takenBytes  = 64 << 20
	takenBands  = 1 << 17 // sub-bands of all tiles
	takenBlocks = 1 << 18 // code-blocks that have data
	takenWords  = 1 << 20
	takenHollow = 1 << 16 // packets of an image of a pixel
)

// takenBudget is the budget of one that is to be taken apart.
func takenBudget(b Budget) Budget {
	b.TileBlocks = min(b.TileBlocks, 1<<19)
	b.TilePrecincts = min(b.TilePrecincts, 1<<17)
	b.TilePackets = min(b.TilePackets, 1<<20)
	return b
}

// Bounds within which nothing can overflow: of coordinates, and of integers on their way
// through the wavelet. What 32 levels of it make of coefficients is 169 times as large at
// most, and two and a half times that after the component transform.
const (
	farthestPixel = 1 << 30
	wholePlanes   = 22
	wholeBits     = 28
	floatBits     = 20 // of samples made of floats
)

// ours refuses files other than [Plan.SynthesiseFile] writes, to the byte. What others write
// may be sound, but decoders differ in how they read some of it.
func (c *Coded) ours(h *Header, data []byte) error {
	s, cs := &c.Size, &h.Codestream
	if max(s.Xsiz, s.Ysiz, s.XTOsiz+s.XTsiz, s.YTOsiz+s.YTsiz) > farthestPixel {
		return fmt.Errorf("%w: an image to %d,%d", ErrBlocks, s.Xsiz, s.Ysiz)
	}
	var w streamWriter
	if h.kept != nil {
		w.out = appendFileHead(nil, h.kept, s.Width(), s.Height())
		w.u32(uint32(len(data) - len(w.out)))
		w.out = append(w.out, "jp2c"...)
	}
	w.mainHeader(&Plan{size: *s, cap: cs.CAP, params: cs.Params})
	if !bytes.Equal(w.out, data[:cs.Tiles]) {
		return fmt.Errorf("%w: the main header is of another make", ErrBlocks)
	}
	return nil
}

// oursTile does the same with the head of a tile, which begins at sot and is the only part
// of it; it returns where it ends.
func (c *Coded) oursTile(t int, heads *tileHeads, grid *tileGrid, main *Params, data []byte, sot int64) (int64, error) {
	var w streamWriter
	w.tileHeader(t, &plannedTile{grid: grid}, main, nil)
	part := &heads.parts[0]
	binary.BigEndian.PutUint32(w.out[6:], uint32(part.end-part.offset)) // Psot
	if len(heads.parts) > 1 || part.offset != sot || !bytes.Equal(w.out, data[sot:part.body]) {
		return 0, fmt.Errorf("%w: tile %d begins in another way", ErrBlocks, t)
	}
	return part.end, nil
}

// count bounds what is made of all tiles together.
func (c *Coded) count(bands, blocks, words int) error {
	c.bands, c.blocks, c.words = c.bands+bands, c.blocks+blocks, c.words+words
	if c.bands > takenBands || c.blocks > takenBlocks || c.words > takenWords {
		return fmt.Errorf("%w: more than %d sub-bands, %d blocks or %d codewords", ErrBlocks, takenBands, takenBlocks, takenWords)
	}
	return nil
}
