package jp2

import (
	"encoding/binary"
	"slices"
)

// streamWriter writes a codestream's headers (annex A).
type streamWriter struct{ out []byte }

func (w *streamWriter) u8(values ...uint8) { w.out = append(w.out, values...) }
func (w *streamWriter) u16(v uint16)       { w.out = binary.BigEndian.AppendUint16(w.out, v) }
func (w *streamWriter) u32(v uint32)       { w.out = binary.BigEndian.AppendUint32(w.out, v) }

// segment writes a marker, the length of what contents writes, and that.
func (w *streamWriter) segment(m Marker, contents func()) {
	w.u16(uint16(m))
	length := len(w.out)
	w.u16(0)
	contents()
	binary.BigEndian.PutUint16(w.out[length:], uint16(len(w.out)-length))
}

func (w *streamWriter) mainHeader(p *Plan) {
	w.u16(uint16(SOC))
	w.segment(SIZ, func() { w.size(&p.size) })
	if p.cap != nil {
		w.segment(CAP, func() { w.u8(p.cap...) })
	}
	w.coding(&p.params)
}

// tileHeader writes SOT, whose Psot is left to be filled in, what differs from the main
// header, packet lengths where they are to be told, and SOD.
func (w *streamWriter) tileHeader(number int, t *plannedTile, main *Params, told packed) {
	w.segment(SOT, func() {
		w.u16(uint16(number))
		w.u32(0)
		w.u8(0, 1) // the first tile-part of one
	})
	if !t.grid.params.equal(main) {
		w.coding(t.grid.params)
	}
	w.lengths(told)
	w.u16(uint16(SOD))
}

func (w *streamWriter) size(s *Size) {
	w.u16(s.Rsiz)
	for _, v := range []int64{s.Xsiz, s.Ysiz, s.XOsiz, s.YOsiz, s.XTsiz, s.YTsiz, s.XTOsiz, s.YTOsiz} {
		w.u32(uint32(v))
	}
	w.u16(uint16(len(s.Components)))
	for _, c := range s.Components {
		depth := uint8(c.Bits - 1)
		if c.Signed {
			depth |= 0x80
		}
		w.u8(depth, uint8(c.DX), uint8(c.DY))
	}
}

// coding writes all that says how components are coded: the first one's way as COD and
// QCD, which outrank whatever stood in a main header, and others where they differ.
func (w *streamWriter) coding(p *Params) {
	first := &p.Components[0]
	w.segment(COD, func() { w.style(p); w.blocks(&first.Coding) })
	for i := range p.Components[1:] {
		if c := &p.Components[i+1]; !c.Coding.equal(&first.Coding) {
			w.segment(COC, func() { w.component(i+1, p); w.u8(1); w.blocks(&c.Coding) })
		}
	}
	w.segment(QCD, func() { w.quant(&first.Quant) })
	for i := range p.Components[1:] {
		if c := &p.Components[i+1]; !c.Quant.equal(&first.Quant) {
			w.segment(QCC, func() { w.component(i+1, p); w.quant(&c.Quant) })
		}
	}
	for i := range p.Components {
		w.segment(RGN, func() { w.component(i, p); w.u8(0, p.Components[i].Shift) })
	}
	if len(p.Changes) > 0 {
		w.segment(POC, func() { w.changes(p) })
	}
}

func (w *streamWriter) changes(p *Params) {
	for _, ch := range p.Changes {
		w.u8(uint8(ch.Resolution0))
		w.component(ch.Component0, p)
		w.u16(uint16(ch.Layer))
		w.u8(uint8(ch.Resolution1))
		w.component(ch.Component1, p)
		w.u8(uint8(ch.Progression))
	}
}

func (w *streamWriter) component(i int, p *Params) {
	if len(p.Components) < 257 {
		w.u8(uint8(i))
	} else {
		w.u16(uint16(i))
	}
}

// style writes the part of COD that all components share; precincts are always given.
func (w *streamWriter) style(p *Params) {
	flags := uint8(1)
	if p.SOP {
		flags |= 2
	}
	if p.EPH {
		flags |= 4
	}
	w.u8(flags, uint8(p.Progression))
	w.u16(uint16(p.Layers))
	var mct uint8
	if p.MCT {
		mct = 1
	}
	w.u8(mct)
}

func (w *streamWriter) blocks(c *Coding) {
	var transform uint8
	if c.Reversible {
		transform = 1
	}
	w.u8(uint8(c.Levels), c.BlockX-2, c.BlockY-2, uint8(c.Blocks), transform)
	for _, p := range c.Precincts {
		w.u8(p.Y<<4 | p.X)
	}
}

func (w *streamWriter) quant(q *Quant) {
	w.u8(q.Guard<<5 | uint8(q.Style))
	for _, step := range q.Steps {
		if q.Style == Unquantised {
			w.u8(uint8(step))
		} else {
			w.u16(step)
		}
	}
}

func (c *Coding) equal(o *Coding) bool {
	return c.Levels == o.Levels && c.BlockX == o.BlockX && c.BlockY == o.BlockY && c.Blocks == o.Blocks &&
		c.Reversible == o.Reversible && slices.Equal(c.Precincts, o.Precincts)
}

func (q *Quant) equal(o *Quant) bool {
	return q.Style == o.Style && q.Guard == o.Guard && slices.Equal(q.Steps, o.Steps)
}

func (p *Params) equal(o *Params) bool {
	return p.Style == o.Style && slices.Equal(p.Changes, o.Changes) && slices.EqualFunc(p.Components, o.Components, func(a, b ComponentParams) bool {
		return a.Shift == b.Shift && a.Coding.equal(&b.Coding) && a.Quant.equal(&b.Quant)
	})
}
