package jp2

import (
	"errors"
	"fmt"
	"io"
)

// ErrOutline says that TLM leads to something else than the tile-parts it speaks of. The
// file is sound, as may be, and can be indexed by Follow.
var ErrOutline = errors.New("TLM does not tell where tile-parts lie")

// Outline is an index that knows no tile yet, and how to find each by itself: TLM tells
// where its tile-parts lie. It is nil where there is no TLM or it makes no sense; the error
// is NewIndex's. It reads the main header alone.
//
// What a file far away costs then: TLM comes with the main header or takes one more read. A
// tile takes one, of some hundred bytes at the beginning of each of its tile-parts, for a
// header with PLT; where PLM stands in the main header it takes less. Where neither tells
// the lengths of packets, its tile-parts are read as a whole, once.
func Outline(r io.ReaderAt, size int64, h *Header, b Budget) (*Index, error) {
	x, err := NewIndex(h)
	if err != nil {
		return nil, err
	}
	if x.outline = readOutline(newSource(r, size, b.HeaderBytes), &h.Codestream, b); x.outline == nil {
		return nil, nil
	}
	return x, nil
}

// Tiles is how many tiles the image has.
func (x *Index) Tiles() int { return len(x.tiles) }

// Touched counts the tiles that the region, in pixels, touches.
func (x *Index) Touched(region Rect) int { return x.touched(region).area() }

// Levels is how many wavelet levels all components have, by the main header.
func (x *Index) Levels() int { return x.params.levels() }

// LevelsOf is how many all components have in all tiles that the region, in pixels, touches:
// tiles may have fewer than the main header says. Of tiles not known yet that is believed.
func (x *Index) LevelsOf(region Rect) int {
	levels, all := x.Levels(), x.touched(region)
	if !x.uneven.Load() {
		return levels
	}
	for q := all.Y0; q < all.Y1; q++ {
		for p := all.X0; p < all.X1; p++ {
			if tile := x.tiles[q*x.size.Columns()+p].Load(); tile != nil && tile.params != nil {
				levels = min(levels, tile.params.levels())
			}
		}
	}
	return levels
}

// Crowded is the least reduction at which a square with sides of so many pixels would touch
// more than n tiles.
func (x *Index) Crowded(side int64, n int64) (reduce int) {
	across := func(tile int64) int64 { return max(1, side<<reduce/tile) }
	for across(x.size.XTsiz)*across(x.size.YTsiz) <= n && reduce < 32 {
		reduce++
	}
	return reduce
}

// Front gives what Follow is sure to read: the header of the first tile-part, as far as it
// is likely to reach, and the end of the codestream.
func (x *Index) Front(h *Header) []Range {
	cs := &h.Codestream
	return []Range{{cs.Tiles, min(x.likelyHead(0, 1), cs.End-cs.Tiles)}, {max(cs.Tiles, cs.End-2), min(2, cs.End-cs.Tiles)}}
}

// Unknown gives the tiles touched by the region, in pixels, which are not known yet.
func (x *Index) Unknown(region Rect) (tiles []int) {
	if x.Complete() {
		return nil
	}
	all, columns := x.touched(region), x.size.Columns()
	for q := all.Y0; q < all.Y1; q++ {
		for p := all.X0; p < all.X1; p++ {
			if t := int(q*columns + p); x.tiles[t].Load() == nil {
				tiles = append(tiles, t)
			}
		}
	}
	return tiles
}

// Left gives up to n tiles that are not known yet, from tile on.
func (x *Index) Left(from, n int) (tiles []int) {
	for t := from; t < len(x.tiles) && len(tiles) < n; t++ {
		if x.tiles[t].Load() == nil {
			tiles = append(tiles, t)
		}
	}
	return tiles
}

// Complete tells whether all tiles are known.
func (x *Index) Complete() bool { return x.known.Load() == int64(len(x.tiles)) }

// Refused is why the first tile that cannot be indexed cannot; nil where all can.
func (x *Index) Refused() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.refused
}

// touched gives the columns and rows of tiles.
func (x *Index) touched(region Rect) Rect {
	s := &x.size
	return s.tilesOf(region.shift(s.XOsiz, s.YOsiz).Intersect(s.Area()))
}

// tilesOf gives the columns and rows of the tiles of an area on the reference grid.
func (s *Size) tilesOf(area Rect) Rect {
	if area.Empty() {
		return Rect{}
	}
	t := area.shift(-s.XTOsiz, -s.YTOsiz)
	return Rect{t.X0 / s.XTsiz, t.Y0 / s.YTsiz, (t.X1-1)/s.XTsiz + 1, (t.Y1-1)/s.YTsiz + 1}
}

const (
	// headBytes is what a tile-part's header usually takes besides the packet lengths.
	headBytes = 256
	// longestHead is how much of a tile-part is read for its header on trust.
	longestHead = 1 << 20
)

// Heads gives what Learn reads of the tiles: the beginnings of their tile-parts, as far as
// their headers are likely to reach, or the whole of them where packet headers have to be
// read. There are no ranges where the index has no outline.
func (x *Index) Heads(tiles []int, whole bool) (ranges []Range) {
	if x.outline == nil {
		return nil
	}
	for _, t := range tiles {
		parts := x.outline.of(t)
		likely := x.likelyHead(t, len(parts))
		for _, p := range parts {
			n := p.end - p.offset
			if !whole {
				n = min(n, likely)
			}
			ranges = append(ranges, Range{p.offset, n})
		}
	}
	return ranges
}

// likelyHead has two bytes for each packet, as PLT mostly needs, shared out among so many
// tile-parts.
func (x *Index) likelyHead(t, parts int) int64 {
	if x.Origin() == FromPLM || x.Origin() == FromHeaders {
		return headBytes
	}
	grid := newTileGrid(&x.size, &x.params, x.size.Tile(int64(t)))
	return min(headBytes+2*ceilDiv(int64(grid.packets()), int64(parts)), longestHead)
}

// Learn has the index know these tiles. r has the file, and ready is what it has at hand:
// only what is not there is read as BuildIndex would. A tile whose packets do not add up is
// known as such, and planning it gives the reason. Errors are those of the reader, wrap
// ErrOutline, or wrap ErrWalk: then packet headers have to be read, which Budget.WalkBytes
// forbids, and no tile more is known than those before.
func (x *Index) Learn(r io.ReaderAt, ready []Range, tiles []int, b Budget) error {
	b.IndexBytes -= x.lengths()
	for _, t := range tiles {
		if x.tiles[t].Load() != nil {
			continue
		}
		src := newSource(r, x.outline.size, b.HeaderBytes+b.WalkBytes)
		src.ready = ready
		walk := newPartWalker(src, x.outline.cs, b, x.outline.effort)
		tile, err := x.read(walk, t)
		var fault *Error
		if errors.As(err, &fault) {
			tile = &tileIndex{refusal: err}
			x.refuse(err)
		} else if err != nil {
			return err
		}
		if b.IndexBytes -= walk.held; x.learn(t, tile) {
			x.tell(walk.origin, walk.held)
		}
	}
	return nil
}

func (x *Index) lengths() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.held
}

func (x *Index) refuse(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.refused == nil {
		x.refused = err
	}
}

// read makes one tile's entry from its tile-parts.
func (x *Index) read(walk *partWalker, t int) (*tileIndex, error) {
	heads := &tileHeads{}
	for i, told := range x.outline.of(t) {
		part, err := walk.confirm(told, i)
		if err != nil {
			return nil, err
		}
		walk.plm = nil
		if told.plm != nil {
			walk.plm = &plmReader{told.plm}
		}
		if err := walk.readHead(part, heads); err != nil {
			return nil, err
		}
	}
	return x.index(walk, heads, t)
}

// confirm reads the SOT of a tile-part, the n-th of its tile, that TLM speaks of.
func (w *partWalker) confirm(told toldPart, n int) (*tilePart, error) {
	done, err := w.atEnd(told.offset)
	var part *tilePart
	if err == nil && !done {
		part, err = w.readSOT(told.offset)
	}
	var fault *Error
	switch {
	case err != nil && !errors.As(err, &fault):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %s", ErrOutline, err.Error())
	case done || part.tile != int(told.tile) || part.index != n || part.end != told.end:
		return nil, fmt.Errorf("%w: not to part %d of tile %d at %d", ErrOutline, n, told.tile, told.offset)
	}
	return part, nil
}
