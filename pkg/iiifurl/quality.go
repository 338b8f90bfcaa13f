package iiifurl

import "strings"

// Quality says which colours the answer has (Image API, "Quality").
type Quality string

// The qualities of versions 2.1 and 3.0.
const (
	Default Quality = "default" // the image's own: colour, or gray where it has no colour
	Color   Quality = "color"
	Gray    Quality = "gray"
	Bitonal Quality = "bitonal" // black and white alone
)

// parseFile reads the last part of the path, quality.format.
func parseFile(s string) (Quality, string, error) {
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 {
		return "", "", badRequest("The format is missing after %s. End the address like default.jpg.", quote(s))
	}
	quality, format := Quality(s[:dot]), s[dot+1:]
	switch quality {
	case Default, Color, Gray, Bitonal:
	default:
		return "", "", badRequest("The quality %s is not offered. Write default, color, gray or bitonal.", quote(s[:dot]))
	}
	if !isFormat(format) {
		return "", "", badRequest("The format %s cannot be read. Write letters and digits alone, like jpg.", quote(format))
	}
	return quality, format, nil
}

func isFormat(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return s != ""
}

// quality folds names for the same pixels into Default. An image without colour
// has none to keep, so color and gray are both what it is.
func (s Source) quality(q Quality) Quality {
	if q == Color || (q == Gray && s.Gray) {
		return Default
	}
	return q
}
