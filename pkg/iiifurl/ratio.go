package iiifurl

import (
	"math"
	"math/bits"
)

// mulDiv is a*b/c to the nearest whole number, halves up, exact for all operands
// and capped at the largest int. c is not zero.
func mulDiv(a, b, c uint64) int {
	hi, lo := bits.Mul64(a, b)
	lo, carry := bits.Add64(lo, c/2, 0)
	hi += carry
	if hi >= c {
		return math.MaxInt
	}
	q, _ := bits.Div64(hi, lo, c)
	return int(min(q, math.MaxInt))
}

// along is the side that belongs to a known one when the aspect ratio is kept:
// along(w, height, width) is the height for the width w. It may be 0.
func along(known, other, same int) int {
	return mulDiv(uint64(known), uint64(other), uint64(same))
}

// exceeds tells whether w*h > area, without overflow.
func exceeds(w, h int, area int64) bool {
	hi, lo := bits.Mul64(uint64(w), uint64(h))
	return hi > 0 || lo > uint64(area)
}

// fit is the largest size of w:h that a box holds. The shorter side may come out as 0.
func fit(w, h, boxW, boxH int) (int, int) {
	hi1, lo1 := bits.Mul64(uint64(boxW), uint64(h))
	hi2, lo2 := bits.Mul64(uint64(boxH), uint64(w))
	if hi1 < hi2 || (hi1 == hi2 && lo1 <= lo2) {
		return boxW, along(boxW, h, w)
	}
	return along(boxH, w, h), boxH
}

// side is the side of w, in the largest w:h rectangle of that area, rounded down.
func side(area int64, w, h int) int {
	hi, lo := bits.Mul64(uint64(area), uint64(w))
	if hi >= uint64(h) {
		return squareRoot(math.MaxUint64)
	}
	q, _ := bits.Div64(hi, lo, uint64(h))
	return squareRoot(q)
}

// squareRoot is the square root of n, rounded down.
func squareRoot(n uint64) int {
	r := min(uint64(math.Sqrt(float64(n))), math.MaxUint32)
	for r*r > n {
		r--
	}
	for r < math.MaxUint32 && (r+1)*(r+1) <= n {
		r++
	}
	return int(min(r, math.MaxInt))
}
