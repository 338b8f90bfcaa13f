//go:build cgo

package decode

// #cgo pkg-config: libopenjp2
// #cgo CFLAGS: -O2 -Wall -fno-strict-aliasing
// #cgo LDFLAGS: -lm
// #include <stdlib.h>
// #include "jp2.h"
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker/decoder/layout"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// blockPixels bounds what OpenJPEG decodes at once: it holds about twelve bytes per
// sample while it works, which must not be multiplied by a whole scan.
const blockPixels = 4 << 20

// maxComponents is what the engine knows how to draw: CMYK and opacity.
const maxComponents = 5

// codestream is one JPEG 2000 image being decoded at one resolution.
type codestream struct {
	reader  *C.jp2_reader
	header  C.jp2_header
	data    []byte
	boxed   bool
	reduce  int
	used    bool       // the codec has decoded an area
	lenient bool       // of a damaged file, whatever can be decoded will do
	threads int        // 0 for one
	taken   *jp2.Coded // where code-blocks are decoded one by one
	counted protocol.Blocks
	several bool // tiles are made together, for somebody who looks around

	blockPixels int // the bound on one block
}

// openCodestream reads the main header; data must stay until Close.
func openCodestream(data []byte, req protocol.Request) (*codestream, error) {
	c := &codestream{data: data, boxed: layout.Boxed(data), lenient: req.Lenient, threads: req.Threads, blockPixels: blockPixels}
	if err := c.open(); err != nil {
		return nil, err
	}
	c.reduce = c.clampReduce(req.Reduce)
	if err := c.setReduce(); err != nil {
		c.Close()
		return nil, err
	}
	c.take(req)
	return c, nil
}

func (c *codestream) open() error {
	c.reader = (*C.jp2_reader)(C.calloc(1, C.sizeof_jp2_reader))
	data := unsafe.Pointer(unsafe.SliceData(c.data))
	if C.jp2_open(c.reader, data, C.size_t(len(c.data)), truth(c.boxed), truth(!c.lenient), C.int(c.threads), &c.header) != 0 {
		err := c.broken("header")
		c.Close()
		return err
	}
	if c.header.components > maxComponents {
		c.Close()
		return tile.Fail(tile.Unsupported, fmt.Sprintf("The image has %d components; at most %d can be drawn.", c.header.components, maxComponents), nil)
	}
	return nil
}

// Close gives everything but the caller's data back.
func (c *codestream) Close() {
	if c.reader != nil {
		C.jp2_close(c.reader)
		C.free(unsafe.Pointer(c.reader))
		c.reader = nil
	}
}

func (c *codestream) broken(doing string) error {
	why := C.GoString(&c.reader.error[0])
	if why == "" {
		why = "no reason given"
	}
	return tile.Fail(tile.Broken, "The image file is damaged.", fmt.Errorf("openjpeg %s: %w", doing, errors.New(why)))
}

// clampReduce finds the largest number of levels, up to the one asked, that every
// component has and that leaves at least one pixel. Between two indices of a palette
// there is no third: those files have one resolution.
func (c *codestream) clampReduce(reduce int) int {
	if layout.Indexed(c.data) {
		return 0
	}
	reduce = min(reduce, int(c.header.levels))
	for reduce > 0 && c.image().reduced(reduce).empty() {
		reduce--
	}
	return reduce
}

func (c *codestream) setReduce() error {
	if c.reduce > 0 && C.jp2_reduce(c.reader, C.uint32_t(c.reduce)) != 0 {
		return c.broken("resolution")
	}
	return nil
}

// window is the wanted part of the image on the reference grid.
func (c *codestream) window(req protocol.Request) (area, error) {
	whole := c.image()
	x, y := whole.x0+req.Region.X, whole.y0+req.Region.Y
	a := area{x, y, x + req.Region.W, y + req.Region.H}.intersect(whole)
	if a.empty() {
		return area{}, errOutside
	}
	return a.widened(whole, c.reduce), nil
}

// decode answers the region at the reduced resolution, or a higher one where tiles have fewer
// levels than the main header says. wide keeps more than 8 bits.
func (c *codestream) decode(req protocol.Request, wide bool) (*picture, error) {
	p, err := c.decodeReduced(req, wide)
	for err != nil && c.tooReduced() {
		c.reduce--
		if err = c.reopen(); err == nil {
			p, err = c.decodeReduced(req, wide)
		}
	}
	return p, err
}

// tooReduced tells whether OpenJPEG met a tile that does not have the levels to be dropped:
// it says so when it comes to the tile's header, however few of the tiles are wanted.
func (c *codestream) tooReduced() bool {
	return c.reduce > 0 && c.reader != nil && strings.Contains(C.GoString(&c.reader.error[0]), "Error decoding component")
}

func (c *codestream) decodeReduced(req protocol.Request, wide bool) (*picture, error) {
	whole, err := c.window(req)
	if err != nil {
		return nil, err
	}
	if err := c.checkTileParts(whole); err != nil && !c.lenient {
		return nil, err
	}
	reduced := whole.reduced(c.reduce)
	if c.leastBytes(reduced, wide) > req.Budget {
		return nil, errTooLarge
	}
	var p *picture
	for _, block := range c.blocks(whole) {
		if p, err = c.decodeBlock(p, block, reduced, wide, req.Budget); err != nil {
			p.free()
			return nil, err
		}
	}
	return p, nil
}

// leastBytes is what the pixels take, if no palette makes more of them.
func (c *codestream) leastBytes(a area, wide bool) int64 {
	n := int64(a.width()) * int64(a.height()) * int64(c.header.components)
	if wide && c.header.depth > 8 {
		n *= 2
	}
	return n
}

// sampleBytes is about what OpenJPEG holds while it decodes an area.
func (c *codestream) sampleBytes(a area) int64 {
	const perSample = 12
	a = a.reduced(c.reduce)
	return int64(a.width()) * int64(a.height()) * int64(c.header.components) * perSample
}

// decodeBlock decodes one block into p, which the first block brings into being:
// OpenJPEG tells colours and profile only with the first pixels.
func (c *codestream) decodeBlock(p *picture, block, reduced area, wide bool, budget int64) (*picture, error) {
	decoded := c.decodable(block)
	if c.header.high_throughput != 0 && c.sampleBytes(decoded) > budget {
		return p, errTooLarge
	}
	if err := c.decodeArea(decoded); err != nil {
		return p, err
	}
	var colour C.jp2_colour
	if C.jp2_describe(c.reader, &colour) != 0 {
		return p, c.broken("colours")
	}
	if p == nil {
		var err error
		if p, err = newPicture(c.shape(&colour, reduced, wide), budget); err != nil {
			return nil, err
		}
	}
	b := block.reduced(c.reduce)
	if b.empty() {
		return p, nil
	}
	target := C.jp2_target{
		pixels: (*C.uint8_t)(p.pixels()), stride: C.size_t(p.stride()), sample_bytes: C.int(p.bits / 8),
	}
	if int(colour.bands) != p.bands || C.jp2_store(c.reader, &colour, target,
		C.uint32_t(b.x0), C.uint32_t(b.y0), C.uint32_t(b.x0-reduced.x0), C.uint32_t(b.y0-reduced.y0),
		C.uint32_t(b.width()), C.uint32_t(b.height()), C.uint32_t(c.reduce)) != 0 {
		return p, c.broken("components")
	}
	return p, nil
}

func (c *codestream) decodeArea(a area) error {
	if c.taken != nil {
		return c.decodeTaken(a)
	}
	if c.used && !c.reusable() {
		if err := c.reopen(); err != nil {
			return err
		}
	}
	c.used = true
	if C.jp2_decode(c.reader, C.uint32_t(a.x0), C.uint32_t(a.y0), C.uint32_t(a.x1), C.uint32_t(a.y1)) != 0 {
		return c.broken("decode")
	}
	return nil
}

func (c *codestream) reopen() error {
	c.Close()
	if err := c.open(); err != nil {
		return err
	}
	return c.setReduce()
}

// reusable tells whether OpenJPEG decodes another area on the same codec. It documents
// that for a single tile alone; and palettes and channel definitions rearrange its
// image, which it then mistakes for the one it described first.
func (c *codestream) reusable() bool {
	return c.header.tiles == 1 && !c.boxed
}

func (c *codestream) shape(colour *C.jp2_colour, reduced area, wide bool) shape {
	s := shape{
		width: reduced.width(), height: reduced.height(),
		bands: int(colour.bands), bits: 8, alpha: colour.alpha != 0,
	}
	switch colour.model {
	case C.JP2_GRAY:
		s.model = modelGray
	case C.JP2_CMYK:
		s.model = modelCMYK
	case C.JP2_LAB:
		s.model, s.bits = modelLab, 16
	default:
		s.model = modelRGB
	}
	if wide && c.header.depth > 8 {
		s.bits = 16
	}
	if colour.icc != nil {
		s.icc = usableProfile(unsafe.Slice((*byte)(colour.icc), int(colour.icc_length)), s.model)
	}
	return s
}

// checkTileParts refuses files cut short: OpenJPEG, even in strict mode, draws tiles
// that never arrive as black or gray.
func (c *codestream) checkTileParts(a area) error {
	h := c.header
	grid := layout.Grid{
		X: int(h.tx0), Y: int(h.ty0), W: int(h.tdx), H: int(h.tdy),
		Columns: ceilDiv(int(h.x1-h.tx0), int(h.tdx)),
	}
	if err := layout.Complete(c.data, grid.Tiles(a.x0, a.y0, a.x1, a.y1)); err != nil {
		return tile.Fail(tile.Broken, "The image file is cut short or damaged.", err)
	}
	return nil
}
