//go:build cgo

package decode

// #include <stdlib.h>
// #include "jp2.h"
// #include "wavelet.h"
import "C"

import (
	"slices"
	"unsafe"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// mostTaken is how many tiles an image may have to be taken apart: each takes some time and
// memory besides its code-blocks. Tests raise it.
var mostTaken C.uint32_t = 1024

// kept is what this process remembers of code-blocks.
var kept = newCoefficients(coefficientBytes)

// take takes a codestream apart that was made for this request, so that code-blocks decoded
// before need not be decoded again. It leaves what it cannot take, and what may be damaged,
// to OpenJPEG.
func (c *codestream) take(req protocol.Request) {
	if req.Stream == 0 || c.reduce > 0 || c.lenient || c.header.high_throughput != 0 || c.header.tiles > mostTaken {
		return
	}
	taken, err := jp2.Take(c.data, jp2.DefaultBudget())
	if err != nil || !alike(taken) {
		return
	}
	painter, ok := openPainter(taken.Hollow(), c.boxed, len(taken.Size.Components))
	if !ok {
		return
	}
	C.jp2_close(c.reader)
	C.free(unsafe.Pointer(c.reader))
	c.reader, c.taken, c.several = painter, taken, len(req.Cuts) > 0
}

// alike tells whether the components that are transformed together are made the same way:
// of others OpenJPEG makes nothing.
func alike(t *jp2.Coded) bool {
	for i := range t.Tiles {
		if !t.Tiles[i].MCT {
			continue
		}
		c, s := t.Tiles[i].Components, t.Size.Components
		for i := 1; i < 3; i++ {
			if c[i].Reversible != c[0].Reversible || c[i].Levels != c[0].Levels || s[i].DX != s[0].DX || s[i].DY != s[0].DY {
				return false
			}
		}
	}
	return true
}

// openPainter has OpenJPEG decode an image without pixels: all that is said around them,
// channels and colours and profiles, it then says as of any other.
func openPainter(hollow []byte, boxed bool, components int) (*C.jp2_reader, bool) {
	defer pin(hollow)()
	r := (*C.jp2_reader)(C.calloc(1, C.sizeof_jp2_reader))
	if r == nil {
		return nil, false
	}
	var h C.jp2_header
	if C.jp2_open(r, unsafe.Pointer(unsafe.SliceData(hollow)), C.size_t(len(hollow)), truth(boxed), 0, 1, &h) != 0 ||
		int(h.components) != components || C.jp2_decode(r, h.x0, h.y0, h.x1, h.y1) != 0 || int(r.image.numcomps) != components {
		C.jp2_close(r)
		C.free(unsafe.Pointer(r))
		return nil, false
	}
	r.data, r.size, r.pos = nil, 0, 0 // nothing is read any more, and hollow need not stay
	return r, true
}

// decodeTaken decodes an area of what was taken apart, as OpenJPEG's image.
func (c *codestream) decodeTaken(a area) error {
	whole := jp2.Rect{X0: int64(a.x0), Y0: int64(a.y0), X1: int64(a.x1), Y1: int64(a.y1)}
	for i, s := range c.taken.Size.Components {
		r := whole.Over(s.DX, s.DY)
		if C.jp2_resize(c.reader, C.uint32_t(i), C.uint32_t(r.X0), C.uint32_t(r.Y0), C.uint32_t(r.X1-r.X0), C.uint32_t(r.Y1-r.Y0)) != 0 {
			return errMemory
		}
	}
	var tiles []*codedTile
	defer func() {
		for _, t := range tiles {
			t.free()
		}
	}()
	var blocks []codedBlock
	for i := range c.taken.Tiles {
		from := &c.taken.Tiles[i]
		if !from.Area.Meets(whole) {
			continue
		}
		t, err := openTile(from, from.Area.Intersect(whole), &c.taken.Size)
		if err != nil {
			return err
		}
		tiles = append(tiles, t)
		blocks = t.blocks(slices.Grow(blocks, len(from.Blocks)), c.several)
	}
	count, err := decodeBlocks(blocks, kept, c.threads)
	if err != nil {
		return err
	}
	c.counted.Decoded, c.counted.Kept = c.counted.Decoded+count.Decoded, c.counted.Kept+count.Kept
	for _, t := range tiles {
		if err := c.finishTile(t); err != nil {
			return err
		}
	}
	return nil
}

// finishTile makes samples of a tile's coefficients.
func (c *codestream) finishTile(t *codedTile) error {
	planes := make([]C.wavelet_plane, len(t.components))
	for i := range t.components {
		var err error
		if planes[i], err = t.components[i].synthesise(); err != nil {
			return err
		}
	}
	if t.MCT {
		C.wavelet_colour(&planes[0], truth(t.components[0].Reversible))
	}
	for i := range planes {
		s := c.taken.Size.Components[i]
		C.wavelet_level(&planes[i], C.int(s.Bits), truth(s.Signed), truth(t.components[i].Reversible))
		C.jp2_fill(c.reader, C.uint32_t(i), &planes[i])
	}
	return nil
}
