//go:build cgo

package decode

// #include <stdlib.h>
// #include "blocks.h"
import "C"

import (
	"errors"
	"unsafe"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// errMemory says nothing about the file: the whole of it would take more memory yet.
var errMemory = tile.Fail(tile.Internal, "", errors.New("no memory for code-blocks"))

// codedTile is a tile on its way from code-blocks to samples.
type codedTile struct {
	*jp2.CodedTile
	components []codedComponent
	arena      unsafe.Pointer // of all planes
}

type codedComponent struct {
	*jp2.CodedComponent
	windows []window
	low     C.wavelet_plane   // of the lowest resolution
	stages  []C.wavelet_stage // the others
}

// openTile lays out the planes for what lies of a tile in a part of it.
func openTile(tile *jp2.CodedTile, part jp2.Rect, size *jp2.Size) (*codedTile, error) {
	t := &codedTile{CodedTile: tile, components: make([]codedComponent, len(tile.Components))}
	samples := int64(1)
	for i := range t.components {
		c, s := &t.components[i], size.Components[i]
		c.CodedComponent = &tile.Components[i]
		own := part.Over(s.DX, s.DY)
		if own.Empty() { // it has no sample there
			continue
		}
		c.windows = windowsOf(c.CodedComponent, own)
		for r := range c.windows {
			w := &c.windows[r]
			samples += w.rows.Samples()
			for n := min(r, 1); n < len(w.bands); n++ { // LL of others is the resolution below
				samples += w.bands[n].Samples()
			}
		}
	}
	if t.arena = C.calloc(C.size_t(samples), 4); t.arena == nil {
		return nil, errMemory
	}
	next := t.arena
	for i := range t.components {
		next = t.components[i].lay(next)
	}
	return t, nil
}

func (t *codedTile) free() {
	C.free(t.arena)
	t.arena = nil
}

// lay lays out the planes of a component from memory on, and gives what is left.
func (c *codedComponent) lay(memory unsafe.Pointer) unsafe.Pointer {
	if c.windows == nil {
		return memory
	}
	plane := func(r jp2.Rect) C.wavelet_plane {
		p := C.wavelet_plane{
			x0: C.int32_t(r.X0), y0: C.int32_t(r.Y0), x1: C.int32_t(r.X1), y1: C.int32_t(r.Y1),
			stride: C.size_t(max(0, r.X1-r.X0)), samples: memory,
		}
		memory = unsafe.Add(memory, 4*r.Samples())
		return p
	}
	c.low = plane(c.windows[0].bands[0])
	c.stages = make([]C.wavelet_stage, len(c.windows)-1)
	low := c.low
	for i := range c.stages {
		s, w, all := &c.stages[i], &c.windows[i+1], c.Resolutions[i+1].Area
		s.all = C.wavelet_area{x0: C.int32_t(all.X0), y0: C.int32_t(all.Y0), x1: C.int32_t(all.X1), y1: C.int32_t(all.Y1)}
		s.bands[0] = low
		for n := 1; n < len(s.bands); n++ {
			s.bands[n] = plane(w.bands[n])
		}
		s.to = plane(w.rows)
		low = wanted(s.to, w.need)
	}
	return memory
}

// wanted is the part of a plane that lies in r, which has the same columns.
func wanted(p C.wavelet_plane, r jp2.Rect) C.wavelet_plane {
	p.samples = unsafe.Add(p.samples, 4*int64(p.stride)*(r.Y0-int64(p.y0)))
	p.y0, p.y1 = C.int32_t(r.Y0), C.int32_t(r.Y1)
	return p
}

// codedBlock is a code-block, the sub-band it belongs to, and where it goes.
type codedBlock struct {
	*jp2.CodedBlock
	band       int // of LL, HL, LH and HH
	style      jp2.BlockStyle
	reversible bool
	step       float32
	to         C.wavelet_plane
	lasting    bool // others are likely to need it as well
}

// blocks adds the code-blocks that the windows touch. Those of the highest resolution are
// lasting if so told: who makes one tile by itself will hardly meet them again.
func (t *codedTile) blocks(all []codedBlock, top bool) []codedBlock {
	for i := range t.Blocks {
		b := &t.Blocks[i]
		c, r, band := &t.components[b.Component], b.Resolution, b.Band
		if c.windows == nil {
			continue
		}
		to := &c.low
		if r > 0 {
			band++ // HL is the first of three
			to = &c.stages[r-1].bands[band]
		}
		if b.Area.Meets(c.windows[r].bands[band]) {
			all = append(all, codedBlock{
				CodedBlock: b, band: band, style: c.Blocks, reversible: c.Reversible, step: c.Resolutions[r].Steps[b.Band],
				to: *to, lasting: top || r < len(c.windows)-1,
			})
		}
	}
	return all
}

// synthesise makes the samples of the highest resolution.
func (c *codedComponent) synthesise() (C.wavelet_plane, error) {
	n := len(c.stages)
	if n == 0 {
		return c.low, nil
	}
	if C.wavelet_synthesise(&c.stages[0], C.int(n), truth(c.Reversible)) != 0 {
		return c.low, errMemory
	}
	return wanted(c.stages[n-1].to, c.windows[n].need), nil
}

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
