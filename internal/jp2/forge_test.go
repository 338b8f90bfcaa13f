package jp2

import (
	"encoding/binary"
	"slices"
)

// forge writes files by hand, field by field, so that any field can be made to lie.
// Its zero value is a gray image of 8×8 pixels in one tile without a body.
type forge struct {
	siz       func(*forgedSize)
	cod       []byte // contents of COD after the length
	qcd       []byte
	segments  [][]byte // whole segments between QCD and SOT
	headBoxes [][]byte // whole boxes of jp2h after ihdr; nil with bare
	ihdr      []byte
}

type forgedSize struct {
	Rsiz                         uint16
	Xsiz, Ysiz, XOsiz, YOsiz     uint32
	XTsiz, YTsiz, XTOsiz, YTOsiz uint32
	Csiz                         uint16
	components                   []byte
}

var emptyTilePart = []byte{0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 14, 0, 1, 0xFF, 0x93, 0xFF, 0xD9}

func segment(m Marker, contents ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(m))
	return append(binary.BigEndian.AppendUint16(b, uint16(len(contents)+2)), contents...)
}

func boxOf(name string, contents ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(contents)+8))
	return append(append(b, name...), contents...)
}

func or(b, standard []byte) []byte {
	if b == nil {
		return standard
	}
	return b
}

// stream is the bare codestream.
func (f forge) stream() []byte {
	s := forgedSize{Xsiz: 8, Ysiz: 8, XTsiz: 8, YTsiz: 8, Csiz: 1, components: []byte{7, 1, 1}}
	if f.siz != nil {
		f.siz(&s)
	}
	siz := binary.BigEndian.AppendUint16(nil, s.Rsiz)
	for _, v := range []uint32{s.Xsiz, s.Ysiz, s.XOsiz, s.YOsiz, s.XTsiz, s.YTsiz, s.XTOsiz, s.YTOsiz} {
		siz = binary.BigEndian.AppendUint32(siz, v)
	}
	siz = append(binary.BigEndian.AppendUint16(siz, s.Csiz), s.components...)
	return slices.Concat([]byte{0xFF, 0x4F}, segment(SIZ, siz...),
		segment(COD, or(f.cod, []byte{0, 0, 0, 1, 0, 1, 4, 4, 0, 1})...),
		segment(QCD, or(f.qcd, []byte{0x40, 0x40, 0x48, 0x48, 0x50})...),
		slices.Concat(f.segments...), emptyTilePart)
}

// file is the same in the boxes of JP2.
func (f forge) file() []byte {
	header := boxOf("jp2h", slices.Concat(
		boxOf("ihdr", or(f.ihdr, []byte{0, 0, 0, 8, 0, 0, 0, 8, 0, 1, 7, 7, 0, 0})...),
		slices.Concat(f.headBoxes...))...)
	return slices.Concat(magic(), header, boxOf("jp2c", f.stream()...))
}

// magic is the signature and file type boxes.
func magic() []byte {
	return append(boxOf("jP  ", 0x0D, 0x0A, 0x87, 0x0A), boxOf("ftyp", []byte("jp2 \x00\x00\x00\x00jp2 ")...)...)
}

func colourGray() []byte { return boxOf("colr", 1, 0, 0, 0, 0, 0, 17) }
