package worker

import "cmp"

// grow widens a rectangle of tiles by whole rows and columns, of which half at least are
// missing, as long as it keeps within limits and reach and has no more than most tiles: what
// is missing altogether first, then what is near to where it began, then what makes it square.
func grow(missing func(cell) bool, from, limits cells, reach, most int) cells {
	all := from
	for {
		var best strip
		for _, wider := range [4]cells{
			{all.x0 - 1, all.y0, all.x1, all.y1},
			{all.x0, all.y0 - 1, all.x1, all.y1},
			{all.x0, all.y0, all.x1 + 1, all.y1},
			{all.x0, all.y0, all.x1, all.y1 + 1},
		} {
			if !wider.within(limits) || wider.count() > most {
				continue
			}
			if s := measure(missing, all, wider, from); s.tenths >= 5 && s.distance < reach && (best.tenths == 0 || s.better(best)) {
				best = s
			}
		}
		if best.tenths == 0 {
			return all
		}
		all = best.wider
	}
}

// strip is a row or column by which a rectangle may be widened.
type strip struct {
	wider    cells
	tenths   int // of it that are missing
	distance int // from where the rectangle began
	depth    int // of the rectangle across the strip
}

func (s strip) better(t strip) bool {
	return cmp.Or(cmp.Compare(t.tenths, s.tenths), cmp.Compare(s.distance, t.distance), cmp.Compare(s.depth, t.depth)) < 0
}

func measure(missing func(cell) bool, all, wider, from cells) strip {
	s := strip{wider: wider}
	switch {
	case wider.x0 < all.x0:
		s.distance, s.depth = from.x0-all.x0, all.x1-all.x0
	case wider.x1 > all.x1:
		s.distance, s.depth = all.x1-from.x1, all.x1-all.x0
	case wider.y0 < all.y0:
		s.distance, s.depth = from.y0-all.y0, all.y1-all.y0
	default:
		s.distance, s.depth = all.y1-from.y1, all.y1-all.y0
	}
	n, size := 0, wider.count()-all.count()
	for y := wider.y0; y < wider.y1; y++ {
		for x := wider.x0; x < wider.x1; x++ {
			c := cell{x, y}
			if !c.alone().within(all) && missing(c) {
				n++
			}
		}
	}
	s.tenths = n * 10 / size
	return s
}
