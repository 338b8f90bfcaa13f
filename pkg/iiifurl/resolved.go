package iiifurl

import (
	"math"
	"strconv"
)

// Resolved is a request in pixels: what to cut out, how to scale, turn, colour
// and write it. It no longer depends on a version of the API.
type Resolved struct {
	Region  Rect    `json:"region"`  // inside the image, never empty
	Width   int     `json:"width"`   // after scaling, before rotation
	Height  int     `json:"height"`  // likewise
	Mirror  bool    `json:"mirror"`  // left to right, before rotation
	Degrees float64 `json:"degrees"` // clockwise, from 0 up to, not including, 360
	Quality Quality `json:"quality"` // Default wherever another name would give the same pixels
	Format  string  `json:"format"`  // as asked: "jpg"
}

// Canonical is the one spelling of the parameters that all requests with this
// outcome share, in the form of the given version (Image API, "Canonical URI
// Syntax"): "full/max/0/default.jpg". src and lim are those it was resolved with.
func (r Resolved) Canonical(v Version, src Source, lim Limits) string {
	b := make([]byte, 0, 96)
	if whole := (Rect{W: src.Width, H: src.Height}); r.Region == whole {
		b = append(b, "full"...)
	} else {
		b = r.Region.appendTo(b)
	}
	b = append(b, '/')
	if v == V2 {
		b = r.appendSize2(b)
	} else {
		b = r.appendSize3(b, lim)
	}
	b = append(b, '/')
	return string(r.appendRest(b, src.quality(r.Quality)))
}

// appendSize2 prefers the width alone, which 2.1 wants where the aspect ratio is kept.
func (r Resolved) appendSize2(b []byte) []byte {
	if r.Width == r.Region.W && r.Height == r.Region.H {
		return append(b, "full"...)
	}
	b = append(strconv.AppendInt(b, int64(r.Width), 10), ',')
	if max(along(r.Width, r.Region.H, r.Region.W), 1) == r.Height {
		return b
	}
	return strconv.AppendInt(b, int64(r.Height), 10)
}

func (r Resolved) appendSize3(b []byte, lim Limits) []byte {
	if w, h := lim.Largest(r.Region.W, r.Region.H); r.Width == w && r.Height == h {
		return append(b, "max"...)
	}
	if r.Width > r.Region.W || r.Height > r.Region.H {
		b = append(b, '^')
		if w, h := lim.upscaled(r.Region.W, r.Region.H); r.Width == w && r.Height == h {
			return append(b, "max"...)
		}
	}
	return r.appendSides(b)
}

func (r Resolved) appendSides(b []byte) []byte {
	b = append(strconv.AppendInt(b, int64(r.Width), 10), ',')
	return strconv.AppendInt(b, int64(r.Height), 10)
}

// appendRest writes rotation, quality and format.
func (r Resolved) appendRest(b []byte, q Quality) []byte {
	if r.Mirror {
		b = append(b, '!')
	}
	b = strconv.AppendFloat(b, r.Degrees, 'f', -1, 64)
	b = append(append(b, '/'), q...)
	return append(append(b, '.'), r.Format...)
}

// Key names the outcome: equal for equal values, different for different ones,
// whichever version asked. It has the form "x,y,w,h/w,h/!degrees/quality.format".
func (r Resolved) Key() string {
	b := append(r.Region.appendTo(make([]byte, 0, 96)), '/')
	b = append(r.appendSides(b), '/')
	return string(r.appendRest(b, r.Quality))
}

// Bounds is the size of the answer in pixels: that of the smallest upright
// rectangle around the scaled region after rotation.
func (r Resolved) Bounds() (w, h int) {
	switch r.Degrees {
	case 0, 180:
		return r.Width, r.Height
	case 90, 270:
		return r.Height, r.Width
	}
	sin, cos := math.Sincos(r.Degrees * math.Pi / 180)
	sin, cos = math.Abs(sin), math.Abs(cos)
	width, height := float64(r.Width), float64(r.Height)
	return atLeastOne(width*cos + height*sin), atLeastOne(height*cos + width*sin)
}

func atLeastOne(x float64) int { return max(int(math.Round(x)), 1) }
