package main

import (
	"slices"
	"testing"
)

func TestDrawNeverRepeats(t *testing.T) {
	// 1 + 1 + 4 + 9 + 36 tiles at 16, 8, 4, 2 and 1
	drawn, err := draw(7, 1500, 1400, 51)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[tile]bool{}
	for _, d := range drawn {
		if seen[d] {
			t.Errorf("%+v is drawn twice", d)
		}
		seen[d] = true
	}
	for _, s := range scales {
		if !slices.ContainsFunc(drawn, func(d tile) bool { return d.Scale == s }) {
			t.Errorf("nothing is drawn at scale %d", s)
		}
	}
}

func TestDrawSaysWhenThereAreTooFewTiles(t *testing.T) {
	if _, err := draw(7, 1500, 1400, 52); err == nil {
		t.Error("52 tiles of 51")
	}
}

func TestDrawDependsOnTheSeedAlone(t *testing.T) {
	first, err := draw(1, 12288, 9216, 100)
	if err != nil {
		t.Fatal(err)
	}
	again, err := draw(1, 12288, 9216, 100)
	if err != nil {
		t.Fatal(err)
	}
	other, err := draw(2, 12288, 9216, 100)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first, again) {
		t.Error("one seed draws different tiles")
	}
	if slices.Equal(first, other) {
		t.Error("two seeds draw the same tiles")
	}
}

func TestTilesStayWithinTheImage(t *testing.T) {
	for _, s := range scales {
		area := 0
		for _, g := range grid(12289, 9217, s, tileSide) {
			area += g.W * g.H
			if g.X+g.W > 12289 || g.Y+g.H > 9217 || g.Width > tileSide || g.Height > tileSide || g.Width < 1 || g.Height < 1 {
				t.Errorf("%+v", g)
			}
		}
		if area != 12289*9217 {
			t.Errorf("the tiles at scale %d cover %d pixels", s, area)
		}
	}
}

func TestPath(t *testing.T) {
	edge := grid(1500, 1400, 4, tileSide)[3]
	if got, want := edge.path(), "/1024,1024,476,376/119,94/0/default.jpg"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
