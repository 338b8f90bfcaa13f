package iiifurl

// resolve gives the size of the answer, before rotation, for a region that has
// already been cut at the image's edges.
func (s Size) resolve(v Version, region Rect, lim Limits) (w, h int, err error) {
	if s.form == sizeBox && s.overflows(v, region, lim) {
		return 0, 0, badRequest("The box %s is larger than the region, which is %d by %d pixels. Ask for no more than that.", quote(s.String()), region.W, region.H)
	}
	w, h = s.scale(v, region, lim)
	if v == V2 && s.form == sizePercent && (w == 0 || h == 0) {
		return 0, 0, badRequest("The size %s leaves nothing of the region, which is %d by %d pixels. Ask for a larger one.", quote(s.String()), region.W, region.H)
	}
	// The side that follows from another is at least one pixel: info.json lists such
	// sizes of long and narrow images, and clients of version 2 ask for them as w, alone.
	w, h = max(w, 1), max(h, 1)
	if err := s.check(v, region, lim, w, h); err != nil {
		return 0, 0, err
	}
	return w, h, nil
}

// scale works out the size by its form alone. A side may come out as 0.
func (s Size) scale(v Version, region Rect, lim Limits) (w, h int) {
	switch s.form {
	case sizeWidth:
		return s.width, along(s.width, region.H, region.W)
	case sizeHeight:
		return along(s.height, region.W, region.H), s.height
	case sizeExact:
		return s.width, s.height
	case sizePercent:
		return s.percent.percentOf(region.W), s.percent.percentOf(region.H)
	case sizeBox:
		return s.fillBox(v, region, lim)
	}
	if s.upscale {
		return lim.upscaled(region.W, region.H)
	}
	return lim.Largest(region.W, region.H)
}

// fillBox treats the box as an upper bound beside the limits and, unless
// enlarging was asked for, beside the region itself.
func (s Size) fillBox(v Version, region Rect, lim Limits) (w, h int) {
	boxW, boxH := lim.box()
	boxW, boxH = min(boxW, s.width), min(boxH, s.height)
	if !s.mayEnlarge(v, lim) {
		boxW, boxH = min(boxW, region.W), min(boxH, region.H)
	}
	if w, h = fit(region.W, region.H, boxW, boxH); w == 0 || h == 0 {
		return w, h
	}
	return lim.within(region.W, region.H, boxW, boxH)
}

func (s Size) overflows(v Version, region Rect, lim Limits) bool {
	return lim.RejectOversizeBox && v == V3 && !s.upscale && s.width > region.W && s.height > region.H
}

// mayEnlarge tells whether the request permits an answer larger than the region.
func (s Size) mayEnlarge(v Version, lim Limits) bool {
	return s.upscale || (v == V2 && lim.upscaling())
}

// check refuses what the request or the server does not permit.
func (s Size) check(v Version, region Rect, lim Limits, w, h int) error {
	enlarges := w > region.W || h > region.H || (s.form == sizePercent && s.percent > decimalHundred)
	switch {
	case enlarges && !s.mayEnlarge(v, lim):
		return s.tooLarge(v, region, lim)
	case enlarges && !lim.upscaling():
		return notImplemented("This server does not enlarge images. Ask for max, or a size no larger than the region.")
	case !lim.allow(w, h):
		mostW, mostH := lim.Largest(region.W, region.H)
		return badRequest("The size %s is beyond what this server gives. Ask for max, which is %d by %d pixels here, or for less.", quote(s.String()), mostW, mostH)
	}
	return nil
}

func (s Size) tooLarge(v Version, region Rect, lim Limits) error {
	advice := "Ask for that or less."
	if v == V3 && lim.upscaling() {
		advice = "Ask for that or less, or put a ^ in front to enlarge."
	}
	return badRequest("The size %s is larger than the region, which is %d by %d pixels. %s", quote(s.String()), region.W, region.H, advice)
}
