package store

import (
	"sync"
	"time"
)

const (
	blockSize = 4096
	// evictionSample is how many entries are looked at to find one to evict. The
	// least recently used of sixteen at random is among the oldest tenth in four
	// cases of five, and costs no list to keep.
	evictionSample = 16
)

// index knows which results are on disk, how much room they take and when each was
// last used: about 20 bytes of map slot for each.
type index struct {
	limit int64 // bytes on disk

	mu      sync.Mutex
	entries map[digest]indexEntry
	used    int64 // bytes of entries and of reservations
}

type indexEntry struct {
	blocks uint32
	seen   uint32 // seconds since 1970, good until 2106
}

func (e indexEntry) bytes() int64 { return int64(e.blocks) * blockSize }

func newIndex(limit int64) *index {
	return &index{limit: limit, entries: make(map[digest]indexEntry)}
}

// blocks is the room that a file takes on disk.
func blocks(size int64) uint32 { return uint32((size + blockSize - 1) / blockSize) }

func seconds(t time.Time) uint32 { return uint32(t.Unix()) }

// reserve makes room for n blocks and returns whom to delete for it. The caller
// ends with commit or release.
func (x *index) reserve(n uint32) (victims []digest) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.used += indexEntry{blocks: n}.bytes()
	return x.evict()
}

func (x *index) release(n uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.used -= indexEntry{blocks: n}.bytes()
}

// commit turns a reservation into an entry.
func (x *index) commit(d digest, n uint32, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.used -= x.entries[d].bytes()
	x.entries[d] = indexEntry{blocks: n, seen: seconds(now)}
}

// touch notes a use, and learns of files that were there before the process.
func (x *index) touch(d digest, n uint32, seen time.Time) (victims []digest) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, ok := x.entries[d]
	if !ok {
		e.blocks = n
		x.used += e.bytes()
	}
	e.seen = max(e.seen, seconds(seen))
	x.entries[d] = e
	return x.evict()
}

func (x *index) drop(d digest) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.used -= x.entries[d].bytes()
	delete(x.entries, d)
}

// evict takes out entries until the rest fits. Callers hold mu.
func (x *index) evict() (victims []digest) {
	for x.used > x.limit && len(x.entries) > 0 {
		d := x.oldest()
		x.used -= x.entries[d].bytes()
		delete(x.entries, d)
		victims = append(victims, d)
	}
	return victims
}

// oldest samples: ranging over a map starts at random.
func (x *index) oldest() (d digest) {
	seen, n := uint32(0), 0
	for candidate, e := range x.entries {
		if n == 0 || e.seen < seen {
			d, seen = candidate, e.seen
		}
		if n++; n == evictionSample {
			break
		}
	}
	return d
}

func (x *index) size() (entries int, used int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.entries), x.used
}
