package main

import (
	"cmp"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/worker/packets"
)

const (
	costTile   = 256 // pixels of the tiles that are costed
	costSample = 25  // of them at most for each scale factor
)

// tileCost is what a tile of 256 pixels takes of the file at one scale factor: means over
// a sample that is the same each time.
type tileCost struct {
	ScaleFactor int `json:"scaleFactor"`
	Bytes       int `json:"bytes"`   // read, idle ones between packets included
	Ranges      int `json:"ranges"`  // rounded up
	Packets     int `json:"packets"` // rounded up
	// Percentage of the tiles that have to be decoded from the whole file, and why the first is.
	Whole int            `json:"wholeFilePercent,omitempty"`
	Why   packets.Reason `json:"wholeFileReason,omitempty"`
}

// tileCosts goes on until one tile shows the whole image, or levels end.
func tileCosts(x *jp2.Index, h *jp2.Header, size int64) []tileCost {
	var all []tileCost
	for reduce := 0; reduce <= min(h.Levels, 16); reduce++ {
		all = append(all, costAt(x, h, size, reduce))
		if max(h.Width, h.Height) <= costTile<<reduce {
			break
		}
	}
	return all
}

func costAt(x *jp2.Index, h *jp2.Header, size int64, reduce int) tileCost {
	side := costTile << reduce
	columns, rows := (h.Width+side-1)/side, (h.Height+side-1)/side
	n := min(columns*rows, costSample)
	cost := tileCost{ScaleFactor: 1 << reduce}
	planned := 0
	for i := range n {
		at := (2*i + 1) * columns * rows / (2 * n) // spread evenly
		left, top := int64(at%columns*side), int64(at/columns*side)
		tile := jp2.Rect{X0: left, Y0: top, X1: min(left+int64(side), int64(h.Width)), Y1: min(top+int64(side), int64(h.Height))}
		plan, why := packets.Foresee(x, size, tile, min(reduce, x.LevelsOf(tile)))
		if why != "" {
			cost.Why = cmp.Or(cost.Why, why)
			continue
		}
		planned++
		cost.add(plan)
	}
	cost.Whole = 100 * (n - planned) / n
	if planned > 0 {
		cost.Bytes /= planned
		cost.Ranges, cost.Packets = (cost.Ranges+planned-1)/planned, (cost.Packets+planned-1)/planned
	}
	return cost
}

func (c *tileCost) add(plan *jp2.Plan) {
	n, _ := plan.Packets()
	c.Packets += n
	for _, r := range plan.Ranges(packets.Gap) {
		c.Ranges++
		c.Bytes += int(r.Length)
	}
}
