//go:build cgo

package decode

import "bytes"

// Bounds of an ICC profile: its header, and more than any printer's.
const (
	profileHeader = 128
	maxProfile    = 4 << 20
)

var profileSpaces = map[model]string{modelGray: "GRAY", modelRGB: "RGB ", modelCMYK: "CMYK"}

// usableProfile copies an ICC profile that fits the colours and changes something:
// profiles of other colour spaces and sRGB itself are dropped.
func usableProfile(icc []byte, m model) []byte {
	if len(icc) <= profileHeader || len(icc) > maxProfile || string(icc[16:20]) != profileSpaces[m] {
		return nil
	}
	if bytes.Contains(icc, []byte("sRGB IEC61966-2.1")) {
		return nil
	}
	return bytes.Clone(icc)
}
