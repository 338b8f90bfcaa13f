package jp2

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// vast is a file of one tile with 1448×1448 code-blocks of 4×4 samples, or a quarter as
// high, and no levels.
func vast(height uint32, layers uint16, body []byte, segments ...[]byte) []byte {
	f := forge{
		siz: func(s *forgedSize) { s.Xsiz, s.XTsiz, s.Ysiz, s.YTsiz = 5792, 5792, height, height },
		cod: append(binary.BigEndian.AppendUint16([]byte{0, 0}, layers), 0, 0, 0, 0, 0, 1),
		qcd: []byte{0x40, 0x40},
	}
	stream := f.stream()
	return slices.Concat(stream[:len(stream)-len(emptyTilePart)], partOf(0, 0, body, segments...), eoc)
}

// visits is what following the packets of a file takes.
func visits(t *testing.T, data []byte) (visits int64, err error) {
	t.Helper()
	h, size := mustParse(t, data), int64(len(data))
	walk := newPartWalker(newSource(bytes.NewReader(data), size, 1<<30), &h.Codestream, DefaultBudget(), newEffort(size))
	if err = walk.follow(); err != nil {
		t.Fatal(err)
	}
	x, err := NewIndex(h)
	if err != nil {
		t.Fatal(err)
	}
	before := walk.effort.visits.Load()
	_, err = x.index(walk, &walk.tiles[0], 0)
	return before - walk.effort.visits.Load(), err
}

// TestVisitsFollowBits: packets that say with a bit that none of two million blocks has
// data are followed without a look at any, however many layers there are.
func TestVisitsFollowBits(t *testing.T) {
	for name, layers := range map[string]int{"a few layers": 20, "as many as there can be": 65535} {
		n, err := visits(t, vast(5792, uint16(layers), bytes.Repeat([]byte{0x80}, layers)))
		if err != nil || n != 0 {
			t.Errorf("%s: %d blocks visited: %v", name, n, err)
		}
	}
	// One block in a corner of many is found, and in each layer told of by a bit for each
	// node around it.
	first := []byte{0b1111_1111, 0b0111_1111, 0b1111_1110, 0b0001_1110, 0} // each node of 10 or 11 levels, its planes, a pass
	if n, _ := visits(t, vast(2896, 1, first)); n > 1000 {
		t.Errorf("%d blocks visited for one", n)
	}
}

// TestEffortBounded: what a few bytes can ask for is bounded by their number.
func TestEffortBounded(t *testing.T) {
	data := vast(5792, 2, []byte{0xC0, 0xC0})
	if _, err := visits(t, data); err == nil || !strings.Contains(err.Error(), "2096704 code-blocks more in a file of this size") {
		t.Errorf("blocks: %v", err)
	}
	w := newEffort(2)
	for range firstVisits + 16*visitsPerBit {
		if err := w.visit(place{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.visit(place{"packet", 7}); err == nil || !strings.Contains(err.Error(), "packet at 7") {
		t.Errorf("visits: %v", err)
	}
}

// TestTinyFilesAreCheap is R3 for files that announce millions of blocks or packets.
func TestTinyFilesAreCheap(t *testing.T) {
	for name, data := range map[string][]byte{
		"blocks":  vast(5792, 20, bytes.Repeat([]byte{0xC0}, 20)),
		"packets": vast(5792, 65535, bytes.Repeat([]byte{0x80}, 20)),
		"a block": vast(1448, 2000, append([]byte{0xFF, 0xFF}, bytes.Repeat([]byte{0x80}, 500)...)),
	} {
		fastest := time.Hour
		for range 5 { // the machine may be busy: the fastest run counts
			start := time.Now()
			_, _ = visits(t, data)
			fastest = min(fastest, time.Since(start))
		}
		if fastest > 10*time.Millisecond {
			t.Errorf("%s: %v", name, fastest)
		}
	}
}

// TestWalkStops: whoever indexes can stop that although nothing is read any more.
func TestWalkStops(t *testing.T) {
	data := vast(5792, 65535, bytes.Repeat([]byte{0x80}, 65535))
	h := mustParse(t, data)
	ctx, cancel := context.WithCancel(t.Context())
	b, asked := DefaultBudget(), 0
	b.Stop = func() error {
		if asked++; asked == 3 {
			cancel()
		}
		return ctx.Err()
	}
	if _, err := BuildIndex(bytes.NewReader(data), int64(len(data)), h, b); !errors.Is(err, context.Canceled) || asked != 3 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
