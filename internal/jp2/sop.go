package jp2

import "bytes"

// scanPackets fills in the lengths of all parts of one tile by the SOP markers that
// stand before its packets (A.8.1), for files whose packet headers cannot be followed.
// It is refused unless there is one before each packet, numbered without a gap: no two
// bytes of a packet can be mistaken for a marker.
func scanPackets(src *source, parts []tilePart) error {
	count := 0
	for i := range parts {
		part := &parts[i]
		part.lengths = lengths{}
		for off := part.body; off < part.end; {
			if err := checkSOP(src, part, off, count); err != nil {
				return err
			}
			next, err := findSOP(src, part, off+sopLength)
			if err != nil {
				return err
			}
			part.lengths.add(next - off)
			off, count = next, count+1
		}
	}
	return nil
}

// checkSOP makes sure that packet number count begins at off.
func checkSOP(src *source, part *tilePart, off int64, count int) error {
	p := place{"packet", off}
	if part.end-off < sopLength {
		return p.fail("cut short at %d", part.end)
	}
	b, err := src.bytes(p, off, sopLength)
	if err != nil {
		return err
	}
	if want := []byte{0xFF, byte(SOP & 0xFF), 0, 4, byte(count >> 8), byte(count)}; !bytes.Equal(b, want) {
		return p.fail("% X where SOP of packet %d belongs", b, count&0xFFFF)
	}
	return nil
}

// findSOP returns where the next SOP marker stands, or the end of the tile-part.
func findSOP(src *source, part *tilePart, off int64) (int64, error) {
	for off < part.end-1 {
		chunk, err := src.some(place{"packet", off}, off, part.end)
		if err != nil {
			return 0, err
		}
		if i := bytes.Index(chunk, []byte{0xFF, byte(SOP & 0xFF)}); i >= 0 {
			return off + int64(i), nil
		}
		last := off + int64(len(chunk)) - 1
		if chunk[len(chunk)-1] == 0xFF && last < part.end-1 { // half a marker, perhaps
			half, err := src.bytes(place{"packet", last}, last, 2)
			if err != nil || half[1] == byte(SOP&0xFF) {
				return last, err
			}
		}
		off = last + 1
	}
	return part.end, nil
}
