package jp2

import (
	"cmp"
	"io"
	"slices"
)

// TilePartOffsets gives where tile-parts begin in the file, as TLM says (A.7.1), so that
// whoever builds an index far away from the file can have their headers fetched side by
// side. It is a hint and nothing more: nil where there is no TLM or it makes no sense, and
// BuildIndex follows the tile-parts themselves.
func TilePartOffsets(r io.ReaderAt, size int64, h *Header, b Budget) []int64 {
	cs := &h.Codestream
	src := newSource(r, size, b.HeaderBytes)
	var all fragments
	for _, seg := range cs.Segments {
		if seg.Marker == TLM && all.read(src, seg) != nil {
			return nil
		}
	}
	slices.SortStableFunc(all, func(a, b fragment) int { return cmp.Compare(a.index, b.index) })
	at := cs.Tiles
	var offsets []int64
	for _, f := range all {
		c := cursor{place: f.place, b: f.data}
		form := c.u8()
		for !c.short && len(c.b) > 0 {
			c.take(int(form >> 4 & 3)) // the tile, told again by SOT
			n := int64(c.u16())
			if form&0x40 != 0 {
				n = n<<16 | int64(c.u16())
			}
			if len(offsets) >= b.TileParts || n == 0 || at >= cs.End {
				return nil
			}
			offsets = append(offsets, at)
			at += n
		}
		if c.short {
			return nil
		}
	}
	return offsets
}
