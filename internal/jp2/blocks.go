package jp2

import "math/bits"

// block is what packet headers must remember of a code-block from layer to layer.
type block struct {
	included bool
	lengthen uint8 // Lblock (B.10.7.1)
	passes   uint8 // coding passes so far, at most 164
}

// maxPasses is the most that one header can add (table B.4).
const maxPasses = 164

// band is the part of one sub-band in one precinct: its code-blocks and the two trees.
type band struct {
	width, height int
	blocks        []block
	inclusion     tagTree
	planes        tagTree // zero bit-planes
}

func newBand(cells Rect) band {
	b := band{width: int(cells.width()), height: int(cells.height())}
	b.blocks = make([]block, b.width*b.height)
	for i := range b.blocks {
		b.blocks[i].lengthen = 3
	}
	b.inclusion, b.planes = newTagTree(b.width, b.height), newTagTree(b.width, b.height)
	return b
}

// read reads one sub-band's share of a packet header and returns the bytes of body
// that it announces.
func (d *band) read(b *bitReader, layer int, style BlockStyle) int64 {
	var body int64
	for i := range d.blocks {
		if b.err != nil {
			return 0
		}
		if d.contributes(b, i, layer) {
			body += d.blocks[i].read(b, style)
		}
	}
	return body
}

// contributes tells whether block i has data in this layer (B.10.4, B.10.5).
func (d *band) contributes(b *bitReader, i, layer int) bool {
	own := &d.blocks[i]
	if own.included {
		return b.bit() == 1
	}
	x, y := i%d.width, i/d.width
	if !d.inclusion.below(b, x, y, int32(layer)+1) {
		return false
	}
	own.included = true
	if planes := d.planes.value(b, x, y, maxPlanes); planes == maxPlanes && b.err == nil {
		b.err = b.place.fail("a code-block has %d empty bit-planes or more", maxPlanes)
	}
	return true
}

// maxPlanes is beyond the bit-planes that any sample can have: 38 bits and 7 guard bits
// and what a region of interest shifts.
const maxPlanes = 96

// read reads the passes and lengths of one block (B.10.6, B.10.7).
func (k *block) read(b *bitReader, style BlockStyle) int64 {
	passes := readPasses(b)
	k.lengthen += uint8(b.ones(33))
	if why := k.refuse(passes, style); why != "" {
		if b.err == nil {
			b.err = b.place.fail("%s", why)
		}
		return 0
	}
	var body int64
	for passes > 0 {
		n := segmentPasses(style, int(k.passes), passes)
		body += b.number(int(k.lengthen) + bits.Len(uint(n)) - 1)
		k.passes += uint8(n)
		passes -= n
	}
	return body
}

// refuse tells what is wrong with passes more, or nothing.
func (k *block) refuse(passes int, style BlockStyle) string {
	switch {
	case k.lengthen > 32:
		return "a code-block has impossible lengths"
	case int(k.passes)+passes > maxPasses:
		return "a code-block has impossibly many passes"
	case style&HTBlocks != 0 && k.passes > 0: // and OpenJPEG reads it in a way of its own
		return "a high-throughput code-block goes on in another layer"
	}
	return ""
}

// readPasses reads the number of new coding passes (table B.4).
func readPasses(b *bitReader) int {
	if ones := b.ones(2); ones < 2 {
		return ones + 1
	}
	if n := b.number(2); n < 3 {
		return 3 + int(n)
	}
	if n := b.number(5); n < 31 {
		return 6 + int(n)
	}
	return 37 + int(b.number(7))
}

// segmentPasses is how many of the next passes share a codeword segment, which is where
// a length of its own is told, once done of a block's passes are known (D.6, table D.9).
func segmentPasses(style BlockStyle, done, next int) int {
	switch {
	case style&HTBlocks != 0:
		return htSegment(done, next)
	case style&TermAll != 0:
		return 1
	case style&Bypass == 0:
		return next
	case done < 10: // the first four bit-planes are never bypassed
		return min(next, 10-done)
	case (done-10)%3 == 0: // two raw passes, then one clean-up pass
		return min(next, 2)
	}
	return 1
}

// htSegment is the same for part 15, where a block has all of its passes in one layer: groups of three passes that only stand for empty
// bit-planes count with the clean-up pass after them, and the one or two refinement
// passes make the second segment (15444-15, 7.1 and B.3).
func htSegment(done, next int) int {
	if done == 0 {
		return (next-1)/3*3 + 1
	}
	return next
}
