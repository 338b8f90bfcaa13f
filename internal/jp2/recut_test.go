package jp2

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

// recut is a codestream taken apart, to be put together with the same packets in
// structures that no encoder at hand writes.
type recut struct {
	main  [][]byte // segments after SOC
	parts []recutPart
}

type recutPart struct {
	tile     uint16
	index    byte
	segments [][]byte
	body     []byte
}

func takeApart(t testing.TB, data []byte) *recut {
	t.Helper()
	src := newSource(bytes.NewReader(data), int64(len(data)), 1<<30)
	r := &recut{}
	var off int64
	r.main, off = segmentsUntil(t, src, data, 2, SOT)
	for data[off+1] == byte(SOT&0xFF) {
		part := recutPart{tile: binary.BigEndian.Uint16(data[off+4:]), index: data[off+10]}
		end := off + int64(binary.BigEndian.Uint32(data[off+6:]))
		var body int64
		part.segments, body = segmentsUntil(t, src, data, off+12, SOD)
		part.body = data[body+2 : end]
		r.parts = append(r.parts, part)
		off = end
	}
	return r
}

func segmentsUntil(t testing.TB, src *source, data []byte, off int64, stop Marker) ([][]byte, int64) {
	t.Helper()
	var all [][]byte
	for {
		seg, err := nextSegment(src, off, int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if seg.Marker == stop {
			return all, off
		}
		all = append(all, data[off:off+int64(seg.Length)])
		off += int64(seg.Length)
	}
}

func (r *recut) join() []byte {
	out := append([]byte{0xFF, 0x4F}, slices.Concat(r.main...)...)
	for _, p := range r.parts {
		out = append(out, partOf(p.tile, p.index, p.body, p.segments...)...)
	}
	return append(out, eoc...)
}

// find returns the main header's segment of a kind.
func (r *recut) find(m Marker) *[]byte {
	for i := range r.main {
		if r.main[i][1] == byte(m&0xFF) {
			return &r.main[i]
		}
	}
	return nil
}

// forComponent puts a component index before the contents that COD or QCD share with COC
// or QCC.
func forComponent(m Marker, component byte, contents ...byte) []byte {
	return segment(m, append([]byte{component}, contents...)...)
}

var recuts = []struct {
	name, options string
	cut           func(*recut)
}{
	{"COD and QCD in tile headers alone are right", "-t 128,128 -n 4 -p RPCL -c [64,64] -b 16,16", func(r *recut) {
		cod, qcd := *r.find(COD), *r.find(QCD)
		for i := range r.parts {
			r.parts[i].segments = append(r.parts[i].segments, cod, qcd)
		}
		*r.find(COD) = segment(COD, 0, 0, 0, 9, 0, 3, 2, 2, 0, 1)
		*r.find(QCD) = segment(QCD, 0x40, 8, 16, 16, 16, 16, 16, 16, 16, 16, 16)
	}},
	{"one tile differs in form alone", "-t 128,128 -n 4 -p CPRL -b 16,16", func(r *recut) {
		cod := bytes.Clone((*r.find(COD))[4:])
		cod[0] |= 1
		r.parts[2].segments = append(r.parts[2].segments, segment(COD, append(cod, 0xFF, 0xFF, 0xFF, 0xFF)...))
	}},
	{"COC outranks COD", "-n 4 -p PCRL -c [64,64] -b 16,16 -r 20,4", func(r *recut) {
		coding := (*r.find(COD))[9:]
		for c := range byte(3) {
			r.main = append(r.main, forComponent(COC, c, append([]byte{1}, coding...)...))
		}
		cod := bytes.Clone(*r.find(COD))
		cod[10], cod[11] = 0, 0 // code-blocks of 4×4
		*r.find(COD) = cod
	}},
	{"QCC outranks QCD", "-n 4 -I -r 10 -p RLCP -c [64,64] -b 16,16", func(r *recut) {
		qcd := *r.find(QCD)
		for c := range byte(3) {
			r.main = append(r.main, forComponent(QCC, c, qcd[4:]...))
		}
		wrong := bytes.Clone(qcd)
		wrong[7] ^= 0x3F
		*r.find(QCD) = wrong
	}},
	{"QCC of one tile and component", "-t 128,128 -n 3 -I -r 10", func(r *recut) {
		r.parts[1].segments = append(r.parts[1].segments, forComponent(QCC, 1, (*r.find(QCD))[4:]...))
	}},
	{"PLM for PLT", "-t 64,64 -n 3 -PLT", func(r *recut) {
		plm := []byte{0}
		for i := range r.parts {
			plt := r.parts[i].segments[0][5:]
			plm = append(append(plm, byte(len(plt))), plt...)
			r.parts[i].segments = nil
		}
		half := len(plm) / 2
		r.main = append(r.main, segment(PLM, append([]byte{1}, plm[half:]...)...), segment(PLM, plm[:half]...))
	}},
	{"CRG and COM, in main and tile headers", "-t 128,128 -n 4 -p RPCL", func(r *recut) {
		r.main = append(r.main, segment(CRG, 0, 9, 0, 0, 0, 7, 0, 7, 0xFF, 0xFF, 0, 1), segment(COM, 0, 1, 'x'))
		r.parts[1].segments = append(r.parts[1].segments, segment(COM, 0, 0, 1, 2, 3))
	}},
	{"tiles backwards", "-t 64,64 -n 3", func(r *recut) { slices.Reverse(r.parts) }},
	{"parts of tiles interleaved", "-t 128,128 -n 4 -p RPCL -TP R", func(r *recut) {
		slices.SortStableFunc(r.parts, func(a, b recutPart) int { return int(a.index) - int(b.index) })
	}},
	{"one part cut in two", "-n 4 -PLT", func(r *recut) {
		plt := r.parts[0].segments[0]
		n, length := 5, 0 // the first packet goes into a part of its own
		for ; plt[n] >= 0x80; n++ {
			length = length<<7 | int(plt[n]&0x7F)
		}
		length = length<<7 | int(plt[n])
		body := r.parts[0].body
		r.parts = []recutPart{
			{0, 0, [][]byte{segment(PLT, plt[4:n+1]...)}, body[:length]},
			{0, 1, [][]byte{segment(PLT, append([]byte{0}, plt[n+1:]...)...)}, body[length:]},
		}
	}},
}

// TestExactRecut is about what opj_compress does not write by itself.
func TestExactRecut(t *testing.T) {
	for _, tc := range recuts {
		t.Run(tc.name, func(t *testing.T) {
			_, data := encode(t, picture(t, 301, 207, 3), "out.j2k", tc.options)
			r := takeApart(t, data)
			if !bytes.Equal(r.join(), withoutTNsot(data)) {
				t.Fatal("taking apart and joining is not exact")
			}
			tc.cut(r)
			again := r.join()
			compareRegions(t, save(t, again), again, 4)
		})
	}
}

// withoutTNsot zeroes TNsot, which join leaves untold.
func withoutTNsot(data []byte) []byte {
	data = bytes.Clone(data)
	h, _ := parse(data)
	for off := h.Codestream.Tiles; data[off+1] == byte(SOT&0xFF); off += int64(binary.BigEndian.Uint32(data[off+6:])) {
		data[off+11] = 0
	}
	return data
}
