package jp2

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// tilePart is one tile-part as its header tells it (A.4.2).
type tilePart struct {
	place
	tile      int
	index     int     // among the parts of its tile
	body, end int64   // its packets lie in [body, end)
	lengths   lengths // of its packets, where known
}

// tileHeads gathers the tile-parts of one tile and what their headers override.
type tileHeads struct {
	parts   []tilePart
	own     *overrides
	packed  []byte         // packet headers that stand apart from their packets
	headers *packedHeaders // the same once taken apart
}

// untold tells whether the packet lengths are still to be found.
func (p *tilePart) untold() bool { return p.lengths.total != p.end-p.body }

func (h *tileHeads) untold() bool {
	return slices.ContainsFunc(h.parts, func(p tilePart) bool { return p.untold() })
}

// partWalker reads headers of tile-parts: along their chain from the first SOT to EOC, or
// those it is led to.
type partWalker struct {
	src    *source
	cs     *Codestream
	budget Budget
	effort *effort
	tiles  []tileHeads // along the chain
	seen   func(t int) // of each tile-part met there; may be nil
	plm    *plmReader  // where the main header has PLM
	ppm    *ppmReader  // where it has PPM
	count  int         // tile-parts so far
	origin Origin
	held   int64 // bytes of lengths kept so far
	walked int64 // bytes of packets whose headers were read so far
}

// ErrWalk says that the file tells no packet lengths, and that finding them in the
// packets was not allowed by Budget.WalkBytes.
var ErrWalk = errors.New("packet headers would have to be read")

func walkRefused(p *tilePart) error {
	return fmt.Errorf("%w: %s", ErrWalk, p.fail("no packet lengths are told").Error())
}

func newPartWalker(src *source, cs *Codestream, budget Budget, work *effort) *partWalker {
	return &partWalker{src: src, cs: cs, budget: budget, effort: work}
}

// follow reads the headers of all tile-parts. Tiles may come in any order and
// interleaved; the parts of one tile come in theirs.
func (w *partWalker) follow() (err error) {
	w.tiles = make([]tileHeads, w.cs.Size.Tiles())
	if w.plm, err = newPLM(w.src, w.cs); err != nil {
		return err
	}
	if w.ppm, err = newPPM(w.src, w.cs); err != nil {
		return err
	}
	for off := w.cs.Tiles; ; {
		done, err := w.atEnd(off)
		if err != nil {
			return err
		}
		if done {
			return w.complete()
		}
		if w.count >= w.budget.TileParts {
			return place{"SOT", off}.fail("more than %d tile-parts", w.budget.TileParts)
		}
		if off, err = w.next(off); err != nil {
			return err
		}
	}
}

// next reads the tile-part at off and gives the end of it.
func (w *partWalker) next(off int64) (int64, error) {
	part, err := w.readSOT(off)
	if err != nil {
		return 0, err
	}
	heads := &w.tiles[part.tile]
	if part.index != len(heads.parts) {
		return 0, part.fail("tile-part %d of its tile comes after %d others", part.index, len(heads.parts))
	}
	if err := w.readHead(part, heads); err != nil {
		return 0, err
	}
	if part.untold() && heads.packed == nil && w.budget.WalkBytes == 0 { // rather now than after all others were read
		return 0, walkRefused(part)
	}
	if w.count++; w.seen != nil {
		w.seen(part.tile)
	}
	return part.end, nil
}

// atEnd tells whether the codestream ends at off. EOC may be missing: encoders have
// been known to forget it, and the lengths of the tile-parts vouch for the rest.
func (w *partWalker) atEnd(off int64) (bool, error) {
	if off == w.cs.End {
		return true, nil
	}
	p := place{"SOT", off}
	if off > w.cs.End-2 {
		return false, p.fail("cut short at %d", w.cs.End)
	}
	b, err := w.src.bytes(p, off, 2)
	if err != nil {
		return false, err
	}
	switch m := Marker(uint16(b[0])<<8 | uint16(b[1])); m {
	case EOC:
		return true, nil
	case SOT:
		return false, nil
	default:
		return false, p.fail("expected after the tile-part before, found %s", m)
	}
}

func (w *partWalker) complete() error {
	for t := range w.tiles {
		if len(w.tiles[t].parts) == 0 {
			return place{"codestream", w.cs.Offset}.fail("tile %d of %d is missing", t, len(w.tiles))
		}
	}
	return nil
}

// takeLengths keeps what PLT, or else PLM, says of the part's packets.
func (w *partWalker) takeLengths(part *tilePart, plt fragments) (err error) {
	switch {
	case plt != nil:
		w.origin = cmp.Or(w.origin, FromPLT)
		part.lengths, err = plt.join().packetLengths(part.place, part.end-part.body)
	case w.plm != nil:
		w.origin = cmp.Or(w.origin, FromPLM)
		part.lengths, err = w.plm.next(part)
	}
	if err != nil {
		return err
	}
	return w.hold(part)
}

// readSOT reads the SOT segment at off.
func (w *partWalker) readSOT(off int64) (*tilePart, error) {
	part := &tilePart{place: place{"SOT", off}, body: off + 12}
	b, err := w.src.bytes(part.place, off, 12)
	if err != nil {
		return nil, err
	}
	c := cursor{place: part.place, b: b[2:]}
	length, tile, size := c.u16(), int(c.u16()), int64(c.u32())
	part.index = int(c.u8()) // TNsot, which follows, is wrong in many a file and not needed
	if part.end = off + size; size == 0 {
		if part.end, err = w.withoutEOC(); err != nil {
			return nil, err
		}
	}
	switch {
	case length != 10:
		return nil, part.fail("length %d instead of 10", length)
	case int64(tile) >= w.cs.Size.Tiles():
		return nil, part.fail("tile %d of %d", tile, w.cs.Size.Tiles())
	case part.end < part.body+2 || part.end > w.cs.End:
		return nil, part.fail("length %d of the tile-part does not fit [%d, %d)", size, off, w.cs.End)
	}
	part.tile = tile
	return part, nil
}

// withoutEOC is the end of the last tile-part where that does not tell itself.
func (w *partWalker) withoutEOC() (int64, error) {
	b, err := w.src.bytes(place{"EOC", w.cs.End - 2}, w.cs.End-2, 2)
	if err == nil && b[0] == 0xFF && b[1] == byte(EOC&0xFF) {
		return w.cs.End - 2, nil
	}
	return w.cs.End, err
}

// readHead reads the marker segments between SOT and SOD, and adds the part to its tile.
func (w *partWalker) readHead(part *tilePart, heads *tileHeads) error {
	if heads.own == nil {
		heads.own = newOverrides(len(w.cs.Size.Components))
	}
	var plt, ppt fragments
	for off, n := part.body, 0; ; n++ {
		seg, err := nextSegment(w.src, off, part.end)
		if err != nil {
			return err
		}
		off += int64(seg.Length)
		if seg.Marker == SOD {
			part.body = off
			if err := w.takeTold(part, heads, plt, ppt); err != nil {
				return err
			}
			heads.parts = append(heads.parts, *part)
			return nil
		}
		if n >= w.budget.Markers {
			return seg.place().fail("more than %d segments in a tile-part header", w.budget.Markers)
		}
		if err := w.readSegment(seg, heads, &plt, &ppt); err != nil {
			return err
		}
	}
}

func (w *partWalker) readSegment(seg Segment, heads *tileHeads, plt, ppt *fragments) error {
	switch seg.Marker {
	case PLT:
		return plt.read(w.src, seg)
	case PPT:
		return ppt.read(w.src, seg)
	case COD, COC, QCD, QCC, RGN:
		if len(heads.parts) > 0 {
			return seg.place().fail("belongs into the first tile-part of its tile")
		}
	case POC: // may come in any tile-part, before the packets it governs
	case SOC, SIZ, SOT, SOP, EPH, EOC, CAP, TLM, PLM, PPM, CRG:
		return seg.place().fail("has no place in a tile-part header")
	default:
		return seg.followed() // COM, or unknown
	}
	off, n := seg.body()
	c, err := w.src.cursor(seg.place(), off, n)
	if err != nil {
		return err
	}
	_, err = heads.own.take(c, seg.Marker, w.budget)
	return err
}
