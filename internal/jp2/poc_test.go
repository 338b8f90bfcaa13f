package jp2

import (
	"bytes"
	"strings"
	"testing"
)

// everyPacket names all packets of a gray image of one level, in LRCP.
var everyPacket = []byte{0, 0, 0, 1, 2, 1, 0}

// TestChangesBounded: each entry of POC walks its volume again, so that they are few, in
// the main header, in a tile's, and in all headers of its tile-parts together.
func TestChangesBounded(t *testing.T) {
	poc := func(n int) []byte { return segment(POC, bytes.Repeat(everyPacket, n)...) }
	tile1 := partOf(1, 0, twoPackets)
	for name, tc := range map[string]struct {
		data []byte
		many string // refused for so many; none: not
	}{
		"main header, most": {withMain(poc(maxChanges)), ""},
		"tile, most":        {chain(partOf(0, 0, twoPackets, poc(maxChanges)), tile1, eoc), ""},
		"main header":       {withMain(poc(maxChanges + 1)), "33"},
		"in two segments":   {withMain(poc(20), poc(20)), "40"},
		"tile":              {chain(partOf(0, 0, twoPackets, poc(9000)), tile1, eoc), "9000"},
		"in two tile-parts": {chain(partOf(0, 0, []byte{0}, poc(20)), partOf(0, 1, []byte{0}, poc(13)), tile1, eoc), "33"},
	} {
		h, err := parse(tc.data)
		if err == nil {
			_, err = BuildIndex(bytes.NewReader(tc.data), int64(len(tc.data)), h, DefaultBudget())
		}
		switch want := tc.many + " progression order changes: up to 32 are allowed"; {
		case tc.many == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.many != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %q in it", name, err, want)
		}
	}
}

// TestChangesEnd: nothing is walked any more once all packets were sent.
func TestChangesEnd(t *testing.T) {
	size := Size{Xsiz: 64, Ysiz: 64, XTsiz: 64, YTsiz: 64, Components: []Component{{8, false, 1, 1}}}
	all := Change{Progression: LRCP, Layer: 3, Resolution1: 2, Component1: 1}
	params := Params{
		Style:      Style{Layers: 3},
		Components: []ComponentParams{{Coding: Coding{Levels: 1, Precincts: []Precinct{{4, 4}, {4, 4}}}}},
		// Whoever walked the second one would look for a component that is not there.
		Changes: []Change{all, {Progression: LRCP, Layer: 3, Resolution1: 2, Component1: 2}},
	}
	grid, n := newTileGrid(&size, &params, size.Tile(0)), 0
	for range grid.sequence(&size) {
		n++
	}
	if n != grid.packets() {
		t.Errorf("%d packets of %d", n, grid.packets())
	}
}

// TestOverridesCounted: what tiles override is part of what an index takes, and bounded
// with it; what says the same as the main header takes nothing.
func TestOverridesCounted(t *testing.T) {
	with := func(segments ...[]byte) []byte {
		return chain(partOf(0, 0, twoPackets, segments...), partOf(1, 0, twoPackets), eoc)
	}
	changes := segment(POC, bytes.Repeat(everyPacket, maxChanges)...)
	plain, same := mustIndex(t, with()), mustIndex(t, with(segment(COD, 0, 0, 0, 1, 0, 1, 4, 4, 0, 1)))
	own := mustIndex(t, with(changes))
	if plain.Memory() != same.Memory() || own.Memory() < plain.Memory()+48*maxChanges {
		t.Errorf("%d bytes plain, %d the same again, %d with changes", plain.Memory(), same.Memory(), own.Memory())
	}
	data, b := with(changes), DefaultBudget()
	b.IndexBytes = 48 * maxChanges
	_, err := BuildIndex(bytes.NewReader(data), int64(len(data)), mustParse(t, data), b)
	if err == nil || !strings.Contains(err.Error(), "what tiles override") {
		t.Errorf("got %v", err)
	}
}
