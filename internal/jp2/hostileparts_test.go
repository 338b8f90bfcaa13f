package jp2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

// partOf is a tile-part with segments in its header and a body.
func partOf(tile uint16, index byte, body []byte, segments ...[]byte) []byte {
	head := slices.Concat(segments...)
	b := binary.BigEndian.AppendUint16([]byte{0xFF, 0x90, 0, 10}, tile)
	b = binary.BigEndian.AppendUint32(b, uint32(14+len(head)+len(body)))
	return slices.Concat(b, []byte{index, 0}, head, []byte{0xFF, 0x93}, body)
}

// withParts is a codestream of two tiles with more in its main header.
func withParts(main [][]byte, parts ...[]byte) []byte {
	stream := forge{siz: func(s *forgedSize) { s.XTsiz = 4 }, segments: main}.stream()
	return append(stream[:len(stream)-len(emptyTilePart)], slices.Concat(parts...)...)
}

// chain is the same with nothing more there.
func chain(parts ...[]byte) []byte { return withParts(nil, parts...) }

// withMain is a lawful chain with more segments in the main header.
func withMain(segments ...[]byte) []byte {
	return withParts(segments, partOf(0, 0, twoPackets), partOf(1, 0, twoPackets), eoc)
}

// withPacked is the same where all that there is of the packets is in those segments.
func withPacked(segments ...[]byte) []byte {
	return withParts(segments, partOf(0, 0, nil), partOf(1, 0, nil), eoc)
}

// oneByteHeader announces one byte of body: a block of no empty bit-planes and one pass.
const oneByteHeader = 0b1110_0001

var (
	twoPackets = []byte{0, 0}
	eoc        = []byte{0xFF, 0xD9}
)

type hostileChain struct {
	name string
	data []byte
	want string // "" where it is lawful
}

func hostileParts() []hostileChain {
	tile0, tile1 := partOf(0, 0, twoPackets), partOf(1, 0, twoPackets)
	psot := func(n byte) []byte { b := bytes.Clone(tile1); b[9] = n; return b }
	return []hostileChain{
		{"lawful", chain(tile0, tile1, eoc), ""},
		{"tiles in another order", chain(tile1, tile0, eoc), ""},
		{"no EOC", chain(tile0, tile1), ""},
		{"Psot 0", chain(tile0, psot(0), eoc), ""},
		{"Psot 0 and no EOC", chain(tile0, psot(0)), ""},
		{"after EOC", chain(tile0, tile1, eoc, []byte("rest")), ""},
		{"interleaved parts", chain(partOf(0, 0, []byte{0}), partOf(1, 0, []byte{0}), partOf(0, 1, []byte{0}), partOf(1, 1, []byte{0}), eoc), ""},
		{"empty part", chain(tile0, partOf(0, 1, nil), tile1, eoc), ""},
		{"PLT", chain(partOf(0, 0, twoPackets, segment(PLT, 0, 1, 1)), tile1, eoc), ""},
		{"PLT out of order", chain(partOf(0, 0, []byte{0x80, 0}, segment(PLT, 1, 1), segment(PLT, 0, 1)), tile1, eoc), ""},

		{"tile missing", chain(tile0, eoc), "tile 1 of 2 is missing"},
		{"cut short", chain(tile0, tile1[:len(tile1)-1]), "length 16 of the tile-part does not fit"},
		{"a byte of a marker", chain(tile0, tile1, eoc[:1]), "cut short"},
		{"not a tile-part", chain(tile0, []byte{0xFF, 0x64, 0, 2}), "expected after the tile-part before, found COM"},
		{"Psot too small", chain(tile0, psot(13), eoc), "length 13 of the tile-part does not fit"},
		{"Psot far too large", chain(tile0, psot(255), eoc), "length 255 of the tile-part does not fit"},
		{"Psot off by one", chain(tile0, psot(15), eoc), "expected after the tile-part before"},
		{"tile of nowhere", chain(tile0, partOf(2, 0, twoPackets), eoc), "tile 2 of 2"},
		{"part out of order", chain(tile0, partOf(1, 1, twoPackets), eoc), "tile-part 1 of its tile comes after 0 others"},
		{"part twice", chain(tile0, tile0, tile1, eoc), "tile-part 0 of its tile comes after 1 others"},
		{"packets missing", chain(partOf(0, 0, []byte{0}), tile1, eoc), "packets end before resolution 1 of component 0"},
		{"bytes to spare", chain(partOf(0, 0, []byte{0, 0, 0}), tile1, eoc), "has 1 bytes after its last packet"},
		{"body past the part", chain(partOf(0, 0, []byte{oneByteHeader}), tile1, eoc), "1 bytes of body reach past the end of the tile-part"},
		{"header past the part", chain(partOf(0, 0, []byte{0xFF}), tile1, eoc), "packet header reaches past"},
		{"PLT short", chain(partOf(0, 0, twoPackets, segment(PLT, 0, 1)), tile1, eoc), "packet lengths come to 1 of the 2 bytes"},
		{"PLT long", chain(partOf(0, 0, twoPackets, segment(PLT, 0, 1, 9)), tile1, eoc), "packet 1 is longer than the tile-part"},
		{"PLT of too few packets", chain(partOf(0, 0, twoPackets, segment(PLT, 0, 2)), tile1, eoc), "1 packets where the tile has 2"},
		{"PLT of too many packets", chain(partOf(0, 0, []byte{0, 0, 0}, segment(PLT, 0, 1, 1, 1)), tile1, eoc), "3 packets where the tile has 2"},
		{"PLT of no length", chain(partOf(0, 0, twoPackets, segment(PLT, 0, 2, 0)), tile1, eoc), "packet 1 has no length"},
		{"PLT ends inside a length", chain(partOf(0, 0, twoPackets, segment(PLT, 0, 1, 0x81)), tile1, eoc), "packet lengths end inside one"},
		{"PLT overflows", chain(partOf(0, 0, twoPackets, segment(PLT, append([]byte{0}, bytes.Repeat([]byte{0xFF}, 64)...)...)), tile1, eoc), "packet 0 is longer"},
		{"PLM", withMain(segment(PLM, 0, 2, 1, 1, 2, 1, 1)), ""},
		{"PLM of other lengths", withMain(segment(PLM, 0, 2, 1, 1, 2, 1, 3)), "packet 1 is longer than the tile-part"},
		{"PLM of one tile-part", withMain(segment(PLM, 0, 2, 1, 1)), "too short for its fields"},
		{"PPM", withPacked(segment(PPM, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 2, 0, 0)), ""},
		{"PPM in two segments, within a number", withPacked(segment(PPM, 1, 2, 0, 0), segment(PPM, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0)), ""},
		{"PPM of too few headers", withPacked(segment(PPM, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0)), "packet header reaches past"},
		{"PPM of too many headers", withPacked(segment(PPM, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 2, 0, 0)), "1 bytes of packed packet headers are left"},
		{"PPM of one tile-part", withPacked(segment(PPM, 0, 0, 0, 0, 2, 0, 0)), "too short for its fields"},
		{"PPM that promises too much", withPacked(segment(PPM, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0)), "4294967295 bytes of packet headers announced, 2 left"},
		{"PPM where headers are in place", withMain(segment(PPM, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 2, 0, 0)), "has 2 bytes after its last packet"},
		{"PPT", chain(partOf(0, 0, nil, segment(PPT, 0, 0, 0)), tile1, eoc), ""},
		{"PPT out of order", chain(partOf(0, 0, []byte{0xAA}, segment(PPT, 1, 0), segment(PPT, 0, oneByteHeader)), tile1, eoc), ""},
		{"PPT in one part for two", chain(partOf(0, 0, nil, segment(PPT, 0, 0, 0)), partOf(0, 1, nil), tile1, eoc), ""},
		{"PPT with PLT of what is left", chain(partOf(0, 0, nil, segment(PPT, 0, 0, 0), segment(PLT, 0, 0, 0)), tile1, eoc), ""},
		{"PPT empty", chain(partOf(0, 0, twoPackets, segment(PPT, 0)), tile1, eoc), "packet header reaches past"},
		{"PPT and PPM", withParts([][]byte{segment(PPM, 0, 0, 0, 0, 2, 0, 0)}, partOf(0, 0, nil, segment(PPT, 0, 0, 0)), tile1, eoc), "packed both in the main header and in the tile's"},
		{"body past the part, headers packed", chain(partOf(0, 0, nil, segment(PPT, 0, oneByteHeader)), tile1, eoc), "past the end of the tile-part"},
		{"SIZ in a tile", chain(partOf(0, 0, twoPackets, segment(SIZ, 0)), tile1, eoc), "SIZ at"},
		{"COD in a later part", chain(partOf(0, 0, []byte{0}), partOf(0, 1, []byte{0}, segment(COD, 0, 0, 0, 1, 0, 1, 4, 4, 0, 1)), tile1, eoc), "belongs into the first tile-part"},
		{"levels beyond steps", chain(partOf(0, 0, twoPackets, segment(COD, 0, 0, 0, 1, 0, 9, 4, 4, 0, 1)), tile1, eoc), "component 0 has 4 step sizes for 9 levels"},
		{"layers beyond count", chain(partOf(0, 0, twoPackets, segment(COD, 0, 0, 0xFF, 0xFF, 0, 1, 4, 4, 0, 1)), tile1, eoc), "packets end before"},
		{"markers without end", chain(partOf(0, 0, twoPackets, bytes.Repeat([]byte{0xFF, 0x30}, 2000)), tile1, eoc), "more than 1024 segments"},
	}
}

func TestHostileParts(t *testing.T) {
	for _, tc := range hostileParts() {
		t.Run(tc.name, func(t *testing.T) {
			_, err := BuildIndex(bytes.NewReader(tc.data), int64(len(tc.data)), mustParse(t, tc.data), DefaultBudget())
			var refusal *Error
			switch {
			case tc.want == "" && err != nil:
				t.Fatal(err)
			case tc.want != "" && !errors.As(err, &refusal):
				t.Fatalf("got %v, want an *Error", err)
			case tc.want != "" && !strings.Contains(err.Error(), tc.want):
				t.Errorf("got %q, want %q in it", err, tc.want)
			}
		})
	}
}

// TestIndexBudgets: what a file may cost is the caller's to say.
func TestIndexBudgets(t *testing.T) {
	data := chain(partOf(0, 0, twoPackets), partOf(1, 0, twoPackets), eoc)
	for name, tighten := range map[string]func(*Budget){
		"tile-parts":         func(b *Budget) { b.TileParts = 1 },
		"packets of a tile":  func(b *Budget) { b.TilePackets = 1 },
		"bytes of the index": func(b *Budget) { b.IndexBytes = 0 },
	} {
		h, b := mustParse(t, data), DefaultBudget()
		tighten(&b)
		if _, err := BuildIndex(bytes.NewReader(data), int64(len(data)), h, b); err == nil {
			t.Errorf("%s: no limit", name)
		}
	}
}
