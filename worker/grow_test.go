package worker

import (
	"testing"

	"pgregory.net/rapid"
)

func TestGrow(t *testing.T) {
	wide := cells{0, 0, 20, 20}
	all := func(cell) bool { return true }
	for _, c := range []struct {
		name         string
		missing      func(cell) bool
		from, limits cells
		reach, most  int
		want         cells
	}{
		{"to all sides", all, cells{10, 10, 11, 11}, wide, 2, 25, cells{8, 8, 13, 13}},
		{"no more than most", all, cells{10, 10, 11, 11}, wide, 9, 4, cells{9, 9, 11, 11}},
		{"no farther than its reach", all, cells{10, 10, 11, 11}, wide, 1, 100, cells{9, 9, 12, 12}},
		{"within limits", all, cells{3, 0, 4, 1}, cells{0, 0, 4, 4}, 9, 100, cells{0, 0, 4, 4}},
		{"away from what is made", func(c cell) bool { return c.x > 9 }, cells{10, 10, 11, 11}, wide, 2, 100, cells{10, 8, 13, 13}},
		{"over a gap that is half missing", func(c cell) bool { return c.x != 11 || c.y%2 == 0 }, cells{10, 10, 11, 12}, cells{10, 10, 13, 12}, 9, 100, cells{10, 10, 13, 12}},
		{"nothing is missing", func(cell) bool { return false }, cells{10, 10, 12, 11}, wide, 2, 100, cells{10, 10, 12, 11}},
	} {
		if got := grow(c.missing, c.from, c.limits, c.reach, c.most); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestGrowKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := cells{0, 0, rapid.IntRange(1, 12).Draw(t, "columns"), rapid.IntRange(1, 12).Draw(t, "rows")}
		at := cell{rapid.IntRange(0, limits.x1-1).Draw(t, "x"), rapid.IntRange(0, limits.y1-1).Draw(t, "y")}
		made := rapid.SliceOfN(rapid.Bool(), 144, 144).Draw(t, "made")
		most := rapid.IntRange(1, 40).Draw(t, "most")
		got := grow(func(c cell) bool { return !made[c.y*12+c.x] }, at.alone(), limits, 3, most)
		if !at.alone().within(got) || !got.within(limits) || got.count() > most {
			t.Fatalf("%v of at most %d within %v around %v", got, most, limits, at)
		}
	})
}
