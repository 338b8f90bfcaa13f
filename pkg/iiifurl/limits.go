package iiifurl

// Limits bound the size of answers, before rotation. The zero value sets none.
type Limits struct {
	MaxWidth  int   // pixels; 0: no limit
	MaxHeight int   // pixels; 0: the same as MaxWidth
	MaxArea   int64 // pixels; 0: no limit
	// Upscaling allows answers larger than the region: those asked for with ^ in
	// version 3, any in version 2 (its sizeAboveFull). It counts only together
	// with MaxWidth or MaxArea, as the specification wants.
	Upscaling bool
	// RejectOversizeBox answers 400 to a size !w,h of version 3 whose box the
	// region cannot fill. The specification calls such a box an upper bound and
	// nothing more; the community validator wants it refused.
	RejectOversizeBox bool
}

// Largest is the largest size within the limits that keeps the aspect ratio of
// w by h and is no larger than that: what the size max gives. Both sides are at
// least 1.
func (l Limits) Largest(w, h int) (int, int) {
	boxW, boxH := l.box()
	return l.within(w, h, min(w, boxW), min(h, boxH))
}

// upscaled is what the size ^max gives: like Largest, but as large as the limits
// allow. Without limits it is w by h.
func (l Limits) upscaled(w, h int) (int, int) {
	if max(l.MaxWidth, l.MaxHeight) <= 0 && l.MaxArea <= 0 {
		return w, h
	}
	boxW, boxH := l.box()
	return l.within(w, h, boxW, boxH)
}

// within is the largest size of w:h inside the box and MaxArea, at least 1 by 1.
func (l Limits) within(w, h, boxW, boxH int) (int, int) {
	fitW, fitH := fit(w, h, boxW, boxH)
	fitW, fitH = max(fitW, 1), max(fitH, 1)
	if l.MaxArea <= 0 || !exceeds(fitW, fitH, l.MaxArea) {
		return fitW, fitH
	}
	// A side that would vanish becomes 1, so the other may not exceed the area alone.
	most := int(min(l.MaxArea, maxSide))
	return max(min(fitW, side(l.MaxArea, w, h), most), 1), max(min(fitH, side(l.MaxArea, h, w), most), 1)
}

// box is the limits of each side, maxSide where there is none.
func (l Limits) box() (w, h int) {
	w, h = maxSide, maxSide
	if l.MaxWidth > 0 {
		w = min(l.MaxWidth, maxSide)
		h = w
	}
	if l.MaxHeight > 0 {
		h = min(l.MaxHeight, maxSide)
	}
	return w, h
}

func (l Limits) allow(w, h int) bool {
	boxW, boxH := l.box()
	return w <= boxW && h <= boxH && (l.MaxArea <= 0 || !exceeds(w, h, l.MaxArea))
}

func (l Limits) upscaling() bool {
	return l.Upscaling && (l.MaxWidth > 0 || l.MaxArea > 0)
}
