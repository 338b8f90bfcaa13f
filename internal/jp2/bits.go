package jp2

// bitReader reads a packet header: bits from the most significant on, with a zero bit
// stuffed in after every byte FF (B.10.1). Like cursor it remembers running out.
type bitReader struct {
	src   *source
	place place
	next  int64 // offset of the next byte
	end   int64 // of the tile-part
	chunk []byte
	bits  uint8 // the current byte
	left  int   // bits of it not read yet
	err   error
}

func (b *bitReader) fill() {
	if len(b.chunk) == 0 && !b.load() {
		b.left = 8 // zeros: the caller asks for err once its loop is done
		b.bits = 0
		return
	}
	b.left = 8
	if b.bits == 0xFF {
		b.left = 7
	}
	b.bits, b.chunk = b.chunk[0], b.chunk[1:]
	b.next++
}

func (b *bitReader) load() bool {
	if b.err != nil {
		return false
	}
	if b.next >= b.end {
		b.err = b.place.fail("packet header reaches past what there is of it, at %d", b.end)
		return false
	}
	b.chunk, b.err = b.src.some(b.place, b.next, b.end)
	return b.err == nil
}

func (b *bitReader) bit() int {
	if b.left == 0 {
		b.fill()
	}
	b.left--
	return int(b.bits>>b.left) & 1
}

func (b *bitReader) number(bits int) int64 {
	var n int64
	for range bits {
		n = n<<1 | int64(b.bit())
	}
	return n
}

// ones counts one bits up to the zero that ends them, but no more than limit.
func (b *bitReader) ones(limit int) int {
	n := 0
	for n < limit && b.err == nil && b.bit() == 1 {
		n++
	}
	return n
}

// align ends the header at a byte, after the stuffing that a last FF calls for.
func (b *bitReader) align() {
	if b.bits == 0xFF {
		b.fill()
	}
	b.left = 0
}
