package jp2

// measure finds the packets of a tile where its headers do not tell their lengths.
func (w *partWalker) measure(heads *tileHeads, grid *tileGrid) error {
	if heads.packed != nil {
		return w.measurePacked(heads, grid)
	}
	if !heads.untold() {
		return nil
	}
	if err := w.chargeWalk(heads.parts); err != nil {
		return err
	}
	if err := w.followPackets(grid, heads.parts); err != nil {
		return err
	}
	return w.holdAll(heads.parts)
}

// followPackets reads the headers of all packets of a tile; where those cannot be
// followed, SOP markers may show where they begin.
func (w *partWalker) followPackets(grid *tileGrid, parts []tilePart) error {
	err := walkable(grid.params, parts[0].place)
	switch {
	case err == nil:
		w.origin = FromHeaders
		return walkPackets(w.src, &w.cs.Size, grid, parts, nil, w.budget, w.effort)
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
			return walkRefused(&parts[i])
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
		return part.fail("packet lengths and what tiles override take more than %s bytes", power(w.budget.IndexBytes))
	}
	return nil
}
