package jp2

import "math"

// readResolution reads the super box res (I.5.3.7). Resolutions that make no sense
// are left out: a picture is not refused for them.
func (r *boxReader) readResolution(super box) error {
	for off := super.body; off < super.end; {
		b, err := r.next(off, super.end)
		if err != nil {
			return err
		}
		if b.missing > 0 {
			return b.fail("reaches %d bytes past the end of res", b.missing)
		}
		if err := r.readDensity(b); err != nil {
			return err
		}
		off = b.end
	}
	return nil
}

func (r *boxReader) readDensity(b box) error {
	var target *Density
	switch b.part {
	case "resc":
		target = &r.Capture
	case "resd":
		target = &r.Display
	default:
		return nil
	}
	c, err := r.contents(b, 10)
	if err != nil {
		return err
	}
	vn, vd, hn, hd := c.u16(), c.u16(), c.u16(), c.u16()
	ve, he := int8(c.u8()), int8(c.u8())
	if vd != 0 && hd != 0 {
		*target = Density{X: density(hn, hd, he), Y: density(vn, vd, ve)}
	}
	return c.exact()
}

func density(numerator, denominator uint16, exponent int8) float64 {
	return float64(numerator) / float64(denominator) * math.Pow10(int(exponent))
}
