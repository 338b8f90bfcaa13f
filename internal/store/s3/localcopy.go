package s3

import (
	"container/list"
	"hash/crc32"
	"os"
	"sync"
)

const (
	blockBytes  = 4 << 10  // what is kept or not; ranges are rounded to it
	chunkBlocks = 16       // blocks whose sums are held together
	chunkBytes  = 64 << 10 // least that a read here and there asks for
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// localCopy is what is kept of one version of one object.
type localCopy struct {
	all    *Copies
	object string // names the version
	size   int64
	path   string

	place *list.Element // among the idle; guarded by all.mu
	users int           // likewise

	mu        sync.Mutex
	file      *os.File
	chunks    map[int64]*chunk
	claims    []*claim // reads under way
	kept      int64    // bytes accounted for
	discarded bool
}

// chunk knows which of its blocks are in the file, and their sums.
type chunk struct {
	there uint16
	taken uint16 // accounted for, whether there or not
	sums  [chunkBlocks]uint32
}

// blockSpan is where block i lies.
func (l *localCopy) blockSpan(i int64) span {
	return span{i * blockBytes, min(blockBytes, l.size-i*blockBytes)}
}

// hasAll tells whether n bytes at off are kept; off is at a chunk's beginning.
func (l *localCopy) hasAll(off, n int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at := off; at < off+n; at += chunkBytes {
		blocks := min((off+n-at+blockBytes-1)/blockBytes, chunkBlocks)
		all := uint16(1<<blocks - 1)
		if c := l.chunks[at/chunkBytes]; c == nil || c.there&all != all {
			return false
		}
	}
	return true
}

// has tells whether all blocks of s, which begins with one, are kept.
func (l *localCopy) has(s span) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at := s.off; at < s.end(); at += blockBytes {
		if _, ok := l.sum(at / blockBytes); !ok {
			return false
		}
	}
	return true
}

// sum returns the sum of block i. Callers hold mu.
func (l *localCopy) sum(i int64) (uint32, bool) {
	c := l.chunks[i/chunkBlocks]
	if c == nil || c.there&(1<<(i%chunkBlocks)) == 0 {
		return 0, false
	}
	return c.sums[i%chunkBlocks], true
}

// read fills b with block i, if it is kept and whole.
func (l *localCopy) read(i int64, b []byte) bool {
	l.mu.Lock()
	want, ok := l.sum(i)
	file := l.file
	l.mu.Unlock()
	if !ok {
		return false
	}
	if n, _ := file.ReadAt(b, i*blockBytes); n == len(b) && crc32.Checksum(b, castagnoli) == want {
		return true
	}
	l.forget(i)
	return false
}

// forget marks a block as not kept; its room stays accounted for.
func (l *localCopy) forget(i int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.chunks[i/chunkBlocks]; c != nil {
		c.there &^= 1 << (i % chunkBlocks)
	}
}

// keep stores bytes that begin at off, at a block's beginning, and end at a block's
// or the object's end. It does without where there is no room.
func (l *localCopy) keep(off int64, b []byte) {
	if !l.all.reserve(int64(len(b))) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	taken, err := l.write(off, b)
	l.kept += taken
	if rest := int64(len(b)) - taken; rest > 0 {
		defer l.all.unreserve(rest)
	}
	if err != nil {
		l.all.failed(err)
	}
}

// write returns how many bytes are kept besides those kept before. Callers hold mu.
func (l *localCopy) write(off int64, b []byte) (taken int64, err error) {
	if l.discarded {
		return 0, nil
	}
	if l.file == nil {
		if l.file, err = os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			l.file = nil
			return 0, err
		}
	}
	if _, err := l.file.WriteAt(b, off); err != nil {
		return 0, err
	}
	for i := off / blockBytes; len(b) > 0; i++ {
		n := min(blockBytes, len(b))
		if l.note(i, crc32.Checksum(b[:n], castagnoli)) {
			taken += int64(n)
		}
		b = b[n:]
	}
	return taken, nil
}

// note enters block i; fresh tells that its room has not been accounted for.
func (l *localCopy) note(i int64, sum uint32) (fresh bool) {
	c := l.chunks[i/chunkBlocks]
	if c == nil {
		c = &chunk{}
		l.chunks[i/chunkBlocks] = c
	}
	bit := uint16(1) << (i % chunkBlocks)
	fresh = c.taken&bit == 0
	c.there |= bit
	c.taken |= bit
	c.sums[i%chunkBlocks] = sum
	return fresh
}

// open opens the file for somebody who reads it alone.
func (l *localCopy) open() (*os.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil { // an empty object
		f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		l.file = f
	}
	return os.Open(l.path)
}

// discard deletes the file and returns how many bytes that frees.
func (l *localCopy) discard() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.discarded = true
	l.chunks = nil
	if l.file != nil {
		_ = l.file.Close()
		if err := os.Remove(l.path); err != nil {
			l.all.log.Error("cannot delete a local copy", "file", l.path, "error", err)
		}
	}
	return l.kept
}
