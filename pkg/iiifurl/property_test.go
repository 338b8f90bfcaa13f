package iiifurl_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// side draws lengths of all magnitudes, with the small ones that rounding hurts most.
func side() *rapid.Generator[int] {
	return rapid.OneOf(rapid.IntRange(1, 12), rapid.IntRange(1, 9000), rapid.IntRange(1, 1<<32))
}

func orNone(g *rapid.Generator[int]) *rapid.Generator[int] { return rapid.OneOf(rapid.Just(0), g) }

func anyImage() *rapid.Generator[image] {
	return rapid.Custom(func(t *rapid.T) image {
		return image{
			iiifurl.Source{Width: side().Draw(t, "width"), Height: side().Draw(t, "height"), Gray: rapid.Bool().Draw(t, "gray")},
			iiifurl.Limits{
				MaxWidth:  orNone(side()).Draw(t, "max width"),
				MaxHeight: orNone(side()).Draw(t, "max height"),
				MaxArea:   int64(orNone(rapid.IntRange(1, 1<<40)).Draw(t, "max area")),
				Upscaling: rapid.Bool().Draw(t, "upscaling"), RejectOversizeBox: rapid.Bool().Draw(t, "reject"),
			},
		}
	})
}

func anyRegion() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		form := rapid.SampledFrom([]string{"full", "square", "%d,%d,%d,%d", "pct:%d,%d,%d,%d", "pct:%d.%d,0,%d.%d,100"}).Draw(t, "region")
		if form[0] == 'f' || form[0] == 's' {
			return form
		}
		n := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 110), side()), 4, 4).Draw(t, "numbers")
		return fmt.Sprintf(form, n[0], n[1], n[2], n[3])
	})
}

func anySize() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		w, h := side().Draw(t, "w"), side().Draw(t, "h")
		form := rapid.SampledFrom([]string{
			"max", "full", fmt.Sprintf("%d,", w), fmt.Sprintf(",%d", h), fmt.Sprintf("%d,%d", w, h),
			fmt.Sprintf("!%d,%d", w, h), fmt.Sprintf("pct:%d", w), fmt.Sprintf("pct:%d.%d", w%100, h),
		}).Draw(t, "size")
		return rapid.SampledFrom([]string{"", "^"}).Draw(t, "caret") + form
	})
}

// Whatever is asked of whatever image: an answer lies within the image and the
// limits, and its canonical form asks for the very same.
func TestAnswersKeepTheirPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		im := anyImage().Draw(t, "image")
		for range 20 { // most draws are refused, and rightly
			request, err := anyRequest(t)
			if err != nil {
				continue
			}
			checkRoundTrip(t, request)
			if resolved, err := request.Resolve(im.source, im.limits); err == nil {
				im.checkResolved(t, resolved)
				im.checkCanonical(t, resolved)
			}
		}
	})
}

func anyRequest(t *rapid.T) (iiifurl.Request, error) {
	v := version(rapid.Bool().Draw(t, "version 2"))
	rotation := rapid.SampledFrom([]string{"0", "90", "!180", "22.5", "360"}).Draw(t, "rotation")
	file := rapid.SampledFrom([]string{"default.jpg", "color.png", "gray.tif", "bitonal.gif"}).Draw(t, "file")
	return iiifurl.ParseRequest(v, anyRegion().Draw(t, "region"), anySize().Draw(t, "size"), rotation, file)
}

// max and full are never refused: there is always something to show.
func TestMaxAlwaysAnswers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		im := anyImage().Draw(t, "image")
		for v, size := range map[iiifurl.Version]string{iiifurl.V2: "full", iiifurl.V3: "max"} {
			r, err := im.resolve(v, "full/"+size+"/0/default.jpg")
			if err != nil {
				t.Fatal(err)
			}
			im.checkResolved(t, r)
			if w, h := im.limits.Largest(im.source.Width, im.source.Height); r.Width != w || r.Height != h {
				t.Fatalf("%s is %dx%d, Largest %dx%d", size, r.Width, r.Height, w, h)
			}
		}
	})
}
