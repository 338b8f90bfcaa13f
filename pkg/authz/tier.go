package authz

import (
	"fmt"
	"strings"
)

// Tier is a smaller image that everyone may see of one that is not for everyone. Its
// bounds are on the scale of the whole image: no region of it shows more detail, so
// that nothing can be put together from parts.
type Tier struct {
	Scale int `json:"scale,omitempty"` // at most 1/Scale of the full resolution; 0: no bound
	Side  int `json:"side,omitempty"`  // at most so many pixels on the longer side of the whole image; 0: no bound
}

// Bounds of a tier.
const (
	maxTierScale = 1024
	maxTierSide  = 20_000
)

// TierMark behind an image's identifier names its tier, which is an image of its own.
// It does so only where what decides about the image gives it one; elsewhere it is a
// part of a name like any other.
const TierMark = "~reduced"

// SplitTier finds the image of whose tier id may be the name.
func SplitTier(id string) (of string, marked bool) {
	of, marked = strings.CutSuffix(id, TierMark)
	if !marked || of == "" || strings.HasSuffix(of, "/") {
		return "", false
	}
	return of, true
}

// OfTier is the decision about the tier of an image of which d is that about the whole.
// A tier is there for everybody for as long as what gives it counts.
func (d Decision) OfTier() Decision {
	d.Outcome, d.Public, d.ViewOnly = Allow, true, false
	d.Reason = "This is the smaller image, which everyone may see."
	return d
}

// Size is the width and height in pixels of the tier of an image: at least 1 each,
// and never above what the bounds give.
func (t Tier) Size(width, height int) (int, int) {
	w, h := width, height
	if t.Scale > 1 {
		w, h = w/t.Scale, h/t.Scale
	}
	if side := max(w, h); t.Side > 0 && side > t.Side {
		w, h = w*t.Side/side, h*t.Side/side
	}
	return max(w, 1), max(h, 1)
}

func (t Tier) check() error {
	switch {
	case t.Scale == 0 && t.Side == 0:
		return fmt.Errorf("its tier has no bound; give a scale, such as 8 for an eighth of the resolution, or a side in pixels")
	case t.Scale < 0 || t.Scale == 1 || t.Scale > maxTierScale:
		return fmt.Errorf("the scale of its tier is %d; write a number from 2 to %d", t.Scale, maxTierScale)
	case t.Side < 0 || t.Side > maxTierSide:
		return fmt.Errorf("the side of its tier is %d; write a number of pixels from 1 to %d", t.Side, maxTierSide)
	}
	return nil
}
