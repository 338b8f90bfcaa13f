package tile

import (
	"strings"
	"testing"
)

func TestCheckSides(t *testing.T) {
	for _, c := range []struct {
		format string
		w, h   int
		ok     bool
	}{
		{"jpg", 65_500, 65_500, true},
		{"jpg", 65_501, 1, false},
		{"jpg", 1, 65_501, false},
		{"webp", 16_383, 1, true},
		{"webp", 1, 16_384, false},
		{"gif", 65_535, 1, true},
		{"gif", 65_536, 1, false},
		{"png", 70_000, 70_000, true},
		{"tif", 1 << 24, 1, false},
	} {
		err := CheckSides(c.format, c.w, c.h)
		if (err == nil) != c.ok {
			t.Errorf("%s of %d by %d: %v", c.format, c.w, c.h, err)
		}
		if !c.ok && (CodeOf(err) != Invalid || !strings.Contains(err.Error(), c.format)) {
			t.Errorf("%v", err)
		}
	}
}
