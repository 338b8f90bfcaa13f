package jp2

import "math"

// bandNumber counts sub-bands as quantisation does, LL first.
func bandNumber(resolution, band int) int {
	if resolution == 0 {
		return 0
	}
	return 3*resolution - 2 + band
}

// exponent and mantissa of a sub-band's step (E.1.1; E-5 where it is derived).
func (c *ComponentParams) quantum(resolution, band int) (exponent, mantissa int) {
	n := bandNumber(resolution, band)
	switch c.Quant.Style {
	case Unquantised:
		return int(c.Quant.Steps[n] >> 3), 0
	case Derived:
		step := int(c.Quant.Steps[0])
		return max(0, step>>11-max(0, resolution-1)), step & 0x7FF
	}
	return int(c.Quant.Steps[n] >> 11), int(c.Quant.Steps[n] & 0x7FF)
}

// planes is Mb (E-2).
func (c *ComponentParams) planes(resolution, band int) int {
	exponent, _ := c.quantum(resolution, band)
	return exponent + int(c.Quant.Guard) - 1
}

// step is the quantiser's (E-3), with the gain of each sub-band left to the wavelet.
func (c *ComponentParams) step(bits, resolution, band int) float32 {
	exponent, mantissa := c.quantum(resolution, band)
	return float32((1 + float64(mantissa)/2048) * math.Pow(2, float64(bits-exponent)))
}
