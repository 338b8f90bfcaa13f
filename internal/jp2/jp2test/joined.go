// Package jp2test makes codestreams that no encoder at hand writes, of several that one
// does: components and tiles that are coded each in their own way.
package jp2test

import (
	"encoding/binary"
	"slices"
)

// Joined is a codestream joined of others.
type Joined struct {
	Name string
	Make func(Compress) []byte
}

// Compress encodes samples as opj_compress does that is given layout after -F, and options.
// It begins at the sample numbered skip of those that it has.
type Compress func(skip int, layout, options string) []byte

// Uneven has two tiles, the right of which has fewer levels.
func Uneven(compress Compress) []byte {
	return tiles(compress(0, "160,207,3,8,u", "-n 5"), compress(7, "141,207,3,8,u", "-d 160,0 -n 3 -PLT"))
}

// Cases are codestreams in which headers outrank each other (A.6.1 to A.6.5) to some effect.
var Cases = []Joined{
	{"COC and QCC: components coded each in their own way", func(compress Compress) []byte {
		return components(
			compress(0, "301,207,1,8,u", "-p CPRL -n 4 -c [64,64] -b 16,16"),
			compress(7, "301,207,1,8,u", "-p CPRL -n 3 -I -r 6 -b 32,8 -c [128,32]"),
			compress(77, "301,207,1,8,u", "-p CPRL -n 6 -M 4 -b 8,64"),
		)
	}},
	{"COC and QCC: chroma sampled by two, coarser", func(compress Compress) []byte {
		const chroma = "-p CPRL -I -r 30 -n 3 -c [64,64] -b 16,16"
		return components(
			compress(0, "301,207,1,8,u@1x1", "-p CPRL -I -r 8 -n 5 -c [128,128] -b 32,32"),
			compress(7, "301,207,1,8,u@2x2", chroma),
			compress(77, "301,207,1,8,u@2x2", chroma),
		)
	}},
	{"COD and QCD of a tile: tiles coded each in their own way", func(compress Compress) []byte {
		return tiles(
			compress(0, "160,207,3,8,u", "-p RPCL -n 5 -c [64,64] -b 16,16 -PLT"),
			compress(7, "141,207,3,8,u", "-d 160,0 -p RLCP -n 5 -I -r 8,3 -mct 0 -c [32,32] -b 8,32 -EPH -PLT"),
		)
	}},
	{"COD of a tile outranks COC, and its COC that", func(compress Compress) []byte {
		return outranked(components(
			compress(0, "301,207,1,8,u", "-p CPRL -n 4 -c [64,64] -b 16,16"),
			compress(7, "301,207,1,8,u", "-p CPRL -n 4 -I -r 6 -b 32,8 -c [128,32]"),
		))
	}},
}

const (
	soc = 0xFF4F
	siz = 0xFF51
	cod = 0xFF52
	coc = 0xFF53
	qcd = 0xFF5C
	qcc = 0xFF5D
	sot = 0xFF90
	sod = 0xFF93
	eoc = 0xFFD9

	perComponent = 3 // bytes of SIZ
)

// marked is a marker segment without its length.
type marked struct {
	marker   uint16
	contents []byte
}

// whole is a codestream of tiles of one part each.
type whole struct {
	main  []marked
	tiles []tile
}

type tile struct {
	head    []marked
	packets []byte
}

// components joins tiles of one component each; all are in CPRL, so that packets of one
// component follow those of another.
func components(streams ...[]byte) []byte {
	joined := takeApart(streams[0])
	size := slices.Clone(*joined.of(siz))
	for i, stream := range streams[1:] {
		s, number := takeApart(stream), byte(i+1)
		of := *s.of(siz)
		size = append(size, of[len(of)-perComponent:]...)
		style := *s.of(cod)
		joined.main = append(joined.main,
			marked{coc, append([]byte{number, style[0] & 1}, style[5:]...)},
			marked{qcc, append([]byte{number}, *s.of(qcd)...)})
		joined.tiles[0].packets = slices.Concat(joined.tiles[0].packets, s.tiles[0].packets)
	}
	binary.BigEndian.PutUint16(size[34:], uint16(len(streams)))
	*joined.of(siz) = size
	return joined.bytes()
}

// tiles joins an image of one tile with the one to the right of it, whose image begins there.
func tiles(left, right []byte) []byte {
	l, r := takeApart(left), takeApart(right)
	size := *l.of(siz)
	copy(size[18:26], size[2:10]) // the left image is the tile
	copy(size[2:6], (*r.of(siz))[2:6])
	next := r.tiles[0]
	next.head = append([]marked{{cod, *r.of(cod)}, {qcd, *r.of(qcd)}}, next.head...)
	l.tiles = append(l.tiles, next)
	return l.bytes()
}

// outranked has the tile of two components say how they are coded, and the main header what
// is wrong of both.
func outranked(stream []byte) []byte {
	w := takeApart(stream)
	var right, wrong []marked
	for _, m := range w.main {
		switch m.marker {
		case cod, coc, qcd, qcc:
			right = append(right, m)
		default:
			wrong = append(wrong, m)
		}
	}
	style := []byte{0, 4, 0, 1, 0, 1, 1, 1, 0, 1} // CPRL, one layer, one level, blocks of 8×8
	steps := []byte{0x40, 8, 8, 8, 8}
	wrong = append(wrong, marked{cod, style}, marked{qcd, steps})
	for number := range byte(2) {
		wrong = append(wrong,
			marked{coc, append([]byte{number, 0}, style[5:]...)},
			marked{qcc, append([]byte{number}, steps...)})
	}
	w.main, w.tiles[0].head = wrong, append(right, w.tiles[0].head...)
	return w.bytes()
}

// of are the contents of the main header's segment of a kind.
func (w *whole) of(marker uint16) *[]byte {
	for i := range w.main {
		if w.main[i].marker == marker {
			return &w.main[i].contents
		}
	}
	panic("a codestream without a marker that all have")
}

func takeApart(stream []byte) *whole {
	w, at := &whole{}, 2
	w.main, at = segments(stream, at, sot)
	for binary.BigEndian.Uint16(stream[at:]) == sot {
		end := at + int(binary.BigEndian.Uint32(stream[at+6:]))
		head, packets := segments(stream, at+12, sod)
		w.tiles = append(w.tiles, tile{head, stream[packets+2 : end]})
		at = end
	}
	return w
}

// segments reads marker segments until one begins with stop, and tells where that is.
func segments(stream []byte, at int, stop uint16) (all []marked, end int) {
	for {
		marker := binary.BigEndian.Uint16(stream[at:])
		if marker == stop {
			return all, at
		}
		end := at + 2 + int(binary.BigEndian.Uint16(stream[at+2:]))
		all = append(all, marked{marker, slices.Clip(stream[at+4 : end])})
		at = end
	}
}

func (w *whole) bytes() []byte {
	out := appendSegments(binary.BigEndian.AppendUint16(nil, soc), w.main)
	for i, t := range w.tiles {
		head := appendSegments(nil, t.head)
		out = binary.BigEndian.AppendUint16(out, sot)
		out = binary.BigEndian.AppendUint16(out, 10)
		out = binary.BigEndian.AppendUint16(out, uint16(i))
		out = binary.BigEndian.AppendUint32(out, uint32(12+len(head)+2+len(t.packets)))
		out = append(append(out, 0, 1), head...)
		out = append(binary.BigEndian.AppendUint16(out, sod), t.packets...)
	}
	return binary.BigEndian.AppendUint16(out, eoc)
}

func appendSegments(out []byte, all []marked) []byte {
	for _, m := range all {
		out = binary.BigEndian.AppendUint16(out, m.marker)
		out = binary.BigEndian.AppendUint16(out, uint16(2+len(m.contents)))
		out = append(out, m.contents...)
	}
	return out
}
