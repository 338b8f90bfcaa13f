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

// read reads as much as it takes to tell whether the value is below limit.
func (n *tagNode) read(b *bitReader, limit int32) {
	for !n.known && n.low < limit && b.err == nil {
		if b.bit() == 1 {
			n.known = true
		} else {
			n.low++
		}
	}
}

func newTagTree(w, h int) tagTree {
	depth, all := 1, w*h
	for a, b := w, h; a*b > 1; depth++ {
		a, b = (a+1)/2, (b+1)/2
		all += a * b
	}
	t, nodes := tagTree{make([]tagLevel, depth)}, make([]tagNode, all)
	for k := range t.levels {
		n := w * h
		t.levels[k] = tagLevel{width: w, nodes: nodes[:n:n]}
		nodes, w, h = nodes[n:], (w+1)/2, (h+1)/2
	}
	return t
}

func (t *tagTree) root() *tagNode { return &t.levels[len(t.levels)-1].nodes[0] }

// below reads as much as it takes to tell whether the value at (x, y) is below limit.
func (t *tagTree) below(b *bitReader, x, y int, limit int32) bool {
	return t.barred(b, x, y, limit) < 0
}

// barred is the same, and gives the level at which values were found to be limit or more:
// they are so all over the node there, 2^level leaves wide and high. It is negative where
// the value is below limit.
func (t *tagTree) barred(b *bitReader, x, y int, limit int32) (level int) {
	low := int32(0)
	for k := len(t.levels) - 1; k >= 0; k-- {
		level := &t.levels[k]
		node := &level.nodes[(y>>k)*level.width+x>>k]
		node.low = max(node.low, low)
		if node.read(b, limit); node.low >= limit || b.err != nil {
			return k
		}
		low = node.low
	}
	return -1
}

// value reads the number at (x, y), given that it is below limit; limit where it is not.
func (t *tagTree) value(b *bitReader, x, y int, limit int32) int32 {
	if !t.below(b, x, y, limit) {
		return limit
	}
	return t.levels[0].nodes[y*t.levels[0].width+x].low
}
