//go:build cgo

package decode

// #include <stdlib.h>
// #include "blocks.h"
import "C"

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"unsafe"

	"github.com/tessera-iiif/tessera/internal/jp2"
)

const (
	// coefficientBytes bounds the coefficients kept by one decoder: some 6,000 code-blocks of
	// the usual size, or all but the highest two resolutions of a hundred megapixels.
	coefficientBytes = 48 << 20
	// leastKept is how many samples a block must have to be kept: smaller ones take more to
	// keep than what they are. Small tiles have no larger ones in low resolutions.
	leastKept = 64
	// blockOverhead is what a block takes besides, or a little more.
	blockOverhead = 192
)

// coefficients keeps decoded code-blocks. What is kept is a function of the very bytes that
// were decoded, which stand behind it: there is nothing that could be out of date, or of
// another image. Memory is C's, and what is Go's has next to no pointers: collectors would
// follow thousands.
type coefficients struct {
	seed   maphash.Seed
	most   int64
	held   int64
	at     map[blockKey]int32 // in blocks
	blocks []keptBlock        // 0 begins and ends the ring; the rest is kept or free
	free   []int32
}

// blockKey is what decides about a block's coefficients besides its bytes.
type blockKey struct {
	hash          uint64
	code          int32 // bytes of them
	width, height int16
	planes        int16
	band          int8
	style         jp2.BlockStyle
}

func (k *blockKey) samples() int { return int(k.width) * int(k.height) }

// bytes is what it takes to keep the block.
func (k *blockKey) bytes() int64 {
	return blockOverhead + int64(2*k.samples()) + int64(k.code)
}

// keptBlock is a member of a ring: next leaves later, before leaves sooner.
type keptBlock struct {
	blockKey
	next, before int32
	data         *C.int16_t // samples, and then the code
}

func newCoefficients(most int64) *coefficients {
	return &coefficients{seed: maphash.MakeSeed(), most: most, at: map[blockKey]int32{}, blocks: make([]keptBlock, 1)}
}

// key is the block's, with code appended to room: its codewords in one.
func (c *coefficients) key(b *codedBlock, room []byte) (blockKey, []byte) {
	for _, w := range b.Words {
		room = binary.LittleEndian.AppendUint32(room, uint32(w.Passes))
		room = binary.LittleEndian.AppendUint32(room, uint32(len(w.Data)))
		room = append(room, w.Data...)
	}
	return blockKey{
		hash: maphash.Bytes(c.seed, room), code: int32(len(room)),
		width: int16(b.Area.X1 - b.Area.X0), height: int16(b.Area.Y1 - b.Area.Y0),
		planes: int16(b.Planes), band: int8(b.band), style: b.style,
	}, room
}

// find gives the coefficients of a block, which stay until the next is kept; nil where they
// are not here.
func (c *coefficients) find(key blockKey, code []byte) *C.int16_t {
	i, ok := c.at[key]
	if !ok || !bytes.Equal(c.blocks[i].code(), code) {
		return nil
	}
	c.unlink(i)
	c.link(i, c.blocks[0].before)
	return c.blocks[i].data
}

// code is what the block was decoded from.
func (k *keptBlock) code() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(k.data), 2*k.samples())), k.blockKey.code)
}

// keep takes over what a block was decoded to, with room for its code behind it. Those that
// do not last leave first.
func (c *coefficients) keep(key blockKey, code []byte, data *C.int16_t, lasting bool) {
	k := keptBlock{blockKey: key, data: data}
	if _, twice := c.at[key]; twice || k.bytes() > c.most {
		C.free(unsafe.Pointer(data))
		return
	}
	copy(k.code(), code)
	for c.held += k.bytes(); c.held > c.most; {
		c.drop(c.blocks[0].next)
	}
	i := c.place(k)
	c.at[key] = i
	if lasting {
		c.link(i, c.blocks[0].before)
	} else {
		c.link(i, 0)
	}
}

func (c *coefficients) place(k keptBlock) int32 {
	if n := len(c.free); n > 0 {
		i := c.free[n-1]
		c.free, c.blocks[i] = c.free[:n-1], k
		return i
	}
	c.blocks = append(c.blocks, k)
	return int32(len(c.blocks) - 1)
}

// link puts a block after another of the ring.
func (c *coefficients) link(i, after int32) {
	next := c.blocks[after].next
	c.blocks[i].before, c.blocks[i].next = after, next
	c.blocks[after].next, c.blocks[next].before = i, i
}

func (c *coefficients) unlink(i int32) {
	k := &c.blocks[i]
	c.blocks[k.before].next, c.blocks[k.next].before = k.next, k.before
}

func (c *coefficients) drop(i int32) {
	k := &c.blocks[i]
	c.unlink(i)
	delete(c.at, k.blockKey)
	c.held -= k.bytes()
	C.free(unsafe.Pointer(k.data))
	*k = keptBlock{}
	c.free = append(c.free, i)
}
