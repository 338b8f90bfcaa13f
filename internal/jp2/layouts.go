package jp2

import "sync"

// layoutBytes is what the packets laid out of one index may take in memory: a dozen tiles
// that a viewer shows of any large file, or thousands of small ones.
const layoutBytes = 8 << 20

// layouts keeps the tiles laid out last, which costs ten times the memory of their packets'
// lengths and is done anew in no time. The zero value is empty.
type layouts struct {
	mu    sync.Mutex
	kept  map[int]*layout
	order []laidOut // the oldest first
	bytes int64
}

type laidOut struct {
	tile  int
	bytes int64
}

func (k *layouts) find(t int) *layout {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kept[t]
}

// add keeps a tile, which may be larger than all that fits, in place of the oldest.
func (k *layouts) add(t int, l *layout, bytes int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept == nil {
		k.kept = make(map[int]*layout)
	}
	if k.kept[t] != nil {
		return // laid out by another at the same moment
	}
	for len(k.order) > 0 && k.bytes+bytes > layoutBytes {
		delete(k.kept, k.order[0].tile)
		k.bytes -= k.order[0].bytes
		k.order = k.order[1:]
	}
	k.kept[t] = l
	k.order = append(k.order, laidOut{t, bytes})
	k.bytes += bytes
}
