package jp2

import "testing"

// TestChangesOverlap: a packet named by several progression order changes comes once,
// with the first of them (A.6.6).
func TestChangesOverlap(t *testing.T) {
	size := Size{Xsiz: 64, Ysiz: 64, XTsiz: 64, YTsiz: 64, Components: []Component{{8, false, 1, 1}, {8, false, 2, 2}}}
	coding := Coding{Levels: 1, Precincts: []Precinct{{4, 4}, {4, 4}}}
	params := Params{
		Style:      Style{Progression: LRCP, Layers: 3},
		Components: []ComponentParams{{Coding: coding}, {Coding: coding}},
		Changes: []Change{
			{Progression: LRCP, Layer: 1, Resolution1: 2, Component1: 2},
			{Progression: PCRL, Layer: 3, Resolution1: 1, Component1: 1},
			{Progression: CPRL, Layer: 9, Resolution1: 33, Component1: 2},
		},
	}
	grid := newTileGrid(&size, &params, size.Tile(0))
	seen := make(map[packetRef]int)
	first := grid.precincts // packets of the first change: the first layer of every precinct
	n := 0
	for ref := range grid.sequence(&size) {
		if seen[ref]++; seen[ref] > 1 {
			t.Errorf("%+v comes again", ref)
		}
		if (n < first) != (ref.layer == 0) {
			t.Errorf("packet %d is of layer %d", n, ref.layer)
		}
		n++
	}
	if n != grid.packets() {
		t.Errorf("%d packets of %d", n, grid.packets())
	}
}

// TestSequenceStops: whoever reads a sequence may stop at any packet.
func TestSequenceStops(t *testing.T) {
	size := Size{Xsiz: 64, Ysiz: 64, XTsiz: 64, YTsiz: 64, Components: []Component{{8, false, 1, 1}}}
	for order := LRCP; order <= CPRL; order++ {
		params := Params{
			Style:      Style{Progression: order, Layers: 2},
			Components: []ComponentParams{{Coding: Coding{Levels: 1, Precincts: []Precinct{{4, 4}, {4, 4}}}}},
		}
		grid := newTileGrid(&size, &params, size.Tile(0))
		for stop := range grid.packets() {
			n := 0
			for range grid.sequence(&size) {
				if n++; n > stop {
					break
				}
			}
			if n != stop+1 {
				t.Errorf("%v: %d packets before the stop at %d", order, n, stop)
			}
		}
	}
}
