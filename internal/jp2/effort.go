package jp2

import "sync/atomic"

// What following packet headers may take, whatever they say: a few bytes can name millions
// of code-blocks, layer by layer. Sound files stay far below: visits follow the bits read,
// and blocks made the bytes that some of them have.
const (
	firstVisits  = 1 << 16
	visitsPerBit = 32
	firstBlocks  = 1 << 19
	blocksPerBit = 8
)

// effort is what may still be done to follow the packet headers of one file. It is safe for
// concurrent use.
type effort struct{ visits, blocks atomic.Int64 }

func newEffort(size int64) *effort {
	w := &effort{}
	w.visits.Store(firstVisits + 8*visitsPerBit*size)
	w.blocks.Store(firstBlocks + 8*blocksPerBit*size)
	return w
}

// visit counts one look at a code-block.
func (w *effort) visit(p place) error {
	if w.visits.Add(-1) < 0 {
		return p.fail("packet headers take more to be followed than a file of this size may")
	}
	return nil
}

// make counts code-blocks that memory is taken for.
func (w *effort) make(p place, blocks int) error {
	if w.blocks.Add(-int64(blocks)) < 0 {
		return p.fail("%d code-blocks more in a file of this size", blocks)
	}
	return nil
}
