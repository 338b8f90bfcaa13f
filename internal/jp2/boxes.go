package jp2

import (
	"encoding/binary"
	"math"
)

// Container is the kind of file around the codestream.
type Container string

// The containers.
const (
	Bare Container = "j2k" // a codestream alone
	JP2  Container = "jp2" // 15444-1 annex I
	JPX  Container = "jpx" // 15444-2 annex M
	JPH  Container = "jph" // 15444-15 annex D
)

// signature is the contents of the box every JP2 family file begins with (I.5.1).
const signature = 0x0D0A870A

// box is the header of one box (I.4).
type box struct {
	place
	body, end int64 // contents [body, end)
	missing   int64 // bytes promised beyond the end of its surroundings
}

// boxReader walks the boxes up to the first codestream.
type boxReader struct {
	src    *source
	budget Budget
	left   int // boxes that may still be read
	Boxes
	header bool // jp2h seen
}

// extent is where a codestream lies in the file.
type extent struct{ begin, end, missing int64 }

func readBoxes(src *source, budget Budget) (Boxes, extent, error) {
	start, err := src.bytes(place{"file", 0}, 0, 2)
	if err != nil {
		return Boxes{}, extent{}, err
	}
	if Marker(binary.BigEndian.Uint16(start)) == SOC {
		return Boxes{Container: Bare}, extent{0, src.size, 0}, nil
	}
	r := &boxReader{src: src, budget: budget, left: budget.Boxes}
	stream, err := r.readTop()
	return r.Boxes, stream, err
}

// next reads the header of the box at off inside surroundings that end at end.
func (r *boxReader) next(off, end int64) (box, error) {
	b := box{place: place{"box", off}, body: off + 8}
	if r.left--; r.left < 0 {
		return b, b.fail("more than %d boxes", r.budget.Boxes)
	}
	if off > end-8 {
		return b, b.fail("%d bytes are too few for a box", end-off)
	}
	head, err := r.src.bytes(b.place, off, 8)
	if err != nil {
		return b, err
	}
	b.part = boxName(head[4:])
	length := int64(binary.BigEndian.Uint32(head))
	switch length {
	case 0: // to the end of what surrounds it
		length = end - off
	case 1:
		if length, err = r.longLength(&b, end); err != nil {
			return b, err
		}
	}
	if length < b.body-off {
		return b, b.fail("length %d is shorter than its own header", length)
	}
	b.end = off + min(length, end-off)
	b.missing = length - (b.end - off)
	return b, nil
}

// longLength reads XLBox (I.4).
func (r *boxReader) longLength(b *box, end int64) (int64, error) {
	if b.body += 8; b.body > end {
		return 0, b.fail("%d bytes are too few for a box", end-b.offset)
	}
	raw, err := r.src.bytes(b.place, b.offset+8, 8)
	if err != nil {
		return 0, err
	}
	length := binary.BigEndian.Uint64(raw)
	if length > math.MaxInt64 {
		return 0, b.fail("length %d is beyond any file", length)
	}
	return int64(length), nil
}

// boxName is the four characters of a box type, with those that are no plain ASCII
// replaced, since names end up in logs.
func boxName(raw []byte) string {
	name := make([]byte, len(raw))
	for i, b := range raw {
		if b < ' ' || b > '~' {
			b = '?'
		}
		name[i] = b
	}
	return string(name)
}

// contents reads the whole of a small box.
func (r *boxReader) contents(b box, limit int64) (*cursor, error) {
	if n := b.end - b.body; n > limit {
		return nil, b.fail("%d bytes: up to %d are allowed", n, limit)
	}
	return r.src.cursor(b.place, b.body, int(b.end-b.body))
}

// readTop walks the top level: signature, file type, JP2 header, codestream (I.2.2).
func (r *boxReader) readTop() (extent, error) {
	for off, i := int64(0), 0; ; i++ {
		if off == r.src.size {
			return extent{}, place{"file", off}.fail("ends without a codestream")
		}
		b, err := r.next(off, r.src.size)
		if err != nil {
			return extent{}, err
		}
		if i == 0 && b.part != "jP  " {
			return extent{}, place{"file", 0}.fail("is no JPEG 2000 file")
		}
		if first := i == 1; first != (b.part == "ftyp") {
			return extent{}, b.fail("ftyp is the second box, and only that")
		}
		if b.part == "jp2c" {
			return r.stream(b)
		}
		if b.missing > 0 {
			return extent{}, b.fail("reaches %d bytes past the end of the file", b.missing)
		}
		if err := r.readBox(b); err != nil {
			return extent{}, err
		}
		off = b.end
	}
}

func (r *boxReader) stream(b box) (extent, error) {
	if !r.header {
		return extent{}, b.fail("comes before the JP2 header")
	}
	return extent{b.body, b.end, b.missing}, nil
}

func (r *boxReader) readBox(b box) error {
	switch b.part {
	case "jP  ":
		c, err := r.contents(b, 4)
		if err == nil && c.u32() != signature {
			err = b.fail("is not the signature of a JPEG 2000 file")
		}
		return err
	case "ftyp":
		return r.readFileType(b)
	case "jp2h":
		if r.header {
			return b.fail("given twice")
		}
		r.header = true
		return r.readHeader(b)
	}
	return nil // metadata, or a box of a later edition: skipped unread (I.8)
}

// readFileType tells the container by its brand (I.5.2). An unknown brand stands for
// JP2: whether the file can be read is decided by what it holds.
func (r *boxReader) readFileType(b box) error {
	c, err := r.src.cursor(b.place, b.body, int(min(b.end-b.body, 4)))
	if err != nil {
		return err
	}
	switch boxName(c.take(4)) {
	case "jpx ", "jpf ":
		r.Container = JPX
	case "jph ":
		r.Container = JPH
	default:
		r.Container = JP2
	}
	return c.done()
}
