//go:build cgo

package decode

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/tessera-iiif/tessera/internal/jp2"
)

const trialSide = 8 // what has fewer samples is not kept

// trial is a block of trialSide by trialSide samples on a plane of its own.
type trial struct {
	codedBlock
	plane []int32
}

func newTrial(t testing.TB, change func(*codedBlock)) *trial {
	t.Helper()
	words := []jp2.Codeword{{Data: []byte("some bytes of arithmetic code"), Passes: 10}, {Data: []byte("and more"), Passes: 1}}
	b := &trial{codedBlock: codedBlock{
		CodedBlock: &jp2.CodedBlock{Area: jp2.Rect{X1: trialSide, Y1: trialSide}, Planes: 6, Words: words}, reversible: true, step: 1,
	}}
	if change != nil {
		change(&b.codedBlock)
	}
	width := b.Area.X1 - b.Area.X0
	b.plane = make([]int32, b.Area.Samples())
	to := &b.to
	setInt(&to.x0, b.Area.X0)
	setInt(&to.y0, b.Area.Y0)
	setInt(&to.x1, b.Area.X1)
	setInt(&to.y1, b.Area.Y1)
	setInt(&to.stride, width)
	var pinned runtime.Pinner
	pinned.Pin(&b.plane[0])
	t.Cleanup(pinned.Unpin)
	to.samples = unsafe.Pointer(&b.plane[0])
	return b
}

func setInt[T ~int32 | ~uint32 | ~uint64](to *T, v int64) { *to = T(v) }

func (b *trial) decode(t testing.TB, c *coefficients) []int32 {
	t.Helper()
	if _, err := decodeBlocks([]codedBlock{b.codedBlock}, c, 1); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(b.plane)
}

func newTestedCoefficients(t testing.TB, most int64) *coefficients {
	c := newCoefficients(most)
	t.Cleanup(c.clear)
	return c
}

// clear gives all memory back.
func (c *coefficients) clear() {
	for c.blocks[0].next != 0 {
		c.drop(c.blocks[0].next)
	}
}

// mark changes what is kept, so that it shows where it is used.
func (c *coefficients) mark() {
	for i := c.blocks[0].next; i != 0; i = c.blocks[i].next {
		*(*int16)(unsafe.Pointer(c.blocks[i].data)) = 1000
	}
}

// inOrder counts the ring.
func (c *coefficients) inOrder() (n int) {
	for i := c.blocks[0].next; i != 0; i = c.blocks[i].next {
		n++
	}
	return n
}

func last(words []jp2.Codeword) *jp2.Codeword { return &words[len(words)-1] }

// TestCoefficientsKept: a block is met again by all that it is decoded from, and by nothing
// less.
func TestCoefficientsKept(t *testing.T) {
	c := newTestedCoefficients(t, 1<<20)
	first := newTrial(t, nil).decode(t, c)
	c.mark()
	for name, same := range map[string]func(*codedBlock){
		"the same":             nil,
		"at another place":     func(b *codedBlock) { b.Area = jp2.Rect{X0: 8, Y0: 16, X1: 16, Y1: 24} },
		"of a lossy band":      func(b *codedBlock) { b.reversible, b.step = false, 0.5 },
		"that will not last":   func(b *codedBlock) { b.lasting = !b.lasting },
		"in memory of its own": func(b *codedBlock) { b.Words[0].Data = bytes.Clone(b.Words[0].Data) },
	} {
		if got := newTrial(t, same).decode(t, c); got[0] == first[0] || c.inOrder() != 1 {
			t.Errorf("%s: decoded anew", name)
		}
	}
	for name, other := range map[string]func(*codedBlock){
		"a byte":                 func(b *codedBlock) { last(b.Words).Data = []byte("and mora") },
		"a byte less":            func(b *codedBlock) { last(b.Words).Data = last(b.Words).Data[:7] },
		"a pass":                 func(b *codedBlock) { last(b.Words).Passes++ },
		"passes among codewords": func(b *codedBlock) { b.Words[0].Passes, b.Words[1].Passes = 9, 2 },
		"bytes among codewords": func(b *codedBlock) {
			all := slices.Concat(b.Words[0].Data, b.Words[1].Data)
			b.Words[0].Data, b.Words[1].Data = all[:5], all[5:]
		},
		"a codeword":   func(b *codedBlock) { b.Words = b.Words[:1] },
		"bit-planes":   func(b *codedBlock) { b.Planes++ },
		"the band":     func(b *codedBlock) { b.band = 3 },
		"the style":    func(b *codedBlock) { b.style = jp2.Vertical },
		"the shape":    func(b *codedBlock) { b.Area = jp2.Rect{X1: 4, Y1: 16} },
		"one row more": func(b *codedBlock) { b.Area.Y1++ },
	} {
		if newTrial(t, other).decode(t, c)[0] == 500 { // half of what mark wrote
			t.Errorf("%s: taken for the first", name)
		}
	}
}

// numbered is one of many blocks.
func numbered(t testing.TB, n int, lasting bool) *trial {
	return newTrial(t, func(b *codedBlock) {
		b.Words = []jp2.Codeword{{Data: []byte{byte(n), byte(n >> 8), 7}, Passes: 4}}
		b.lasting = lasting
	})
}

// holds tells which of so many blocks are kept.
func (c *coefficients) holds(t testing.TB, n int) (all []int) {
	for i := range n {
		key, _ := c.key(&numbered(t, i, false).codedBlock, nil)
		if _, ok := c.at[key]; ok {
			all = append(all, i)
		}
	}
	return all
}

// TestCoefficientsBound: what is kept stays below the bound, however small the blocks, and
// what others are not likely to need leaves first, then what was met longest ago.
func TestCoefficientsBound(t *testing.T) {
	const each = trialSide*trialSide*2 + 3 + 8 + blockOverhead
	c := newTestedCoefficients(t, 4*each)
	for i := range 4 {
		numbered(t, i, i != 3).decode(t, c)
	}
	numbered(t, 0, true).decode(t, c) // met again
	for _, step := range []struct {
		block   int
		lasting bool
		left    []int
	}{
		{4, true, []int{0, 1, 2, 4}},  // the one that does not last has left
		{5, true, []int{0, 2, 4, 5}},  // and the oldest
		{6, false, []int{0, 4, 5, 6}}, // which leaves for what does not last, too
		{7, false, []int{0, 4, 5, 7}}, // but that for the next
		{8, true, []int{0, 4, 5, 8}},
	} {
		numbered(t, step.block, step.lasting).decode(t, c)
		if got := c.holds(t, 9); !slices.Equal(got, step.left) || c.held != 4*each {
			t.Errorf("after %d: %v kept in %d bytes, want %v in %d", step.block, got, c.held, step.left, 4*each)
		}
	}
	for i := range 100 {
		numbered(t, 100+i, i%2 == 0).decode(t, c)
	}
	if c.held > c.most || len(c.at) != c.inOrder() || c.inOrder() != 4 {
		t.Errorf("%d bytes in %d blocks, %d of them in order", c.held, len(c.at), c.inOrder())
	}
	c.clear()
	if c.held != 0 || len(c.at) != 0 {
		t.Errorf("%d bytes in %d blocks are left", c.held, len(c.at))
	}
}

// TestCoefficientsTooLarge: what is larger than all there may be is not kept.
func TestCoefficientsTooLarge(t *testing.T) {
	c := newTestedCoefficients(t, 100)
	want := numbered(t, 1, true).decode(t, newTestedCoefficients(t, 1<<20))
	if got := numbered(t, 1, true).decode(t, c); !slices.Equal(got, want) || c.inOrder() != 0 || c.held != 0 {
		t.Errorf("%d bytes kept in %d blocks", c.held, c.inOrder())
	}
}

// TestCoefficientsSmall: a block of a sample less than are kept is decoded anew each time.
func TestCoefficientsSmall(t *testing.T) {
	c := newTestedCoefficients(t, 1<<20)
	newTrial(t, func(b *codedBlock) { b.Area = jp2.Rect{X1: leastKept - 1, Y1: 1} }).decode(t, c)
	if c.inOrder() != 0 {
		t.Errorf("%d blocks are kept", c.inOrder())
	}
	newTrial(t, func(b *codedBlock) { b.Area = jp2.Rect{X1: leastKept, Y1: 1} }).decode(t, c)
	if c.inOrder() != 1 {
		t.Errorf("%d blocks are kept of the least that may be", c.inOrder())
	}
}

// TestCoefficientsDeep: samples beyond 16 bits are decoded anew each time.
func TestCoefficientsDeep(t *testing.T) {
	deep := func(b *codedBlock) { b.Planes = 20 }
	c := newTestedCoefficients(t, 1<<20)
	first := newTrial(t, deep).decode(t, c)
	if again := newTrial(t, deep).decode(t, c); !slices.Equal(again, first) || c.inOrder() != 0 {
		t.Errorf("%d blocks are kept", c.inOrder())
	}
}
