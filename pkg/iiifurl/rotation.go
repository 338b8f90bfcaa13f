package iiifurl

import "strings"

// Rotation is a turn clockwise, perhaps after mirroring (Image API, "Rotation").
// The zero value leaves the image as it is.
type Rotation struct {
	mirror  bool
	degrees decimal // 0 to 360, both included
}

func parseRotation(s string) (Rotation, error) {
	if s == "" {
		return Rotation{}, badRequest("The rotation is missing. Write 0 for none.")
	}
	number, mirror := strings.CutPrefix(s, "!")
	degrees, ok := parseDecimal(number)
	if !ok || degrees > decimalCircle {
		return Rotation{}, badRequest("The rotation %s cannot be read. Write degrees clockwise from 0 to 360, with a ! in front to mirror the image first.", quote(s))
	}
	return Rotation{mirror: mirror, degrees: degrees}, nil
}

// String is the rotation as it stands in a URL, its number in its shortest spelling.
func (r Rotation) String() string { return string(r.appendTo(nil)) }

func (r Rotation) appendTo(b []byte) []byte {
	if r.mirror {
		b = append(b, '!')
	}
	return r.degrees.appendTo(b)
}

// resolve gives degrees from 0 up to, not including, 360.
func (r Rotation) resolve() (mirror bool, degrees float64) {
	if r.degrees == decimalCircle {
		return r.mirror, 0
	}
	return r.mirror, r.degrees.float()
}
