package s3

import (
	"context"
	"slices"
)

// claim is a read of blocks under way. Tiles side by side need the same packets: whoever
// comes second waits for the first one's read rather than asking the store again. It takes
// no goroutine and no memory of its own, and nobody's read waits for another's, so that
// there are no circles.
type claim struct {
	piece // whose data is not to be touched before done is closed, nor changed after
	done  chan struct{}
	err   error // of the store; set before done is closed
	left  bool  // the reader was not waited for any more: his error says nothing
}

// share is what somebody else reads of a piece.
type share struct {
	piece
	of *claim // nil: it was read a moment ago, and is kept
}

// claim divides pieces into what the caller is to read, at most maxRequest bytes each, and
// what others read.
func (l *localCopy) claim(missing []piece) (own []*claim, shares []share) {
	if len(missing) == 0 {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	others := l.claims
	for _, m := range missing {
		for len(m.data) > 0 {
			s, n := l.claimed(others, m)
			if head := m.part(0, n); s != nil {
				s.piece = head
				shares = append(shares, *s)
			} else {
				for _, part := range head.split(maxRequest) {
					own = append(own, &claim{piece: part, done: make(chan struct{})})
				}
			}
			m = m.part(n, int64(len(m.data)))
		}
	}
	l.claims = append(slices.Clip(others), own...)
	return own, shares
}

// claimed tells whether the first blocks of m are read by others, or kept since it was
// looked at last, and how many bytes of m the answer is for. Callers hold mu.
func (l *localCopy) claimed(others []*claim, m piece) (*share, int64) {
	n := int64(len(m.data))
	for _, c := range others {
		switch end := c.off + int64(len(c.data)); {
		case c.off <= m.off && m.off < end:
			return &share{of: c}, min(n, end-m.off)
		case m.off < c.off && c.off < m.off+n:
			n = c.off - m.off
		}
	}
	for at := int64(0); at < n; at += blockBytes {
		if _, ok := l.sum((m.off + at) / blockBytes); !ok {
			return nil, n
		}
	}
	return &share{}, n
}

// settle ends the claim at off, or all where that is negative, and lets those who wait for
// it go on.
func (l *localCopy) settle(own []*claim, off int64, err error, left bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claims = slices.DeleteFunc(slices.Clone(l.claims), func(c *claim) bool {
		mine := slices.Contains(own, c) && (off < 0 || off == c.off)
		if mine {
			c.err, c.left = err, left
			close(c.done)
		}
		return mine
	})
}

// await waits for what others read and takes it over. What they left is to be read after all.
func await(ctx context.Context, shares []share) (rest []piece, err error) {
	for _, s := range shares {
		if s.of == nil {
			rest = append(rest, s.piece)
			continue
		}
		select {
		case <-s.of.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		switch {
		case s.of.err == nil:
			copy(s.data, s.of.data[s.off-s.of.off:])
		case s.of.left:
			rest = append(rest, s.piece)
		default:
			return nil, s.of.err
		}
	}
	return rest, nil
}

func pieces(claims []*claim) []piece {
	all := make([]piece, len(claims))
	for i, c := range claims {
		all[i] = c.piece
	}
	return all
}

func blocksOf(claims []*claim) (n int64) {
	for _, c := range claims {
		n += (int64(len(c.data)) + blockBytes - 1) / blockBytes
	}
	return n
}
