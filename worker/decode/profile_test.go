//go:build cgo

package decode

import (
	"encoding/binary"
	"image/color"
	"testing"

	"github.com/davidbyttow/govips/v2/vips"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// profileOf makes an RGB profile of one tag.
func profileOf(tag string, data []byte) []byte {
	icc := make([]byte, profileHeader, profileHeader+16+len(data))
	copy(icc[16:], "RGB ")
	icc = append(binary.BigEndian.AppendUint32(icc, 1), tag...)
	icc = binary.BigEndian.AppendUint32(icc, profileHeader+16)
	return append(binary.BigEndian.AppendUint32(icc, uint32(len(data))), data...)
}

func ascii(text string) []byte {
	b := binary.BigEndian.AppendUint32([]byte("desc\x00\x00\x00\x00"), uint32(len(text)+1))
	return append(append(b, text...), 0)
}

func localised(text string) []byte {
	b := binary.BigEndian.AppendUint32([]byte("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS"), uint32(2*len(text)))
	b = binary.BigEndian.AppendUint32(b, 28)
	for _, c := range text {
		b = append(b, 0, byte(c))
	}
	return b
}

func TestUsableProfile(t *testing.T) {
	for _, c := range []struct {
		name string
		icc  []byte
		want bool
	}{
		{"sRGB", profileOf("desc", ascii(sRGB)), false},
		{"sRGB of version 4", profileOf("desc", localised(sRGB)), false},
		{"another", profileOf("desc", ascii("Display P3")), true},
		{"another that speaks of sRGB", append(profileOf("desc", ascii("Scanner")), sRGB...), true},
		{"sRGB in another tag", profileOf("dmdd", ascii(sRGB)), true},
		{"sRGB and more", profileOf("desc", ascii(sRGB+" black scaled")), true},
		{"nothing told", profileOf("cprt", nil), true},
		{"too short", make([]byte, profileHeader), false},
	} {
		if got := usableProfile(c.icc, modelRGB) != nil; got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
		if usableProfile(c.icc, modelGray) != nil {
			t.Errorf("%s: taken for gray", c.name)
		}
	}
}

// TestProfileThatNamesAnother: a profile is applied though it speaks of sRGB.
func TestProfileThatNamesAnother(t *testing.T) {
	profile, inP3 := p3(t, color.NRGBA{200, 60, 30, 255})
	profile = append(profile, sRGB...)
	binary.BigEndian.PutUint32(profile, uint32(len(profile)))
	colr := box("colr", append([]byte{2, 0, 0}, profile...)...)
	data := boxed(rawJ2K(t, planes(inP3.R, inP3.G, inP3.B), 3, "8,u"), 3, colr)
	got := at(render(t, data, whole(tile.JP2, rawW, rawH)), 10, 10)
	if d := distance(got, color.NRGBA{200, 60, 30, 255}); d > 3 {
		t.Errorf("%v", got)
	}
}

// TestDescribedAs: libvips' own profiles are told apart.
func TestDescribedAs(t *testing.T) {
	profile, _ := p3(t, color.NRGBA{1, 2, 3, 255})
	if got := describedAs(profile); got == "" || got == sRGB {
		t.Errorf("P3 is described as %q", got)
	}
	im, err := vips.Black(8, 8)
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	if err := im.ToColorSpace(vips.InterpretationSRGB); err != nil {
		t.Fatal(err)
	}
	if err := im.TransformICCProfileWithFallback("srgb", "srgb"); err != nil {
		t.Fatal(err)
	}
	if got := describedAs(im.GetICCProfile()); got != sRGB && got != "sRGB" {
		t.Errorf("sRGB is described as %q", got)
	}
}

func FuzzProfile(f *testing.F) {
	f.Add(profileOf("desc", ascii(sRGB)))
	f.Add(profileOf("desc", localised("Display P3")))
	f.Add(profileOf("desc", localised("Display P3")[:20]))
	f.Fuzz(func(t *testing.T, icc []byte) {
		if got := usableProfile(icc, modelRGB); got != nil && len(got) != len(icc) {
			t.Fatal("cut")
		}
		_ = describedAs(icc)
	})
}
