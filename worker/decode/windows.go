//go:build cgo

package decode

import "github.com/tessera-iiif/tessera/internal/jp2"

// window is what a region needs of one resolution, in its samples.
type window struct {
	need  jp2.Rect    // of the resolution itself
	rows  jp2.Rect    // and of the rows that those depend on, when it is made
	bands [4]jp2.Rect // of LL, HL, LH and HH; at the lowest resolution of LL alone
}

// windowsOf works out what a region, in the component's samples, needs of each resolution.
func windowsOf(c *jp2.CodedComponent, region jp2.Rect) []window {
	windows := make([]window, len(c.Resolutions))
	for r := len(windows) - 1; r > 0; r-- {
		w, reach := &windows[r], reachOf(region, c.Resolutions[r].Area, c.Reversible)
		w.need, w.rows = region, region
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
	windows[0].need, windows[0].bands[0] = region, region
	return windows
}

// reachOf is all samples that a region of a resolution depends on: of 5/3 one to either side
// of an even place, of 9/7 three (F.3). The first and the last are at odd places: those at
// even ones bring them along.
func reachOf(r, all jp2.Rect, reversible bool) jp2.Rect {
	beyond := int64(3)
	if reversible {
		beyond = 1
	}
	return jp2.Rect{
		X0: max(all.X0, r.X0&^1-beyond), Y0: max(all.Y0, r.Y0&^1-beyond),
		X1: min(all.X1, r.X1|1+beyond), Y1: min(all.Y1, r.Y1|1+beyond),
	}
}

// halves gives the low-pass samples of a rectangle, and its high-pass samples.
func halves(r jp2.Rect) (low, high jp2.Rect) {
	return jp2.Rect{X0: (r.X0 + 1) >> 1, Y0: (r.Y0 + 1) >> 1, X1: (r.X1 + 1) >> 1, Y1: (r.Y1 + 1) >> 1},
		jp2.Rect{X0: r.X0 >> 1, Y0: r.Y0 >> 1, X1: r.X1 >> 1, Y1: r.Y1 >> 1}
}
