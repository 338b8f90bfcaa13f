package jp2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// unpackedPart is a tile-part's packets with their headers apart.
type unpackedPart struct{ headers, bodies [][]byte }

// unpack takes the packets of every tile-part apart; SOP stays with the body, EPH with
// the header (A.8).
func unpack(t testing.TB, data []byte) []unpackedPart {
	t.Helper()
	cs := &mustParse(t, data).Codestream
	src := newSource(bytes.NewReader(data), int64(len(data)), 1<<30)
	walk := newPartWalker(src, cs, DefaultBudget(), newEffort(1<<20))
	if err := walk.follow(); err != nil {
		t.Fatal(err)
	}
	var all []unpackedPart
	for i, heads := range walk.tiles { // recuts here keep tiles in order and not interleaved
		params := heads.own.over(cs.Params)
		grid := newTileGrid(&cs.Size, &params, cs.Size.Tile(int64(i)))
		w := &packetWalker{effort: newEffort(1 << 20), src: src, size: &cs.Size, grid: grid, precincts: make([][]band, grid.precincts), left: 1 << 30}
		at := partCursor{parts: heads.parts, off: heads.parts[0].body}
		apart := make([]unpackedPart, len(heads.parts))
		for ref := range grid.sequence(&cs.Size) {
			at.more()
			p := place{"packet", at.off}
			begin, err := w.skipSOP(p, at.part(), at.off)
			if err != nil {
				t.Fatal(err)
			}
			body, end, err := w.header(p, stretch{src, begin, at.part().end}, ref)
			if err != nil {
				t.Fatal(err)
			}
			w.count++
			part := &apart[at.i]
			part.headers = append(part.headers, data[begin:end])
			part.bodies = append(part.bodies, slices.Concat(data[at.off:begin], data[end:end+body]))
			at.off = end + body
		}
		all = append(all, apart...)
	}
	return all
}

// ppm packs all headers into PPM segments of a few bytes each, last first: numbers and
// headers run over from one into the next.
func ppm(r *recut, parts []unpackedPart) {
	var all []byte
	for i, p := range parts {
		headers := slices.Concat(p.headers...)
		all = append(binary.BigEndian.AppendUint32(all, uint32(len(headers))), headers...)
		r.parts[i].body = slices.Concat(p.bodies...)
	}
	var segments [][]byte
	for piece := range slices.Chunk(all, len(all)/200+1) {
		segments = append(segments, segment(PPM, append([]byte{byte(len(segments))}, piece...)...))
	}
	slices.Reverse(segments)
	r.main = append(r.main, segments...)
}

// ppt packs the headers of each tile-part into three PPT segments, last first. Numbers go
// on from one tile-part of a tile to the next, as OpenJPEG has it.
func ppt(r *recut, parts []unpackedPart) {
	number := map[uint16]byte{}
	for i, p := range parts {
		own := &r.parts[i]
		headers := slices.Concat(p.headers...)
		var segments [][]byte
		for piece := range slices.Chunk(headers, len(headers)/3+1) {
			segments = append(segments, segment(PPT, append([]byte{number[own.tile]}, piece...)...))
			number[own.tile]++
		}
		slices.Reverse(segments)
		own.segments = slices.DeleteFunc(own.segments, func(s []byte) bool { return s[1] == byte(PLT&0xFF) })
		own.segments = append(own.segments, segments...)
		own.body = slices.Concat(p.bodies...)
	}
}

// TestExactPacked: packet headers may stand in the main header or in those of tile-parts.
// What is put together of such files equals what is put together of the same packets
// with their headers in place, which TestStructures holds against the stock decoder.
func TestExactPacked(t *testing.T) {
	for _, options := range []string{
		"-n 4 -p RPCL -c [64,64],[32,32] -b 16,16",
		"-n 4 -p LRCP -r 40,20,5 -c [64,64] -b 16,16 -SOP -EPH",
		"-t 128,128 -n 4 -p PCRL -c [32,32] -b 16,16 -EPH -PLT",
		"-t 128,128 -n 4 -p RPCL -TP R -I -r 30 -SOP",
		"-t 100,75 -d 9,9 -T 3,5 -n 3 -p CPRL -b 8,8 -M 5",
	} {
		for name, pack := range map[string]func(*recut, []unpackedPart){"PPM": ppm, "PPT": ppt} {
			t.Run(fmt.Sprint(name, " ", options), func(t *testing.T) {
				_, data := encode(t, picture(t, 301, 207, 3), "out.j2k", options)
				r := takeApart(t, data)
				pack(r, unpack(t, data))
				checkPacked(t, data, r.join())
			})
		}
	}
}

func checkPacked(t *testing.T, data, packed []byte) {
	t.Helper()
	plain, x := mustIndex(t, data), mustIndex(t, packed)
	if x.Origin() != FromPacked {
		t.Errorf("indexed from %s", x.Origin())
	}
	checkForm(t, x, packed)
	again, err := ParseIndex(store(t, x), DefaultBudget())
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range []Rect{{0, 0, 301, 207}, {150, 100, 151, 101}, {40, 90, 120, 130}} {
		want := synthesise(t, plain, data, region, 0)
		for _, x := range []*Index{x, again} {
			if !bytes.Equal(synthesise(t, x, packed, region, 0), want) {
				t.Errorf("%+v: another codestream than with headers in place", region)
			}
		}
	}
	if x.Memory() <= plain.Memory() {
		t.Errorf("%d bytes with headers, %d without", x.Memory(), plain.Memory())
	}
}

// retold writes TLM anew, after parts have changed.
func (r *recut) retold() {
	tlm := []byte{0, 0x60}
	for _, p := range r.parts {
		tlm = binary.BigEndian.AppendUint16(tlm, p.tile)
		tlm = binary.BigEndian.AppendUint32(tlm, uint32(len(partOf(p.tile, p.index, p.body, p.segments...))))
	}
	*r.find(TLM) = segment(TLM, tlm...)
}

// TestPackedLearnt: a tile whose headers are packed is found by itself where its own
// tile-parts have them; where the main header has them for all, parts have to be followed.
func TestPackedLearnt(t *testing.T) {
	for _, options := range []string{"-t 64,64 -n 3 -TLM", "-t 128,128 -n 3 -TLM -TP R -p RPCL", "-t 128,128 -n 3 -SOP -EPH -TLM"} {
		_, data := encode(t, picture(t, 301, 207, 3), "out.j2k", options)
		r := takeApart(t, data)
		ppt(r, unpack(t, data))
		r.retold()
		checkLearnt(t, options, mustOutline(t, r.join()), r.join())
		low := lowerFile(t, mustIndex(t, r.join()), r.join(), 1)
		if !bytes.Equal(low, lowerFile(t, mustIndex(t, data), data, 1)) {
			t.Errorf("%s: another file of lower resolutions than with headers in place", options)
		}

		r = takeApart(t, data)
		ppm(r, unpack(t, data))
		r.retold()
		packed := r.join()
		x, err := Outline(bytes.NewReader(packed), int64(len(packed)), mustParse(t, packed), DefaultBudget())
		if x != nil || err != nil {
			t.Errorf("%s: an outline of PPM: %v", options, err)
		}
	}
}

// TestPackedWithoutWalk: where nothing stands before the bodies, packets are indexed
// without looking at them.
func TestPackedWithoutWalk(t *testing.T) {
	for options, want := range map[string]error{"-n 3": nil, "-n 3 -SOP": ErrWalk} {
		_, data := encode(t, picture(t, 97, 61, 1), "out.j2k", options)
		r := takeApart(t, data)
		ppt(r, unpack(t, data))
		packed, b := r.join(), DefaultBudget()
		b.WalkBytes = 0
		_, err := BuildIndex(bytes.NewReader(packed), int64(len(packed)), mustParse(t, packed), b)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", options, err, want)
		}
	}
}

// TestPackedBudget: packed headers count as part of the index.
func TestPackedBudget(t *testing.T) {
	_, data := encode(t, picture(t, 301, 207, 1), "out.j2k", "-n 4 -c [32,32] -b 8,8")
	r := takeApart(t, data)
	parts := unpack(t, data)
	ppt(r, parts)
	packed, b := r.join(), DefaultBudget()
	b.IndexBytes = int64(len(slices.Concat(parts[0].headers...))) - 1
	if _, err := BuildIndex(bytes.NewReader(packed), int64(len(packed)), mustParse(t, packed), b); err == nil {
		t.Error("no limit")
	}
}
