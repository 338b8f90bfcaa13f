package iiifurl

import (
	"math"
	"strconv"
	"strings"
)

// decimal is a non-negative number in ten-billionths, so that 22.5 is 225000000000.
//
// Digits after the tenth decimal place round the number up instead of being
// refused: clients that compute in floating point send sixteen. Up, because then
// a comparison with zero, 100 or 360 comes out as it would for all the digits.
type decimal uint64

const (
	decimalPlaces = 10
	decimalWhole  = 9 // digits before the point; any such number fits 64 bits

	decimalOne     decimal = 1e10
	decimalHundred         = 100 * decimalOne
	decimalCircle          = 360 * decimalOne
)

// parseDecimal reads 1*DIGIT [ "." 1*DIGIT ] | "." 1*DIGIT.
func parseDecimal(s string) (decimal, bool) {
	whole, fraction, pointed := strings.Cut(s, ".")
	if !allDigits(whole) || !allDigits(fraction) || (fraction == "" && (pointed || whole == "")) {
		return 0, false
	}
	whole = strings.TrimLeft(whole, "0")
	if len(whole) > decimalWhole {
		return 0, false
	}
	kept := fraction[:min(len(fraction), decimalPlaces)]
	d := digitsValue(digitsValue(0, whole), kept)
	for range decimalPlaces - len(kept) {
		d *= 10
	}
	if strings.Trim(fraction[len(kept):], "0") != "" {
		d++
	}
	return decimal(d), true
}

// maxSide is the longest side a URL can name, in pixels: ten digits, or what an int holds.
const maxSide = min(9_999_999_999, math.MaxInt)

// parsePixels reads 1*10 DIGIT.
func parsePixels(s string) (int, bool) {
	const most = 10
	if s == "" || len(s) > most || !allDigits(s) {
		return 0, false
	}
	n := digitsValue(0, s)
	return int(n), n <= maxSide
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// digitsValue appends the decimal digits of s to n.
func digitsValue(n uint64, s string) uint64 {
	for i := range len(s) {
		n = n*10 + uint64(s[i]-'0')
	}
	return n
}

// appendTo writes the shortest spelling: no trailing zeros, a leading zero below one.
func (d decimal) appendTo(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(d/decimalOne), 10)
	fraction := d % decimalOne
	if fraction == 0 {
		return b
	}
	b = append(b, '.')
	for ; fraction > 0; fraction = fraction * 10 % decimalOne {
		b = append(b, '0'+byte(fraction*10/decimalOne))
	}
	return b
}

// percentOf is d percent of n, to the nearest whole number.
func (d decimal) percentOf(n int) int {
	return mulDiv(uint64(n), uint64(d), uint64(decimalHundred))
}

// float is the double nearest to d; its shortest spelling is again that of d
// below 900000 (fifteen significant digits).
func (d decimal) float() float64 {
	return float64(d) / float64(decimalOne)
}
