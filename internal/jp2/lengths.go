package jp2

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// lengths are those of consecutive packets, as uvarints: short, and quick to follow.
type lengths struct {
	coded []byte
	count int
	total int64
}

func (l *lengths) add(n int64) {
	l.coded = binary.AppendUvarint(l.coded, uint64(n))
	l.count++
	l.total += n
}

// fragments are the contents of PLT, PLM, PPT or PPM segments with their indices (Zplt),
// which give their order.
type fragments []fragment

type fragment struct {
	place
	index byte
	data  []byte
}

// read adds the contents of a segment.
func (f *fragments) read(src *source, seg Segment) error {
	off, n := seg.body()
	c, err := src.cursor(seg.place(), off, n)
	if err != nil {
		return err
	}
	index := c.u8()
	*f = append(*f, fragment{seg.place(), index, c.b})
	return c.done()
}

// readAll reads all segments of a kind in the main header.
func readAll(src *source, cs *Codestream, m Marker) (all fragments, err error) {
	for _, seg := range cs.Segments {
		if seg.Marker == m && err == nil {
			err = all.read(src, seg)
		}
	}
	return all, err
}

// join puts the fragments together.
func (f fragments) join() packed {
	slices.SortStableFunc(f, func(a, b fragment) int { return cmp.Compare(a.index, b.index) })
	data := make([][]byte, len(f))
	for i := range f {
		data[i] = f[i].data
	}
	return slices.Concat(data...)
}

// packed are packet lengths as Iplt and Iplm store them: seven bits a byte, the most
// significant first, the top bit set in all bytes but the last (A.7.3).
type packed []byte

// packetLengths reads the lengths of all packets of a tile-part and refuses them
// unless they come to exactly its size.
func (b packed) packetLengths(p place, size int64) (lengths, error) {
	var l lengths
	var n int64
	for i, digit := range b {
		if n = n<<7 | int64(digit&0x7F); n > size {
			return l, p.fail("packet %d is longer than the tile-part", l.count)
		}
		if digit < 0x80 {
			if n == 0 {
				return l, p.fail("packet %d has no length", l.count)
			}
			l.add(n)
			n = 0
		} else if i == len(b)-1 {
			return l, p.fail("packet lengths end inside one")
		}
	}
	if l.total != size {
		return l, p.fail("packet lengths come to %d of the %d bytes of the tile-part", l.total, size)
	}
	return l, nil
}

// plmReader deals out the lengths of PLM, which stand in the main header for all
// tile-parts in the order of the codestream (A.7.2).
type plmReader struct{ left []byte }

// newPLM returns nil where the main header has none.
func newPLM(src *source, cs *Codestream) (*plmReader, error) {
	all, err := readAll(src, cs, PLM)
	if all == nil || err != nil {
		return nil, err
	}
	return &plmReader{all.join()}, nil
}

// next takes the lengths of the next tile-part: a byte with their size (Nplm), then them.
func (r *plmReader) next(part *tilePart) (lengths, error) {
	c := cursor{place: place{"PLM", part.offset}, b: r.left}
	own := c.take(int(c.u8()))
	if err := c.done(); err != nil {
		return lengths{}, err
	}
	r.left = c.b
	return packed(own).packetLengths(c.place, part.end-part.body)
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
