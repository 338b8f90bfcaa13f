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

// partWalker follows the chain of tile-parts from the first SOT to EOC.
type partWalker struct {
	src    *source
	cs     *Codestream
	budget Budget
	tiles  []tileHeads
	plm    *plmReader // where the main header has PLM
	ppm    *ppmReader // where it has PPM
	count  int        // tile-parts so far
	origin Origin
	held   int64 // bytes of lengths kept so far
	walked int64 // bytes of packets whose headers were read so far
}

// ErrWalk says that the file tells no packet lengths, and that finding them in the
// packets was not allowed by Budget.WalkBytes.
var ErrWalk = errors.New("packet headers would have to be read")

// walkTileParts reads the headers of all tile-parts. Tiles may come in any order and
// interleaved; the parts of one tile come in theirs.
func walkTileParts(src *source, cs *Codestream, budget Budget) (*partWalker, error) {
	w := &partWalker{src: src, cs: cs, budget: budget, tiles: make([]tileHeads, cs.Size.Tiles())}
	var err error
	if w.plm, err = newPLM(src, cs); err != nil {
		return nil, err
	}
	if w.ppm, err = newPPM(src, cs); err != nil {
		return nil, err
	}
	for off := cs.Tiles; ; {
		done, err := w.atEnd(off)
		if err != nil {
			return nil, err
		}
		if done {
			return w, w.complete()
		}
		if w.count >= budget.TileParts {
			return nil, place{"SOT", off}.fail("more than %d tile-parts", budget.TileParts)
		}
		part, err := w.readPart(off)
		if err != nil {
			return nil, err
		}
		off = part.end
	}
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

func (w *partWalker) readPart(off int64) (*tilePart, error) {
	part, err := w.readSOT(off)
	if err != nil {
		return nil, err
	}
	heads := &w.tiles[part.tile]
	if heads.own == nil {
		heads.own = newOverrides(len(w.cs.Size.Components))
	}
	if err := w.readHead(part, heads); err != nil {
		return nil, err
	}
	heads.parts = append(heads.parts, *part)
	w.count++
	return part, nil
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

// measure finds the packets of a tile where its headers do not tell their lengths.
func (w *partWalker) measure(t int, grid *tileGrid) error {
	parts := w.tiles[t].parts
	if w.tiles[t].packed != nil {
		return w.measurePacked(&w.tiles[t], grid)
	}
	if !slices.ContainsFunc(parts, func(p tilePart) bool { return p.lengths.total != p.end-p.body }) {
		return nil
	}
	if err := w.chargeWalk(parts); err != nil {
		return err
	}
	if err := w.followPackets(grid, parts); err != nil {
		return err
	}
	return w.holdAll(parts)
}

// followPackets reads the headers of all packets of a tile; where those cannot be
// followed, SOP markers may show where they begin.
func (w *partWalker) followPackets(grid *tileGrid, parts []tilePart) error {
	err := walkable(grid.params, parts[0].place)
	switch {
	case err == nil:
		w.origin = FromHeaders
		return walkPackets(w.src, &w.cs.Size, grid, parts, nil, w.budget)
	case grid.params.SOP:
		w.origin = FromSOP
		return scanPackets(w.src, parts)
	}
	return err
}

// chargeWalk counts the bytes of packets that will be looked at.
func (w *partWalker) chargeWalk(parts []tilePart) error {
	for i := range parts {
		if w.walked += parts[i].end - parts[i].body; w.walked > w.budget.WalkBytes {
			return fmt.Errorf("%w: %s", ErrWalk, parts[i].fail("no packet lengths are told").Error())
		}
	}
	return nil
}

func (w *partWalker) holdAll(parts []tilePart) error {
	for i := range parts {
		if err := w.hold(&parts[i]); err != nil {
			return err
		}
	}
	return nil
}

// hold counts the memory that a tile-part's packet lengths take.
func (w *partWalker) hold(part *tilePart) error { return w.holdBytes(part, len(part.lengths.coded)) }

func (w *partWalker) holdBytes(part *tilePart, n int) error {
	if w.held += int64(n); w.held > w.budget.IndexBytes {
		return part.fail("packet lengths take more than %s bytes", power(w.budget.IndexBytes))
	}
	return nil
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
	index := int(c.u8()) // TNsot, which follows, is wrong in many a file and not needed
	if part.end = off + size; size == 0 {
		part.end = w.withoutEOC()
	}
	switch {
	case length != 10:
		return nil, part.fail("length %d instead of 10", length)
	case tile >= len(w.tiles):
		return nil, part.fail("tile %d of %d", tile, len(w.tiles))
	case index != len(w.tiles[tile].parts):
		return nil, part.fail("tile-part %d of its tile comes after %d others", index, len(w.tiles[tile].parts))
	case part.end < part.body+2 || part.end > w.cs.End:
		return nil, part.fail("length %d of the tile-part does not fit [%d, %d)", size, off, w.cs.End)
	}
	part.tile = tile
	return part, nil
}

// withoutEOC is the end of the last tile-part where that does not tell itself.
func (w *partWalker) withoutEOC() int64 {
	p := place{"EOC", w.cs.End - 2}
	if b, err := w.src.bytes(p, w.cs.End-2, 2); err == nil && b[0] == 0xFF && b[1] == byte(EOC&0xFF) {
		return w.cs.End - 2
	}
	return w.cs.End
}

// readHead reads the marker segments between SOT and SOD.
func (w *partWalker) readHead(part *tilePart, heads *tileHeads) error {
	var plt, ppt fragments
	for off, n := part.body, 0; ; n++ {
		seg, err := nextSegment(w.src, off, part.end)
		if err != nil {
			return err
		}
		off += int64(seg.Length)
		if seg.Marker == SOD {
			part.body = off
			if w.ppm != nil || ppt != nil || heads.packed != nil {
				return w.takePacked(part, heads, ppt)
			}
			return w.takeLengths(part, plt)
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
