//go:build cgo

package decode

// #cgo pkg-config: vips
// #include <stdlib.h>
// #include "source.h"
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/layout"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// loaders are libvips' names; the C strings live as long as the process.
var loaders = map[tile.Format]*C.char{
	tile.TIFF: C.CString("tiffload_buffer"),
	tile.JPEG: C.CString("jpegload_buffer"),
	tile.PNG:  C.CString("pngload_buffer"),
	tile.WebP: C.CString("webpload_buffer"),
}

// source is an opened picture of a whole-format file.
type source struct {
	image *C.VipsImage
	facts C.source_facts
}

// choice is which of the pictures in a file to open, and how small.
type choice struct {
	page, subIFD int
	shrink       int
	lenient      bool
}

var asStored = choice{subIFD: -1, shrink: 1}

// openSource reads the header alone; data must stay until Close.
func openSource(data []byte, format tile.Format, c choice) (*source, error) {
	options := C.source_options{
		loader: loaders[format], page: C.int(c.page), subifd: C.int(c.subIFD),
		shrink: C.int(c.shrink), scale: C.double(1 / float64(c.shrink)),
	}
	if c.lenient {
		options.lenient = 1
	}
	s := &source{}
	if C.source_open(&s.image, unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)), options) != 0 {
		return nil, tile.Fail(tile.Broken, "The image file is damaged or of a kind that cannot be read.", vipsError())
	}
	C.source_describe(s.image, &s.facts)
	return s, nil
}

// Close gives the picture back.
func (s *source) Close() { C.g_object_unref(C.gpointer(s.image)) }

func (s *source) width() int  { return int(s.facts.width) }
func (s *source) height() int { return int(s.facts.height) }

// vipsError takes libvips' account of what went wrong.
func vipsError() error {
	defer C.vips_error_clear()
	text := strings.TrimSpace(C.GoString(C.vips_error_buffer()))
	if text == "" {
		text = "no reason given"
	}
	return fmt.Errorf("libvips: %w", errors.New(strings.ReplaceAll(text, "\n", "; ")))
}

// decodeSource draws the wanted region of a file at the nearest resolution above the
// one asked that comes cheap, as stored: o tells how to show it.
func decodeSource(data []byte, req protocol.Request, wide bool) (p *picture, o orientation, err error) {
	stored := asStored
	stored.lenient = req.Lenient
	base, err := openSource(data, req.Format, stored)
	if err != nil {
		return nil, 0, err
	}
	defer base.Close()
	o = orientation(base.facts.orientation)
	region, err := base.region(req.Region, o)
	if err != nil {
		return nil, 0, err
	}
	width, height := o.size(req.Width, req.Height)
	pick := chooseLevel(data, req.Format, scale(region.W, width), scale(region.H, height))
	pick.lenient = req.Lenient
	s := base
	if pick != stored {
		if s, err = openSource(data, req.Format, pick); err != nil {
			return nil, 0, err
		}
		defer s.Close()
	}
	view := s.view(region, base, width, height)
	view.wide = cBool(wide)
	p, err = s.draw(view, req.Budget)
	return p, o, err
}

// region clips what is asked of the shown picture and maps it to the stored one.
func (s *source) region(asked iiifurl.Rect, o orientation) (iiifurl.Rect, error) {
	w, h := o.size(s.width(), s.height())
	asked.W, asked.H = min(asked.W, w-asked.X), min(asked.H, h-asked.Y)
	if asked.W < 1 || asked.H < 1 {
		return iiifurl.Rect{}, errOutside
	}
	return o.stored(asked, s.width(), s.height()), nil
}

// scale is how many whole pixels fall on one of the answer.
func scale(from, to int) int { return max(1, from/to) }

// chooseLevel picks the smallest stored or cheaply decoded form that still has a pixel
// for each of the answer.
func chooseLevel(data []byte, format tile.Format, scaleX, scaleY int) choice {
	c, most := asStored, min(scaleX, scaleY)
	switch format {
	case tile.JPEG, tile.WebP:
		for c.shrink*2 <= min(most, 8) {
			c.shrink *= 2
		}
	case tile.TIFF:
		levels, err := layout.TIFF(data)
		if err != nil {
			return c // libvips has read the header: it knows better
		}
		for _, l := range levels {
			// Levels are rounded down as well as up.
			if levels[0].Width < (l.Width+1)*most && levels[0].Height < (l.Height+1)*most {
				c.page, c.subIFD = l.Page, l.SubIFD
			}
		}
	}
	return c
}

// view maps a region of base to s, the same picture at a lower resolution, and adds a
// box filter for the rest of large reductions: half of it is left to a better one.
func (s *source) view(region iiifurl.Rect, base *source, width, height int) C.source_view {
	left, right := span(region.X, region.W, s.width(), base.width())
	top, bottom := span(region.Y, region.H, s.height(), base.height())
	return C.source_view{
		left: C.int(left), top: C.int(top), width: C.int(right - left), height: C.int(bottom - top),
		shrink_x: C.int(max(1, (right-left)/width/2)), shrink_y: C.int(max(1, (bottom-top)/height/2)),
	}
}

// span scales [at, at+n) of a line of base pixels to one of size pixels, outwards by
// less than half a pixel, at least one.
func span(at, n, size, base int) (from, to int) {
	from = (2*at*size + base) / (2 * base)
	to = (2*(at+n)*size + base) / (2 * base)
	from = min(from, size-1)
	return from, min(max(to, from+1), size)
}

// draw decodes the view into a picture.
func (s *source) draw(v C.source_view, budget int64) (*picture, error) {
	var drawn *C.VipsImage
	if C.source_draw(s.image, &drawn, v) != 0 {
		return nil, tile.Fail(tile.Broken, "The image cannot be drawn.", vipsError())
	}
	defer C.g_object_unref(C.gpointer(drawn))
	drawing, err := drawnShape(drawn)
	if err != nil {
		return nil, err
	}
	p, err := newPicture(drawing, budget)
	if err != nil {
		return nil, err
	}
	if C.source_copy(drawn, (*C.uint8_t)(p.pixels()), C.size_t(p.stride())) != 0 {
		p.free()
		return nil, tile.Fail(tile.Broken, "The image file is damaged.", vipsError())
	}
	return p, nil
}

// sampleBits are those of the band formats that a picture can be made of.
var sampleBits = map[C.VipsBandFormat]int{C.VIPS_FORMAT_UCHAR: 8, C.VIPS_FORMAT_USHORT: 16}

func drawnShape(im *C.VipsImage) (shape, error) {
	s := shape{
		width: int(im.Xsize), height: int(im.Ysize), bands: int(im.Bands), bits: sampleBits[im.BandFmt],
		alpha: C.vips_image_hasalpha(im) != 0, model: modelRGB,
	}
	if s.bits == 0 {
		return shape{}, tile.Fail(tile.Broken, "The image has samples of a kind that cannot be drawn.", fmt.Errorf("band format %d", im.BandFmt))
	}
	switch {
	case im.Type == C.VIPS_INTERPRETATION_CMYK:
		s.model = modelCMYK
	case s.bands < 3:
		s.model = modelGray
	}
	var length C.size_t
	if icc := C.source_icc(im, &length); icc != nil {
		s.icc = usableProfile(unsafe.Slice((*byte)(icc), int(length)), s.model)
	}
	return s, nil
}

func cBool(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

var magics = map[tile.Format][]string{
	tile.TIFF: {"II*\x00", "MM\x00*", "II+\x00", "MM\x00+"},
	tile.JPEG: {"\xff\xd8\xff"},
	tile.PNG:  {"\x89PNG\r\n\x1a\n"},
	tile.WebP: {"RIFF"},
}

// checkMagic refuses files whose first bytes are not of the format they go by.
func checkMagic(data []byte, format tile.Format) error {
	if format.IsJPEG2000() {
		if layout.Boxed(data) || layout.Bare(data) {
			return nil
		}
	}
	for _, magic := range magics[format] {
		if bytes.HasPrefix(data, []byte(magic)) {
			return nil
		}
	}
	return tile.Fail(tile.Broken, "The file is not of the format its name promises.", fmt.Errorf("no %s signature", format))
}
