package iiifurl

import (
	"strconv"
	"strings"
)

// Size is the size a request wants the region scaled to (Image API, "Size").
// The zero value is max.
type Size struct {
	form    sizeForm
	upscale bool    // the caret of version 3
	width   int     // sizeWidth, sizeExact, sizeBox: positive
	height  int     // sizeHeight, sizeExact, sizeBox: positive
	percent decimal // sizePercent: positive
}

type sizeForm uint8

const (
	sizeMax     sizeForm = iota
	sizeFull             // full: version 2 only
	sizeWidth            // w,
	sizeHeight           // ,h
	sizeExact            // w,h
	sizeBox              // !w,h
	sizePercent          // pct:n
)

func parseSize(v Version, s string) (Size, error) {
	if s == "" {
		return Size{}, badRequest("The size is missing. Write max for the largest there is.")
	}
	form, caret := strings.CutPrefix(s, "^")
	if v == V2 && caret {
		return Size{}, badRequest("The size %s begins with ^, which version 2 of the Image API does not know.", quote(s))
	}
	size, ok := parseSizeForm(form)
	if !ok || (size.form == sizeFull && v != V2) {
		return Size{}, unreadableSize(v, s)
	}
	size.upscale = caret
	if size.empty() {
		return Size{}, badRequest("The size %s is empty. Its numbers must be greater than 0.", quote(s))
	}
	return size, nil
}

func parseSizeForm(s string) (size Size, ok bool) {
	switch s {
	case "max":
		return Size{form: sizeMax}, true
	case "full":
		return Size{form: sizeFull}, true
	}
	if number, percent := strings.CutPrefix(s, "pct:"); percent {
		size.form = sizePercent
		size.percent, ok = parseDecimal(number)
		return size, ok
	}
	s, box := strings.CutPrefix(s, "!")
	width, height, comma := strings.Cut(s, ",")
	if !comma {
		return Size{}, false
	}
	switch {
	case box:
		size.form = sizeBox
	case height == "":
		size.form = sizeWidth
	case width == "":
		size.form = sizeHeight
	default:
		size.form = sizeExact
	}
	ok = size.parseSides(width, height)
	return size, ok
}

func (s *Size) parseSides(width, height string) (ok bool) {
	if s.form != sizeHeight {
		if s.width, ok = parsePixels(width); !ok {
			return false
		}
	}
	if s.form != sizeWidth {
		if s.height, ok = parsePixels(height); !ok {
			return false
		}
	}
	return true
}

// empty finds the zeros that a form may not have.
func (s Size) empty() bool {
	switch s.form {
	case sizeWidth:
		return s.width == 0
	case sizeHeight:
		return s.height == 0
	case sizeExact, sizeBox:
		return s.width == 0 || s.height == 0
	case sizePercent:
		return s.percent == 0
	}
	return false
}

func unreadableSize(v Version, s string) error {
	if v == V2 {
		return badRequest("The size %s cannot be read. Write full, max, w, or ,h or w,h or !w,h in whole pixels, or pct:n.", quote(s))
	}
	if s == "full" {
		return badRequest("The size full belongs to version 2 of the Image API. Write max.")
	}
	return badRequest("The size %s cannot be read. Write max, w, or ,h or w,h or !w,h in whole pixels, or pct:n, with a ^ in front to enlarge.", quote(s))
}

// String is the size as it stands in a URL, its numbers in their shortest spelling.
func (s Size) String() string { return string(s.appendTo(nil)) }

func (s Size) appendTo(b []byte) []byte {
	if s.upscale {
		b = append(b, '^')
	}
	switch s.form {
	case sizeMax:
		return append(b, "max"...)
	case sizeFull:
		return append(b, "full"...)
	case sizePercent:
		return s.percent.appendTo(append(b, "pct:"...))
	case sizeBox:
		b = append(b, '!')
	}
	if s.width > 0 {
		b = strconv.AppendInt(b, int64(s.width), 10)
	}
	b = append(b, ',')
	if s.height > 0 {
		b = strconv.AppendInt(b, int64(s.height), 10)
	}
	return b
}
