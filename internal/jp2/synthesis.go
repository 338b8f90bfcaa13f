package jp2

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// Range is a run of bytes of the source file.
type Range struct{ Offset, Length int64 }

// Ranges gives what must be read of the source, in order. Runs with no more than gap
// bytes between them are joined: a few idle bytes cost less than another request.
func (p *Plan) Ranges(gap int64) []Range {
	n, _ := p.Packets()
	runs := make([]Range, 0, n)
	for from := range p.needed() {
		runs = append(runs, Range{from.offset, from.length})
	}
	slices.SortFunc(runs, func(a, b Range) int { return cmp.Compare(a.Offset, b.Offset) })
	return coalesce(runs, gap)
}

func coalesce(runs []Range, gap int64) []Range {
	joined := runs[:0]
	for _, run := range runs {
		if n := len(joined); n > 0 && run.Offset-joined[n-1].Offset-joined[n-1].Length <= gap {
			joined[n-1].Length = run.Offset + run.Length - joined[n-1].Offset
		} else {
			joined = append(joined, run)
		}
	}
	return joined
}

// needed visits the packets taken from the source.
func (p *Plan) needed() func(yield func(packet) bool) {
	return func(yield func(packet) bool) {
		for i := range p.tiles {
			for _, from := range p.tiles[i].from {
				if from != unneeded && !p.tiles[i].each(int(from), yield) {
					return
				}
			}
		}
	}
}

// each visits the packets of one precinct of the source.
func (t *plannedTile) each(precinct int, yield func(packet) bool) bool {
	layers := t.source.params.Layers
	for _, packet := range t.source.packets[precinct*layers : (precinct+1)*layers] {
		if packet.length > 0 && !yield(packet) {
			return false
		}
	}
	return true
}

// Packets counts the packets taken from the source, and their bytes.
func (p *Plan) Packets() (n int, bytes int64) {
	for from := range p.needed() {
		n++
		bytes += from.length
	}
	return n, bytes
}

// Synthesise writes the codestream, taking packets from src, which must have the bytes
// that Ranges names at their offsets in the file.
func (p *Plan) Synthesise(src io.ReaderAt) ([]byte, error) {
	return p.append(make([]byte, 0, p.likely()), src)
}

// SynthesiseFile is Synthesise with the boxes around the codestream that the source has
// around its own: palette, channel definitions, colour. A bare one stays bare.
func (p *Plan) SynthesiseFile(src io.ReaderAt) ([]byte, error) {
	if p.boxes == nil {
		return p.Synthesise(src)
	}
	file := make([]byte, 0, p.likely()+len(p.boxes)+fileOverhead)
	file = appendFileHead(file, p.boxes, p.size.Width(), p.size.Height())
	begin := len(file) // of jp2c
	file, err := p.append(append(file, "\x00\x00\x00\x00jp2c"...), src)
	if err != nil {
		return nil, err
	}
	size := len(file) - begin
	if size > math.MaxUint32 {
		return nil, whole.fail("codestream of %d bytes", size)
	}
	binary.BigEndian.PutUint32(file[begin:], uint32(size))
	return file, nil
}

// append writes the codestream after what is in out.
func (p *Plan) append(out []byte, src io.ReaderAt) ([]byte, error) {
	w := streamWriter{out: out}
	w.mainHeader(p)
	for i := range p.tiles {
		begin := len(w.out)
		w.tileHeader(i, &p.tiles[i], &p.params, nil)
		if err := w.packets(src, &p.size, &p.tiles[i], func(int) {}); err != nil {
			return nil, err
		}
		size := len(w.out) - begin
		if size > math.MaxUint32 {
			return nil, whole.fail("tile-part of %d bytes", size)
		}
		binary.BigEndian.PutUint32(w.out[begin+6:], uint32(size)) // Psot
	}
	return binary.BigEndian.AppendUint16(w.out, uint16(EOC)), nil
}

// trusted is for how many bytes memory is taken before they are there: a stored index may say
// that packets are longer than the file.
const trusted = 8 << 20

// likely is how long the codestream will be, or so much of it as is trusted.
func (p *Plan) likely() int {
	_, bytes := p.Packets()
	return int(min(bytes, trusted)) + p.overhead()
}

// overhead estimates the bytes besides packets: headers, and packets left empty.
func (p *Plan) overhead() int {
	n := 1024
	for i := range p.tiles {
		n += 64 + 3*p.tiles[i].grid.packets()
	}
	return n
}

// packets writes the packets of a tile, and tells the length of each.
func (w *streamWriter) packets(src io.ReaderAt, size *Size, t *plannedTile, told func(int)) error {
	empty, layers := emptyPacket(t.grid.params), t.grid.params.Layers
	for ref := range t.grid.sequence(size) {
		var from packet
		var header []byte
		if precinct := t.from[ref.precinct]; precinct != unneeded {
			slot := int(precinct)*layers + ref.layer
			from, header = t.source.packets[slot], t.source.header(slot)
		}
		begin := len(w.out)
		w.out = append(w.out, header...)
		if from.length == 0 && header == nil {
			w.out = append(w.out, empty...)
		} else if err := w.copy(src, from); err != nil {
			return err
		}
		told(len(w.out) - begin)
	}
	return nil
}

// emptyPacket is one that has nothing of any code-block (B.10.3).
func emptyPacket(p *Params) []byte {
	if p.EPH {
		return []byte{0, 0xFF, byte(EPH & 0xFF)}
	}
	return []byte{0}
}

// copy takes over one packet, without the SOP marker it may begin with.
func (w *streamWriter) copy(src io.ReaderAt, from packet) error {
	begin := len(w.out)
	for at, end := from.offset, from.offset+from.length; at < end; {
		part := int(min(end-at, trusted))
		w.out = slices.Grow(w.out, part)
		if n, err := src.ReadAt(w.out[len(w.out):len(w.out)+part], at); n < part {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read packet of %d bytes at %d: %w", from.length, from.offset, err)
		}
		w.out, at = w.out[:len(w.out)+part], at+int64(part)
	}
	body := w.out[begin:]
	if len(body) >= sopLength && body[0] == 0xFF && body[1] == byte(SOP&0xFF) {
		w.out = w.out[:begin+copy(body, body[sopLength:])]
	}
	return nil
}
