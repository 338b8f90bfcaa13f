package jp2

// tagTree codes a raster of numbers by the minima of its quads (B.10.2).
type tagTree struct {
	levels []tagLevel // leaves first
}

type tagLevel struct {
	width int
	nodes []tagNode
}

type tagNode struct {
	low   int32 // the value is at least this
	known bool  // it is exactly that
}

func newTagTree(w, h int) tagTree {
	var t tagTree
	for {
		t.levels = append(t.levels, tagLevel{width: w, nodes: make([]tagNode, w*h)})
		if w*h <= 1 {
			return t
		}
		w, h = (w+1)/2, (h+1)/2
	}
}

// below reads as much as it takes to tell whether the value at (x, y) is below limit.
func (t *tagTree) below(b *bitReader, x, y int, limit int32) bool {
	low := int32(0)
	for k := len(t.levels) - 1; k >= 0; k-- {
		level := &t.levels[k]
		node := &level.nodes[(y>>k)*level.width+x>>k]
		node.low = max(node.low, low)
		for !node.known && node.low < limit && b.err == nil {
			if b.bit() == 1 {
				node.known = true
			} else {
				node.low++
			}
		}
		low = node.low
	}
	leaf := &t.levels[0].nodes[y*t.levels[0].width+x]
	return leaf.known && leaf.low < limit
}

// value reads the number at (x, y), given that it is below limit; limit where it is not.
func (t *tagTree) value(b *bitReader, x, y int, limit int32) int32 {
	for n := int32(1); n <= limit; n++ {
		if t.below(b, x, y, n) {
			return n - 1
		}
	}
	return limit
}
