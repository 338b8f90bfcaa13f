package iiifurl

import (
	"strconv"
	"strings"
)

// Region is the part of the image a request asks for (Image API, "Region").
// The zero value is the whole image.
type Region struct {
	form    regionForm
	pixels  Rect       // regionPixels; W and H are positive
	percent [4]decimal // regionPercent: x, y, w, h; w and h are positive
}

type regionForm uint8

const (
	regionFull regionForm = iota
	regionSquare
	regionPixels
	regionPercent
)

// Rect is a rectangle in pixels of the full-size image, X and Y from its top left.
type Rect struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

func parseRegion(s string) (Region, error) {
	switch s {
	case "":
		return Region{}, badRequest("The region is missing. Write full for the whole image.")
	case "full":
		return Region{form: regionFull}, nil
	case "square":
		return Region{form: regionSquare}, nil
	}
	region, ok := parseNumberedRegion(s)
	switch {
	case !ok:
		return Region{}, badRequest("The region %s cannot be read. Write full, square, x,y,w,h in whole pixels, or pct:x,y,w,h.", quote(s))
	case region.empty():
		return Region{}, badRequest("The region %s is empty. Its width and height must be greater than 0.", quote(s))
	}
	return region, nil
}

func parseNumberedRegion(s string) (Region, bool) {
	if numbers, percent := strings.CutPrefix(s, "pct:"); percent {
		n, ok := parseFour(numbers, parseDecimal)
		return Region{form: regionPercent, percent: n}, ok
	}
	n, ok := parseFour(s, parsePixels)
	return Region{form: regionPixels, pixels: Rect{X: n[0], Y: n[1], W: n[2], H: n[3]}}, ok
}

// empty finds the zero sides that the two numbered forms may not have.
func (r Region) empty() bool {
	if r.form == regionPercent {
		return r.percent[2] == 0 || r.percent[3] == 0
	}
	return r.pixels.W == 0 || r.pixels.H == 0
}

// parseFour reads four numbers with three commas between them.
func parseFour[T int | decimal](s string, parse func(string) (T, bool)) (four [4]T, ok bool) {
	for i := range four {
		number, rest, comma := strings.Cut(s, ",")
		if comma != (i < 3) {
			return four, false
		}
		if four[i], ok = parse(number); !ok {
			return four, false
		}
		s = rest
	}
	return four, true
}

// String is the region as it stands in a URL, its numbers in their shortest spelling.
func (r Region) String() string { return string(r.appendTo(nil)) }

func (r Region) appendTo(b []byte) []byte {
	switch r.form {
	case regionSquare:
		return append(b, "square"...)
	case regionPixels:
		return r.pixels.appendTo(b)
	case regionPercent:
		b = append(b, "pct:"...)
		for i, n := range r.percent {
			if i > 0 {
				b = append(b, ',')
			}
			b = n.appendTo(b)
		}
		return b
	}
	return append(b, "full"...)
}

func (r Rect) appendTo(b []byte) []byte {
	for i, n := range [...]int{r.X, r.Y, r.W, r.H} {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return b
}

// resolve cuts the region at the edges of the image.
func (r Region) resolve(src Source) (Rect, error) {
	switch r.form {
	case regionSquare:
		side := min(src.Width, src.Height)
		return Rect{X: (src.Width - side) / 2, Y: (src.Height - side) / 2, W: side, H: side}, nil
	case regionPixels:
		return r.resolvePixels(src)
	case regionPercent:
		return r.resolvePercent(src)
	}
	return Rect{W: src.Width, H: src.Height}, nil
}

func (r Region) resolvePixels(src Source) (Rect, error) {
	p := r.pixels
	if p.X >= src.Width || p.Y >= src.Height {
		return Rect{}, r.outside(src)
	}
	p.W = min(p.W, src.Width-p.X) // never p.X+p.W, which may overflow
	p.H = min(p.H, src.Height-p.Y)
	return p, nil
}

func (r Region) resolvePercent(src Source) (Rect, error) {
	x, y, w, h := r.percent[0], r.percent[1], r.percent[2], r.percent[3]
	if x >= decimalHundred || y >= decimalHundred {
		return Rect{}, r.outside(src)
	}
	left, right := span(x, w, src.Width)
	top, bottom := span(y, h, src.Height)
	return Rect{X: left, Y: top, W: right - left, H: bottom - top}, nil
}

// span is the pixels from start to start+length percent of size: at least one,
// inside the image. start is below 100.
func span(start, length decimal, size int) (from, to int) {
	end := min(start+length, decimalHundred)
	from = min(start.percentOf(size), size-1)
	return from, max(end.percentOf(size), from+1)
}

func (r Region) outside(src Source) error {
	return badRequest("The region %s lies outside the image, which is %d by %d pixels.", quote(r.String()), src.Width, src.Height)
}
