package iiifurl_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

func version(two bool) iiifurl.Version {
	if two {
		return iiifurl.V2
	}
	return iiifurl.V3
}

func FuzzParsePath(f *testing.F) {
	for _, path := range []string{
		"SQ", "SQ/", "SQ/info.json", "SQ/full/max/0/default.jpg", "a%2Fb/square/^!10,10/!90/gray.png",
		"http:%2F%2Fexample.com%2F%3F54%23a/info.json", "x%2541/pct:.5,0,50,7.25/pct:50/22.5/color.tif",
		"..%2Fx/info.json", "a/b/c", "%C0%AE/info.json", "SQ//max/0/default.jpg", "%zz", `a\b`,
	} {
		f.Add(path, true)
		f.Add(path, false)
	}
	f.Fuzz(func(t *testing.T, path string, two bool) {
		for _, parse := range []func(iiifurl.Version, string) (iiifurl.Target, error){iiifurl.ParsePath, iiifurl.ParseFromRight} {
			target, err := parse(version(two), path)
			if err != nil {
				checkRefusal(t, err)
				continue
			}
			checkIdentifier(t, target.ID)
			if !strings.HasPrefix(path, target.Spelling) {
				t.Fatalf("spelling %q is no part of %q", target.Spelling, path)
			}
			rebuilt := iiifurl.EscapeIdentifier(target.ID)
			switch target.Kind {
			case iiifurl.Info:
				rebuilt += "/info.json"
			case iiifurl.Picture:
				rebuilt += "/" + target.Request.String()
			}
			again, err := iiifurl.ParsePath(version(two), rebuilt)
			if err != nil {
				t.Fatalf("%q became %q: %v", path, rebuilt, err)
			}
			again.Spelling = target.Spelling
			if again != target {
				t.Fatalf("%q became %q: %+v, then %+v", path, rebuilt, target, again)
			}
		}
	})
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	var refusal *iiifurl.Error
	if !errors.As(err, &refusal) || (refusal.Status != 400 && refusal.Status != 404) {
		t.Fatalf("error %#v", err)
	}
	if !utf8.ValidString(refusal.Message) || strings.ContainsFunc(refusal.Message, unicode.IsControl) {
		t.Fatalf("message %q", refusal.Message)
	}
}

// checkIdentifier states the promise of ParseIdentifier a second time.
func checkIdentifier(t *testing.T, id string) {
	t.Helper()
	if id == "" || len(id) > 2048 || !utf8.ValidString(id) || strings.Contains(id, `\`) || strings.ContainsFunc(id, unicode.IsControl) {
		t.Fatalf("identifier %q", id)
	}
	slashed := "/" + id + "/"
	if strings.Contains(slashed, "/./") || strings.Contains(slashed, "/../") || strings.HasPrefix(id, "/") || strings.HasSuffix(id, "/") {
		t.Fatalf("identifier %q", id)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add("full", "max", "0", "default.jpg", false, int64(6000), int64(4000), int64(3000), int64(0), int64(4_000_000), byte(0))
	f.Add("pct:41.6,7.5,40,70", "^!9000,9000", "!22.5", "gray.png", false, int64(1025), int64(769), int64(8000), int64(0), int64(0), byte(1))
	f.Add("square", "full", "360", "color.jpg", true, int64(30000), int64(50), int64(90), int64(10), int64(80), byte(5))
	f.Add("0,0,9999999999,1", "^pct:999999999", "359.99999999999", "bitonal.gif", false, int64(1)<<62, int64(1), int64(1)<<62, int64(0), int64(1)<<62, byte(3))
	f.Add("pct:99.9999999999,0,0.0000000001,1", ",1", ".5", "default.webp", true, int64(1), int64(1)<<40, int64(0), int64(1), int64(0), byte(7))
	f.Fuzz(func(t *testing.T, region, size, rotation, file string, two bool, width, height, maxW, maxH, maxArea int64, flags byte) {
		v := version(two)
		request, err := iiifurl.ParseRequest(v, region, size, rotation, file)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		checkRoundTrip(t, request)
		im := image{
			source: iiifurl.Source{Width: int(width), Height: int(height), Gray: flags&4 > 0},
			limits: iiifurl.Limits{
				MaxWidth: int(maxW), MaxHeight: int(maxH), MaxArea: maxArea,
				Upscaling: flags&1 > 0, RejectOversizeBox: flags&2 > 0,
			},
		}
		resolved, err := request.Resolve(im.source, im.limits)
		if err != nil {
			return
		}
		im.checkResolved(t, resolved)
		im.checkCanonical(t, resolved)
	})
}

func checkRoundTrip(t rapid.TB, r iiifurl.Request) {
	t.Helper()
	p := strings.Split(r.String(), "/")
	if len(p) != 4 {
		t.Fatalf("%s has %d parts", r, len(p))
	}
	again, err := iiifurl.ParseRequest(r.Version, p[0], p[1], p[2], p[3])
	if err != nil || again != r {
		t.Fatalf("%s became %+v, %v", r, again, err)
	}
}

// checkResolved states what Resolve promises: inside the image, within the limits.
func (im image) checkResolved(t rapid.TB, r iiifurl.Resolved) {
	t.Helper()
	reg := r.Region
	if reg.X < 0 || reg.Y < 0 || reg.W < 1 || reg.H < 1 || reg.X > im.source.Width-reg.W || reg.Y > im.source.Height-reg.H {
		t.Fatalf("region %+v of %+v", reg, im.source)
	}
	l := im.limits
	maxH := l.MaxHeight
	if maxH <= 0 {
		maxH = l.MaxWidth
	}
	if r.Width < 1 || r.Height < 1 || (l.MaxWidth > 0 && r.Width > l.MaxWidth) || (maxH > 0 && r.Height > maxH) {
		t.Fatalf("size %dx%d under %+v", r.Width, r.Height, l)
	}
	if l.MaxArea > 0 && int64(r.Width) > l.MaxArea/int64(r.Height) {
		t.Fatalf("size %dx%d under %+v", r.Width, r.Height, l)
	}
	if larger := r.Width > reg.W || r.Height > reg.H; larger && !l.Upscaling {
		t.Fatalf("enlarged %+v to %dx%d", reg, r.Width, r.Height)
	}
	if r.Degrees < 0 || r.Degrees >= 360 {
		t.Fatalf("%v degrees", r.Degrees)
	}
	if w, h := r.Bounds(); w < 1 || h < 1 {
		t.Fatalf("bounds %dx%d", w, h)
	}
}

// checkCanonical asks for the canonical form and expects the same pixels again.
func (im image) checkCanonical(t rapid.TB, r iiifurl.Resolved) {
	t.Helper()
	for _, v := range []iiifurl.Version{iiifurl.V2, iiifurl.V3} {
		canonical := r.Canonical(v, im.source, im.limits)
		again, err := im.resolve(v, canonical)
		if err != nil || again != r {
			t.Fatalf("version %d: %+v is not what %s means: %+v, %v", v, r, canonical, again, err)
		}
	}
}
