package jp2

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

func mustOutline(t testing.TB, data []byte) *Index {
	t.Helper()
	x, err := Outline(bytes.NewReader(data), int64(len(data)), mustParse(t, data), DefaultBudget())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestOutline: TLM leads to every SOT; damage of it leads nowhere, and then the chain of
// tile-parts is followed.
func TestOutline(t *testing.T) {
	for _, options := range []string{"-t 64,64 -n 3 -TLM", "-t 128,128 -n 3 -TP R -TLM", "-TLM"} {
		_, data := encode(t, picture(t, 301, 207, 1), "out.jp2", options)
		x, h := mustOutline(t, data), mustParse(t, data)
		var got, want []int64
		for _, p := range x.outline.parts {
			got = append(got, p.offset)
		}
		slices.Sort(got)
		for off := h.Codestream.Tiles; data[off+1] == byte(SOT&0xFF); off += int64(binary.BigEndian.Uint32(data[off+6:])) {
			want = append(want, off)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", options, got, want)
		}
	}
	_, data := encode(t, picture(t, 97, 61, 1), "out.jp2", "-t 64,64")
	if mustOutline(t, data) != nil {
		t.Error("an outline without TLM")
	}
}

// twoTiles has a TLM and two tiles, of 16 bytes each.
func twoTiles(tlm ...byte) []byte {
	return withMain(segment(TLM, tlm...))
}

func TestOutlineForms(t *testing.T) {
	for _, tc := range []struct {
		name string
		tlm  []byte
		good bool
	}{
		{"no tile, 16 bits", []byte{0, 0x00, 0, 16, 0, 16}, true},
		{"no tile, 32 bits", []byte{0, 0x40, 0, 0, 0, 16, 0, 0, 0, 16}, true},
		{"tile of a byte", []byte{0, 0x10, 0, 0, 16, 1, 0, 16}, true},
		{"tile of two bytes", []byte{0, 0x60, 0, 0, 0, 0, 0, 16, 0, 1, 0, 0, 0, 16}, true},
		{"nothing", []byte{0}, false},
		{"no entry", []byte{0, 0x50}, false},
		{"half an entry", []byte{0, 0x50, 0, 0, 0}, false},
		{"tile of nowhere", []byte{0, 0x10, 0, 0, 16, 9, 0, 16}, false},
		{"tile missing", []byte{0, 0x10, 0, 0, 16, 0, 0, 16}, false},
		{"one tile of two", []byte{0, 0x10, 0, 0, 16}, false},
		{"more than there are", []byte{0, 0x00, 0, 16, 0, 16, 0, 16}, false},
		{"past the end", []byte{0, 0x50, 0, 0xFF, 0xFF, 1, 0, 9}, false},
		{"shorter than any", []byte{0, 0x00, 0, 13, 0, 19}, false},
		{"reserved form", []byte{0, 0x30, 0, 16, 0, 16}, false},
	} {
		data := twoTiles(tc.tlm...)
		x := mustOutline(t, data)
		if (x != nil) != tc.good {
			t.Errorf("%s: outline %v", tc.name, x != nil)
		}
		if x != nil {
			checkLearnt(t, tc.name, x, data)
		}
	}
}
