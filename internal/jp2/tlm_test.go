package jp2

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

// TestTilePartOffsets: TLM leads to every SOT; damage of it leads nowhere, or to a hint
// that is no worse than any wrong one.
func TestTilePartOffsets(t *testing.T) {
	for _, options := range []string{"-t 64,64 -n 3 -TLM", "-t 128,128 -n 3 -TP R -TLM", "-TLM"} {
		_, data := encode(t, picture(t, 301, 207, 1), "out.jp2", options)
		h := mustParse(t, data)
		offsets := TilePartOffsets(bytes.NewReader(data), int64(len(data)), h, DefaultBudget())
		var want []int64
		for off := h.Codestream.Tiles; data[off+1] == byte(SOT&0xFF); off += int64(binary.BigEndian.Uint32(data[off+6:])) {
			want = append(want, off)
		}
		if !slices.Equal(offsets, want) {
			t.Errorf("%s: %v, want %v", options, offsets, want)
		}
	}
	_, data := encode(t, picture(t, 97, 61, 1), "out.jp2", "-t 64,64")
	if got := TilePartOffsets(bytes.NewReader(data), int64(len(data)), mustParse(t, data), DefaultBudget()); got != nil {
		t.Errorf("without TLM: %v", got)
	}
	for _, tlm := range [][]byte{{0}, {0, 0x50, 0}, {0, 0x50, 0, 0, 0}, {0, 0x50, 0, 0xFF, 0xFF, 1, 0, 9}} {
		data := withMain(segment(TLM, tlm...))
		if got := TilePartOffsets(bytes.NewReader(data), int64(len(data)), mustParse(t, data), DefaultBudget()); got != nil {
			t.Errorf("% x: %v", tlm, got)
		}
	}
}
