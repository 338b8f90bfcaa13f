//go:build cgo

package decode

// #include <stdlib.h>
// #include "wavelet.h"
import "C"

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/tessera-iiif/tessera/internal/jp2"
)

// window is the samples needed of one resolution and of the sub-bands it is made of.
type window struct {
	need  jp2.Rect // of the resolution
	rows  jp2.Rect // the same with the margin above and below
	bands [4]jp2.Rect
	plane plane    // holds rows
	parts [4]plane // the sub-bands; of LL only at the lowest resolution
}

// plane is memory for samples of 32 bits, outside of Go's.
type plane struct{ c C.wavelet_plane }

func newPlane(r jp2.Rect) (plane, error) {
	w, h := max(0, r.X1-r.X0), max(0, r.Y1-r.Y0)
	p := plane{C.wavelet_plane{x0: C.int32_t(r.X0), y0: C.int32_t(r.Y0), x1: C.int32_t(r.X1), y1: C.int32_t(r.Y1), stride: C.size_t(w)}}
	if p.c.samples = C.calloc(C.size_t(max(1, w*h)), 4); p.c.samples == nil {
		return p, errMemory
	}
	return p, nil
}

func (p *plane) free() {
	C.free(p.c.samples)
	p.c.samples = nil
}

// crop narrows the plane to a part of it.
func (p *plane) crop(r jp2.Rect) C.wavelet_plane {
	part := p.c
	skip := (C.size_t(r.Y0)-C.size_t(p.c.y0))*p.c.stride + C.size_t(r.X0) - C.size_t(p.c.x0)
	part.samples = unsafe.Add(p.c.samples, 4*skip)
	part.x0, part.y0, part.x1, part.y1 = C.int32_t(r.X0), C.int32_t(r.Y0), C.int32_t(r.X1), C.int32_t(r.Y1)
	return part
}

// tileComponent is one component of a tile on its way from code-blocks to samples.
type tileComponent struct {
	*jp2.CodedComponent
	windows []window // by resolution
}

// windowsOf works out what a region, in the component's samples, needs of each resolution.
func windowsOf(c *jp2.CodedComponent, region jp2.Rect) *tileComponent {
	t := &tileComponent{c, make([]window, len(c.Resolutions))}
	for r := len(t.windows) - 1; r >= 0; r-- {
		w := &t.windows[r]
		w.need, w.rows = region, region
		if r == 0 {
			w.bands[0] = region
			break
		}
		reach := margin(region, c.Resolutions[r].Area, c.Reversible)
		w.rows.Y0, w.rows.Y1 = reach.Y0, reach.Y1
		low, high := halves(reach)
		w.bands = [4]jp2.Rect{
			low,
			{X0: high.X0, Y0: low.Y0, X1: high.X1, Y1: low.Y1},
			{X0: low.X0, Y0: high.Y0, X1: low.X1, Y1: high.Y1},
			high,
		}
		region = low
	}
	return t
}

func margin(r, all jp2.Rect, reversible bool) jp2.Rect {
	x0, y0, x1, y1 := C.int32_t(r.X0), C.int32_t(r.Y0), C.int32_t(r.X1), C.int32_t(r.Y1)
	C.wavelet_margin(&x0, &x1, C.int32_t(all.X0), C.int32_t(all.X1), truth(reversible))
	C.wavelet_margin(&y0, &y1, C.int32_t(all.Y0), C.int32_t(all.Y1), truth(reversible))
	return jp2.Rect{X0: int64(x0), Y0: int64(y0), X1: int64(x1), Y1: int64(y1)}
}

// halves gives the low-pass samples of a rectangle, and its high-pass samples.
func halves(r jp2.Rect) (low, high jp2.Rect) {
	return jp2.Rect{X0: (r.X0 + 1) >> 1, Y0: (r.Y0 + 1) >> 1, X1: (r.X1 + 1) >> 1, Y1: (r.Y1 + 1) >> 1},
		jp2.Rect{X0: r.X0 >> 1, Y0: r.Y0 >> 1, X1: r.X1 >> 1, Y1: r.Y1 >> 1}
}

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// blocks makes the planes of the sub-bands and names the code-blocks that go there. top says
// whether those of the highest resolution will last as well.
func (t *tileComponent) blocks(all []codedBlock, top bool) ([]codedBlock, error) {
	for r := range t.windows {
		w := &t.windows[r]
		for i := range t.Resolutions[r].Bands {
			band, n := &t.Resolutions[r].Bands[i], i
			if r > 0 {
				n++ // HL is the first of three
			}
			var err error
			if w.parts[n], err = newPlane(w.bands[n]); err != nil {
				return all, err
			}
			for j := range band.Blocks {
				b := &band.Blocks[j]
				if !b.Area.Meets(w.bands[n]) {
					continue
				}
				all = append(all, codedBlock{
					CodedBlock: b, band: n, style: t.Blocks, reversible: t.Reversible, step: band.Step,
					plane: w.parts[n].c, lasting: top || r < len(t.windows)-1,
				})
			}
		}
	}
	return all, nil
}

// synthesise makes the samples of the highest resolution.
func (t *tileComponent) synthesise() (C.wavelet_plane, error) {
	low := t.windows[0].parts[0].c
	for r := 1; r < len(t.windows); r++ {
		w := &t.windows[r]
		var err error
		if w.plane, err = newPlane(w.rows); err != nil {
			return low, err
		}
		a := t.Resolutions[r].Area
		all := C.wavelet_area{C.int32_t(a.X0), C.int32_t(a.Y0), C.int32_t(a.X1), C.int32_t(a.Y1)}
		bands := [4]C.wavelet_plane{low, w.parts[1].c, w.parts[2].c, w.parts[3].c}
		if C.wavelet_up(&bands[0], &w.plane.c, &all, truth(t.Reversible)) != 0 {
			return low, errMemory
		}
		t.windows[r-1].free()
		w.freeParts()
		low = w.plane.crop(w.need)
	}
	return low, nil
}

func (w *window) free() {
	w.plane.free()
	w.freeParts()
}

func (w *window) freeParts() {
	for i := range w.parts {
		w.parts[i].free()
	}
}

func (t *tileComponent) free() {
	for i := range t.windows {
		t.windows[i].free()
	}
}

// decodeAll decodes blocks on so many threads.
func decodeAll(blocks []codedBlock, kept *coefficients, threads int) error {
	var next atomic.Int64
	work := func() error {
		d, err := newBlockDecoder()
		if err != nil {
			return err
		}
		defer d.close()
		for {
			i := int(next.Add(1)) - 1
			if i >= len(blocks) {
				return nil
			}
			if err := d.decode(&blocks[i], kept); err != nil {
				return err
			}
		}
	}
	if threads <= 1 {
		return work()
	}
	errs, all := make([]error, threads), sync.WaitGroup{}
	for i := range threads {
		all.Go(func() { errs[i] = work() })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
