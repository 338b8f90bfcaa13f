package authz

import "fmt"

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
