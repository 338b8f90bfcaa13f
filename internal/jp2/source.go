package jp2

import (
	"errors"
	"fmt"
	"io"
)

// window is how much one read asks for: a header and the packet lengths after it
// usually fit the first one, and a round trip to an object store costs far more
// than the bytes.
const window = 64 << 10

const (
	// Glance is how much is read after a leap: tile-part headers far apart are short.
	Glance = 8 << 10
	// widest is what reading on and on from the same place grows to.
	widest = 1 << 20
)

// source reads a file mostly front to back in few reads, at most budget bytes in all.
type source struct {
	r      io.ReaderAt
	size   int64
	budget int64 // bytes that may still be read
	at     int64 // offset of held
	held   []byte
	ready  []Range // what r has at hand: taken as it is, and nothing around it
}

func newSource(r io.ReaderAt, size, budget int64) *source {
	return &source{r: r, size: size, budget: budget}
}

// bytes returns n bytes at off. The slice stays valid: windows are never reused.
func (s *source) bytes(p place, off int64, n int) ([]byte, error) {
	if off < 0 || n < 0 || off > s.size-int64(n) {
		return nil, p.fail("ends after byte %d of the file", s.size)
	}
	if off < s.at || off+int64(n) > s.at+int64(len(s.held)) {
		if err := s.load(p, off, max(n, s.reach(off))); err != nil {
			return nil, err
		}
	}
	i := int(off - s.at)
	return s.held[i : i+n : i+n], nil
}

// reach is how much to read at off: ever more where reading goes on from what is held.
func (s *source) reach(off int64) int {
	for _, r := range s.ready {
		if off >= r.Offset && off < r.Offset+r.Length {
			return int(r.Offset + r.Length - off)
		}
	}
	end := s.at + int64(len(s.held))
	switch {
	case off < s.at || off > end+Glance:
		return Glance
	case len(s.held) < window:
		return window
	}
	return min(2*len(s.held), widest)
}

// some returns at least one byte at off, and no more than up to end. It reads only
// where off is not at hand.
func (s *source) some(p place, off, end int64) ([]byte, error) {
	if _, err := s.bytes(p, off, 1); err != nil {
		return nil, err
	}
	i := off - s.at
	return s.held[i:min(int64(len(s.held)), i+end-off)], nil
}

// cursor reads n bytes at off for parsing.
func (s *source) cursor(p place, off int64, n int) (*cursor, error) {
	b, err := s.bytes(p, off, n)
	return &cursor{place: p, b: b}, err
}

func (s *source) load(p place, off int64, n int) error {
	n = int(min(int64(n), s.size-off))
	if int64(n) > s.budget {
		return p.fail("headers are longer than the bytes allowed for them")
	}
	s.budget -= int64(n)
	held := make([]byte, n)
	if got, err := s.r.ReadAt(held, off); got < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // shorter than the size we were told: replaced meanwhile
		}
		return fmt.Errorf("read %d bytes at %d: %w", n, off, err)
	}
	s.at, s.held = off, held
	return nil
}
