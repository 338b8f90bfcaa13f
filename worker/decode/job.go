//go:build cgo

package decode

// #include <stdlib.h>
// #include "blocks.h"
import "C"

import (
	"errors"
	"sync"
	"unsafe"

	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// blockJob is code-blocks to be decoded at once, in C's memory.
type blockJob struct {
	blocks []C.block
	memory []unsafe.Pointer
}

// decodeBlocks puts blocks where they belong, from what is kept or else by decoding them on
// so many threads.
func decodeBlocks(blocks []codedBlock, kept *coefficients, threads int) (count protocol.Blocks, err error) {
	if len(blocks) == 0 {
		return count, nil
	}
	job, err := newBlockJob(blocks)
	defer job.free()
	if err != nil {
		return count, err
	}
	keys, code, room := make([]blockKey, len(blocks)), []byte(nil), kept.most
	for i := range blocks {
		b := &job.blocks[i]
		if blocks[i].Area.Samples() < leastKept {
			continue
		}
		keys[i], code = kept.key(&blocks[i], code[:0])
		if b.samples = kept.find(keys[i], code); b.samples != nil {
			count.Kept++
		} else if room -= keys[i].bytes(); room >= 0 { // more would drive out this job's own
			b.keep = C.int(len(code))
		}
	}
	err = job.run(threads)
	for i := range blocks {
		if b := &job.blocks[i]; b.keep > 0 && b.samples != nil {
			_, code = kept.key(&blocks[i], code[:0])
			kept.keep(keys[i], code, b.samples, blocks[i].lasting)
		}
	}
	count.Decoded = len(blocks) - count.Kept
	return count, err
}

// newBlockJob copies blocks and their codewords to C.
func newBlockJob(blocks []codedBlock) (*blockJob, error) {
	words, bytes := 0, 0
	for i := range blocks {
		words += len(blocks[i].Words)
		for _, w := range blocks[i].Words {
			bytes += len(w.Data) + 2
		}
	}
	j := &blockJob{}
	cBlocks := j.take(len(blocks), C.sizeof_block)
	cWords, cBytes := j.take(words, C.sizeof_codeword), j.take(bytes, 1)
	if cBlocks == nil || cWords == nil || cBytes == nil {
		return j, errMemory
	}
	j.blocks = unsafe.Slice((*C.block)(cBlocks), len(blocks))
	c := copier{unsafe.Slice((*C.codeword)(cWords), words), unsafe.Slice((*byte)(cBytes), bytes)}
	for i := range blocks {
		c.copy(&j.blocks[i], &blocks[i])
	}
	return j, nil
}

func (j *blockJob) take(n, size int) unsafe.Pointer {
	p := C.calloc(C.size_t(max(n, 1)), C.size_t(size))
	j.memory = append(j.memory, p)
	return p
}

func (j *blockJob) free() {
	for _, p := range j.memory {
		C.free(p)
	}
}

// copier hands out memory for codewords.
type copier struct {
	words []C.codeword
	bytes []byte
}

func (c *copier) copy(to *C.block, from *codedBlock) {
	a := from.Area
	to.x0, to.y0, to.x1, to.y1 = C.int32_t(a.X0), C.int32_t(a.Y0), C.int32_t(a.X1), C.int32_t(a.Y1)
	to.band, to.planes, to.style = C.int(from.band), C.int(from.Planes), C.int(from.style)
	to.reversible, to.step, to.to = truth(from.reversible), C.float(from.step/2), from.to
	to.words, to.word_count = unsafe.SliceData(c.words), C.int32_t(len(from.Words))
	for _, w := range from.Words {
		n := copy(c.bytes, w.Data)
		c.words[0] = C.codeword{data: (*C.uint8_t)(unsafe.SliceData(c.bytes)), length: C.uint32_t(n), passes: C.uint32_t(w.Passes)}
		c.bytes[n], c.bytes[n+1] = 0xFF, 0xFF
		c.words, c.bytes = c.words[1:], c.bytes[n+2:]
	}
}

// run decodes all blocks, on so many threads.
func (j *blockJob) run(threads int) error {
	next := (*C.int32_t)(j.take(1, 4))
	if next == nil {
		return errMemory
	}
	errs := make([]error, max(1, threads))
	work := func(i int) {
		if C.blocks_decode(&j.blocks[0], C.int32_t(len(j.blocks)), next) != 0 {
			errs[i] = errMemory
		}
	}
	var others sync.WaitGroup
	for i := 1; i < len(errs); i++ {
		others.Go(func() { work(i) })
	}
	work(0)
	others.Wait()
	return errors.Join(errs...)
}
