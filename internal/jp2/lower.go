package jp2

import (
	"encoding/binary"
	"io"
	"math"
)

// Lower makes a file of an image's lower resolutions alone: the same packets, tile by tile,
// with their lengths told. An image of thousands of tiles is shown as a whole from there,
// rather than from a few bytes in each of thousands of places. What a decoder makes of it
// equals what it makes of the file itself with so many levels dropped.
type Lower struct {
	x      *Index
	reduce int
	size   Size
	params Params
}

// Lower drops reduce levels. Errors are an *Error that says why that cannot be.
func (x *Index) Lower(reduce int) (*Lower, error) {
	l := &Lower{x: x, reduce: reduce, size: x.size}
	s, last := &l.size, int64(len(x.tiles)-1)
	if reduce < 1 || reduce > 32 {
		return nil, whole.fail("reduction by %d levels", reduce)
	}
	for _, v := range []*int64{&s.XTsiz, &s.YTsiz, &s.XTOsiz, &s.YTOsiz} {
		if *v>>reduce<<reduce != *v && last > 0 {
			return nil, whole.fail("tiles of %d×%d pixels do not divide by 2^%d", x.size.XTsiz, x.size.YTsiz, reduce)
		}
		*v = ceilDiv(*v, 1<<reduce)
	}
	for _, v := range []*int64{&s.Xsiz, &s.Ysiz, &s.XOsiz, &s.YOsiz} {
		*v = ceilDiv(*v, 1<<reduce)
	}
	if s.Tile(0).Empty() || s.Tile(last).Empty() || s.Tiles() != last+1 {
		return nil, whole.fail("tiles at the edges have no pixels left")
	}
	for i := range x.params.Components {
		if levels := x.params.Components[i].Levels; levels < reduce {
			return nil, whole.fail("component %d has %d wavelet levels, not %d", i, levels, reduce)
		}
	}
	l.params = reduced(&x.params, reduce)
	return l, nil
}

// Begin writes all that comes before the first tile.
func (l *Lower) Begin(out []byte) []byte {
	if l.x.boxes != nil {
		out = appendFileHead(out, l.x.boxes, l.size.Width(), l.size.Height())
		out = append(out, "\x00\x00\x00\x00jp2c"...) // reaches to the end of the file (I.4)
	}
	w := streamWriter{out: out}
	w.mainHeader(&Plan{size: l.size, cap: l.x.cap, params: l.params})
	return w.out
}

// Tile plans one tile: what of it must be read, as Ranges says, for Append.
func (l *Lower) Tile(t int) (*Plan, error) {
	s := &l.x.size
	return l.x.Plan(s.Tile(int64(t)).shift(-s.XOsiz, -s.YOsiz), l.reduce)
}

// Batch says how many of the tiles from one on, before another, may be planned at a time:
// together they have no more than PlanPackets packets, or there is only one.
func (l *Lower) Batch(from, to int) (tiles int) {
	for n := 0; from+tiles < to; tiles++ {
		if n += l.x.packetsOf(from + tiles); n > PlanPackets && tiles > 0 {
			break
		}
	}
	return tiles
}

// Append writes tile t from its plan and src, as Plan.Synthesise does.
func (l *Lower) Append(out []byte, t int, p *Plan, src io.ReaderAt) ([]byte, error) {
	var body streamWriter
	var told packed
	err := body.packets(src, &p.size, &p.tiles[0], func(n int) { told = told.append(n) })
	if err != nil {
		return nil, err
	}
	w := streamWriter{out: out}
	begin := len(out)
	if len(told) > maxPLT*256 {
		return nil, whole.fail("tile %d has too many packets to tell of", t)
	}
	w.tileHeader(t, &p.tiles[0], &l.params, told)
	w.out = append(w.out, body.out...)
	if len(w.out)-begin > math.MaxUint32 {
		return nil, whole.fail("tile-part of %d bytes", len(w.out)-begin)
	}
	binary.BigEndian.PutUint32(w.out[begin+6:], uint32(len(w.out)-begin)) // Psot
	return w.out, nil
}

// End writes what comes after the last tile.
func (l *Lower) End(out []byte) []byte { return binary.BigEndian.AppendUint16(out, uint16(EOC)) }

// Below is where a region, in pixels, lies in the image that has so many levels less.
func (x *Index) Below(region Rect, reduce int) Rect {
	s, step := &x.size, int64(1)<<reduce
	return region.shift(s.XOsiz, s.YOsiz).Intersect(s.Area()).Over(step, step).
		shift(-ceilDiv(s.XOsiz, step), -ceilDiv(s.YOsiz, step))
}

// maxPLT is how many bytes of packet lengths one PLT segment holds.
const maxPLT = math.MaxUint16 - 3

// append adds a length as Iplt stores it.
func (b packed) append(n int) packed {
	var digits [5]byte
	at := len(digits) - 1
	digits[at] = byte(n & 0x7F)
	for n >>= 7; n > 0; n >>= 7 {
		at--
		digits[at] = byte(n&0x7F) | 0x80
	}
	return append(b, digits[at:]...)
}

// lengths writes packet lengths as PLT.
func (w *streamWriter) lengths(told packed) {
	for i := uint8(0); len(told) > 0; i++ {
		n := min(len(told), maxPLT)
		w.segment(PLT, func() { w.u8(i); w.u8(told[:n]...) })
		told = told[n:]
	}
}
