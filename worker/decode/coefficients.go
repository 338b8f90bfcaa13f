//go:build cgo

package decode

// #include <stdlib.h>
// #include <string.h>
// #include "entropy.h"
// #include "wavelet.h"
import "C"

import (
	"bytes"
	"container/list"
	"errors"
	"hash/maphash"
	"sync"
	"unsafe"

	"github.com/tessera-iiif/tessera/internal/jp2"
)

// coefficientBytes bounds the coefficients kept by one decoder: some 6,000 code-blocks, or
// all but the highest two resolutions of a hundred megapixels.
const coefficientBytes = 48 << 20

// What a block and a codeword take besides their samples and bytes, or a little more.
const (
	blockOverhead = 384
	wordOverhead  = 64
)

// coefficients keeps decoded code-blocks. What is kept is a function of the very bytes that
// were decoded, which stand beside it: there is nothing that could be out of date, or of
// another image. It is safe for concurrent use.
type coefficients struct {
	seed maphash.Seed
	most int64

	mu    sync.Mutex
	held  int64
	kept  map[blockKey]*list.Element
	order *list.List // of *keptBlock; the back leaves first
}

// blockKey is what decides about a block's coefficients besides its bytes.
type blockKey struct {
	hash          uint64
	width, height int32
	planes, words int16
	band          int8
	style         jp2.BlockStyle
}

type keptBlock struct {
	blockKey
	words   []jp2.Codeword // of memory of our own
	samples unsafe.Pointer // of 16 bits
	bytes   int64
}

func newCoefficients(most int64) *coefficients {
	return &coefficients{seed: maphash.MakeSeed(), most: most, kept: map[blockKey]*list.Element{}, order: list.New()}
}

// codedBlock is a code-block in the sub-band it belongs to, and where to put it.
type codedBlock struct {
	*jp2.CodedBlock
	band       int
	style      jp2.BlockStyle
	reversible bool
	step       float32
	plane      C.wavelet_plane
	lasting    bool // others are likely to need it
}

func (c *coefficients) key(b *codedBlock) blockKey {
	var h maphash.Hash
	h.SetSeed(c.seed)
	for _, w := range b.Words {
		_, _ = h.Write(w.Data)
	}
	a := b.Area
	return blockKey{
		hash: h.Sum64(), width: int32(a.X1 - a.X0), height: int32(a.Y1 - a.Y0), band: int8(b.band), style: b.style,
		planes: int16(b.Planes), words: int16(len(b.Words)),
	}
}

// put puts the block where it belongs, if it is here.
func (c *coefficients) put(key blockKey, b *codedBlock) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.kept[key]
	if e == nil {
		return false
	}
	k := e.Value.(*keptBlock)
	if !sameWords(k.words, b.Words) {
		return false
	}
	c.order.MoveToFront(e)
	b.put(k.samples, true)
	return true
}

func sameWords(a, b []jp2.Codeword) bool {
	for i := range a {
		if a[i].Passes != b[i].Passes || !bytes.Equal(a[i].Data, b[i].Data) {
			return false
		}
	}
	return true
}

// put writes coefficients to the block's plane.
func (b *codedBlock) put(samples unsafe.Pointer, narrow bool) {
	reversible, small := C.int(0), C.int(0)
	if b.reversible {
		reversible = 1
	}
	if narrow {
		small = 1
	}
	C.wavelet_put(&b.plane, samples, small, C.int32_t(b.Area.X0), C.int32_t(b.Area.Y0), C.int32_t(b.Area.X1), C.int32_t(b.Area.Y1),
		reversible, C.float(b.step/2))
}

// keep takes a copy of what a block was decoded to, where it was not kept meanwhile.
func (c *coefficients) keep(key blockKey, b *codedBlock, samples unsafe.Pointer, n int) {
	k := &keptBlock{blockKey: key, bytes: int64(n)*2 + blockOverhead}
	if k.samples = C.malloc(C.size_t(n) * 2); k.samples == nil {
		return
	}
	if C.wavelet_narrow((*C.int16_t)(k.samples), (*C.int32_t)(samples), C.size_t(n)) != 0 {
		C.free(k.samples)
		return // seldom: deep samples, and then large ones
	}
	for _, w := range b.Words {
		k.words = append(k.words, jp2.Codeword{Data: bytes.Clone(w.Data), Passes: w.Passes})
		k.bytes += int64(len(w.Data)) + wordOverhead
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept[key] != nil || k.bytes > c.most {
		C.free(k.samples)
		return
	}
	for c.held += k.bytes; c.held > c.most; {
		c.drop(c.order.Back())
	}
	if b.lasting {
		c.kept[key] = c.order.PushFront(k)
	} else {
		c.kept[key] = c.order.PushBack(k)
	}
}

func (c *coefficients) drop(e *list.Element) {
	k := c.order.Remove(e).(*keptBlock)
	delete(c.kept, k.blockKey)
	c.held -= k.bytes
	C.free(k.samples)
}

// clear gives all memory back.
func (c *coefficients) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.order.Len() > 0 {
		c.drop(c.order.Back())
	}
}

var errMemory = errors.New("no memory for code-blocks")

// blockSamples is the most that a code-block has (A.6.1).
const blockSamples = 1 << 12

// blockDecoder decodes one block at a time.
type blockDecoder struct {
	coder   *C.entropy_coder
	samples unsafe.Pointer // blockSamples of them, of 32 bits
}

func newBlockDecoder() (*blockDecoder, error) {
	d := &blockDecoder{coder: C.entropy_new(), samples: C.malloc(blockSamples * 4)}
	if d.coder == nil || d.samples == nil {
		d.close()
		return nil, errMemory
	}
	return d, nil
}

func (d *blockDecoder) close() {
	C.entropy_free(d.coder)
	C.free(d.samples)
}

// decode puts the block where it belongs, from what is kept or else by decoding it.
func (d *blockDecoder) decode(b *codedBlock, c *coefficients) error {
	key := c.key(b)
	if c.put(key, b) {
		return nil
	}
	n := int(key.width) * int(key.height)
	if C.entropy_begin(d.coder, C.int(key.width), C.int(key.height), C.int(b.band), C.int(b.Planes), C.int(b.style), (*C.int32_t)(d.samples)) != 0 {
		return errMemory
	}
	for _, w := range b.Words {
		if C.entropy_word(d.coder, (*C.uint8_t)(unsafe.SliceData(w.Data)), C.size_t(len(w.Data)), C.int(w.Passes)) != 0 {
			return errMemory
		}
	}
	b.put(d.samples, false)
	c.keep(key, b, d.samples, n)
	return nil
}
