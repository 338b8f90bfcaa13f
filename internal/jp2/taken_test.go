package jp2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

// synthetic is a stream of the whole of a picture.
func synthetic(t testing.TB, options string) []byte {
	t.Helper()
	_, file := encode(t, picture(t, 60, 50, 3), "out.j2k", options)
	return synthesised(t, file, Rect{0, 0, 60, 50})
}

// synthesised is a file of a region's packets.
func synthesised(t testing.TB, file []byte, region Rect) []byte {
	t.Helper()
	plan, err := mustIndex(t, file).Plan(region, 0)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := plan.SynthesiseFile(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// altered has one byte of a main header's segment changed; at counts from the marker.
func altered(stream []byte, m Marker, at int, to byte) []byte {
	begin := bytes.Index(stream, binary.BigEndian.AppendUint16(nil, uint16(m)))
	stream = bytes.Clone(stream)
	stream[begin+at] = to
	return stream
}

// TestTakeRefuses: what Synthesise does not write, and what would take too much, is not
// taken apart (R3).
func TestTakeRefuses(t *testing.T) {
	stream, tiled := synthetic(t, "-n 3"), synthetic(t, "-n 3 -t 32,32")
	if _, err := Take(stream, DefaultBudget()); err != nil {
		t.Fatal(err)
	}
	ppt := takeApart(t, tiled)
	ppt.parts[0].segments = append(ppt.parts[0].segments, segment(PPT, 0, 0, 0, 0))
	comment := slices.Concat(stream[:2+2+0x2F], segment(COM, 0, 1, 'x'), stream[2+2+0x2F:])
	for name, c := range map[string]struct {
		data []byte
		why  string
	}{
		"large":               {append(bytes.Clone(stream), make([]byte, takenBytes)...), "bytes"},
		"a comment":           {comment, "main header"},
		"packed headers":      {ppt.join(), "tile 0 begins"},
		"tiles in turn":       {turned(t, tiled), "begins in another way"},
		"bytes at the end":    {append(bytes.Clone(stream), 0xFF, 0xD9), "after the last tile"},
		"SOP":                 {altered(stream, COD, 4, 3), "numbered"},
		"another progression": {altered(stream, COD, 5, byte(RPCL)), "in another order"},
		"layers":              {altered(stream, COD, 6, 0xFF), "packets of an image of a pixel"},
		"bypass":              {altered(stream, COD, 12, 1), "block style"},
		"planes":              {altered(altered(stream, QCD, 5, 0xF8), QCD, 4, 0xE0), "bit-planes"},
		"deep integers":       {altered(stream, SIZ, 40, 30), "samples of 31 bits"},
		"deep floats":         {altered(synthetic(t, "-n 3 -I"), SIZ, 40, 20), "samples of 21 bits"},
		"far away":            {altered(altered(altered(stream, SIZ, 6, 0x70), SIZ, 14, 0x70), SIZ, 30, 0x70), "an image to"},
	} {
		if _, err := Take(c.data, DefaultBudget()); !errors.Is(err, ErrBlocks) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", name, err, c.why)
		}
	}
}

// turned has the tiles backwards.
func turned(t *testing.T, stream []byte) []byte {
	r := takeApart(t, stream)
	slices.Reverse(r.parts)
	return r.join()
}

// TestTakeBounds: all tiles together have no more of anything than is allowed.
func TestTakeBounds(t *testing.T) {
	for _, most := range [][3]int{{takenBands, 0, 0}, {0, takenBlocks, 0}, {0, 0, takenWords}} {
		var c Coded
		if err := c.count(most[0], most[1], most[2]); err != nil {
			t.Errorf("%v: %v", most, err)
		}
		if err := c.count(min(most[0], 1), min(most[1], 1), min(most[2], 1)); !errors.Is(err, ErrBlocks) {
			t.Errorf("one more than %v: %v", most, err)
		}
	}
}
