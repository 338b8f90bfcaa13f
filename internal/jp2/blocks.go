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
	root          tagNode // of inclusion, as long as there are no blocks
	blocks        []block // nil until one is included
	inclusion     tagTree
	planes        tagTree // zero bit-planes
}

func newBand(cells Rect) band {
	return band{width: int(cells.width()), height: int(cells.height())}
}

// grow makes room for the blocks, which waits until one of them may have data.
func (d *band) grow() {
	d.blocks = make([]block, d.width*d.height)
	for i := range d.blocks {
		d.blocks[i].lengthen = 3
	}
	d.inclusion, d.planes = newTagTree(d.width, d.height), newTagTree(d.width, d.height)
	*d.inclusion.root() = d.root
}

// read reads one sub-band's share of a packet header and returns the bytes of body
// that it announces. Blocks of which the trees say that they cannot be meant are not
// visited one by one: what that takes is in proportion to the bits read.
func (d *band) read(b *bitReader, layer int, style BlockStyle, work *effort, told *shares) (body int64) {
	limit := int32(layer) + 1
	if d.blocks == nil {
		if d.width*d.height == 0 {
			return 0
		}
		if d.root.read(b, limit); d.root.low >= limit || b.err != nil {
			return 0
		}
		if b.err = work.make(b.place, d.width*d.height); b.err != nil {
			return 0
		}
		d.grow()
	}
	for y := 0; y < d.height && b.err == nil; {
		n, next := d.readRow(b, y, limit, style, work, told)
		body, y = body+n, next
	}
	return body
}

// readRow reads of the blocks in row y, and gives the next row with any that may be meant.
func (d *band) readRow(b *bitReader, y int, limit int32, style BlockStyle, work *effort, told *shares) (body int64, next int) {
	next = d.height
	for x := 0; x < d.width && b.err == nil; {
		if b.err = work.visit(b.place); b.err != nil {
			break
		}
		own := &d.blocks[y*d.width+x]
		if k := d.barred(own, b, x, y, limit); k >= 0 {
			x, next = (x>>k+1)<<k, min(next, (y>>k+1)<<k)
			continue
		}
		if own.passes == 0 || b.bit() == 1 { // a bit tells of those that were included before
			told.meet(y*d.width + x)
			body += own.read(b, style, told)
		}
		x, next = x+1, y+1
	}
	return body, next
}

// barred includes a block met first (B.10.4, B.10.5), unless it is not in this layer nor
// any around it: then it gives the level of the tree that says so.
func (d *band) barred(own *block, b *bitReader, x, y int, limit int32) int {
	if own.included {
		return -1
	}
	if k := d.inclusion.barred(b, x, y, limit); k >= 0 {
		return k
	}
	own.included = true
	if planes := d.planes.value(b, x, y, maxPlanes); planes == maxPlanes && b.err == nil {
		b.err = b.place.fail("a code-block has %d empty bit-planes or more", maxPlanes)
	}
	return -1
}

// maxPlanes is beyond the bit-planes that any sample can have: 38 bits and 7 guard bits
// and what a region of interest shifts.
const maxPlanes = 96

// read reads the passes and lengths of one block (B.10.6, B.10.7).
func (k *block) read(b *bitReader, style BlockStyle, told *shares) int64 {
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
		digits := int(k.lengthen) + bits.Len(uint(n)) - 1
		if digits > 32 && b.err == nil {
			b.err = b.place.fail("a code-block has a length of %d bits", digits)
			return 0
		}
		length := b.number(digits)
		told.add(n, length)
		body += length
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
