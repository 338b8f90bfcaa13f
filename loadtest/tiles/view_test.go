package main

import (
	"slices"
	"testing"
)

func TestViewsShowAllAndRepeatNothing(t *testing.T) {
	d := description{Width: 12288, Height: 9216}
	all := views(3, d, tileSide)
	if want := grid(d.Width, d.Height, 8, tileSide); len(all[0]) != len(want) {
		t.Errorf("the first view has %d tiles, the whole image %d", len(all[0]), len(want))
	}
	seen := make(map[tile]bool)
	for _, v := range all {
		for _, shown := range v {
			if seen[shown] {
				t.Fatalf("%+v is asked for twice", shown)
			}
			seen[shown] = true
			if shown.Scale != v[0].Scale {
				t.Fatalf("a view of scales %d and %d", v[0].Scale, shown.Scale)
			}
		}
	}
	for _, s := range []int{1, 2, 4, 8} {
		if !slices.ContainsFunc(all, func(v []tile) bool { return v[0].Scale == s }) {
			t.Errorf("nothing is shown at scale %d", s)
		}
	}
}

func TestViewsDependOnTheSeedAlone(t *testing.T) {
	d := description{Width: 12288, Height: 9216}
	first, again, other := slices.Concat(views(1, d, 512)...), slices.Concat(views(1, d, 512)...), slices.Concat(views(2, d, 512)...)
	if !slices.Equal(first, again) || slices.Equal(first, other) {
		t.Error("a way is not its seed's")
	}
}

// A screen of 1600 by 1000 pixels around a point shows the tiles that it touches, from its
// middle on.
func TestViewIsTheScreen(t *testing.T) {
	shown := view{scale: 2, x: 4096, y: 4096}.tiles(12288, 9216, tileSide)
	if len(shown) != 8*4 {
		t.Errorf("%d tiles", len(shown))
	}
	for i, s := range shown {
		if s.X+s.W <= 4096-1600 || s.X >= 4096+1600 || s.Y+s.H <= 4096-1000 || s.Y >= 4096+1000 {
			t.Errorf("%+v is not on the screen", s)
		}
		v := view{scale: 2, x: 4096, y: 4096}
		if i > 0 && v.distance(shown[i-1]) > v.distance(s) {
			t.Errorf("%+v comes too late", s)
		}
	}
}
