//go:build cgo

package decode

// #include <stdlib.h>
import "C"

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// model is how a picture's bands are to be read. The values are TIFF's
// PhotometricInterpretation, because a picture is handed to libvips as a TIFF.
type model uint16

const (
	modelGray model = 1
	modelRGB  model = 2
	modelCMYK model = 5
	modelLab  model = 8
)

// shape is everything about a picture but its pixels.
type shape struct {
	width, height int
	bands         int // colours and, when alpha is set, one more
	bits          int // 8 or 16 per sample
	model         model
	alpha         bool   // not premultiplied
	icc           []byte // profile of the colours; nil stands for sRGB or its gray
}

// picture is an interleaved image in C memory with room before the pixels for the
// TIFF header that makes it readable for libvips without a copy.
type picture struct {
	shape
	memory []byte
	room   int // bytes before the first pixel
}

// A picture is laid out as TIFF tiles as wide as the picture and tileRows high: libvips
// reads those in any order, where it would first copy a strip-wise file as a whole. It
// refuses tiles wider than 10,000 pixels, so rows of more are tiles one row high, several
// to a row: the bytes lie where they would otherwise.
const (
	tileRows  = 64
	tileAlign = 16
	maxWhole  = 10_000 // width of a tile
	slimWidth = 2_048  // of the tiles of wider pictures
)

func (s shape) paddedWidth() int { return (s.width + s.align() - 1) / s.align() * s.align() }
func (s shape) stride() int      { return s.paddedWidth() * s.sampleBytes() }
func (s shape) sampleBytes() int { return s.bands * s.bits / 8 }
func (s shape) tiles() int       { return s.across() * ((s.height + s.tileHeight() - 1) / s.tileHeight()) }
func (s shape) across() int      { return s.paddedWidth() / s.tileWidth() }
func (s shape) tileBytes() int   { return s.tileWidth() * s.sampleBytes() * s.tileHeight() }

func (s shape) isSlim() bool { return s.width > maxWhole }

func (s shape) align() int {
	if s.isSlim() {
		return slimWidth
	}
	return tileAlign
}

func (s shape) tileWidth() int {
	if s.isSlim() {
		return slimWidth
	}
	return s.paddedWidth()
}

func (s shape) tileHeight() int {
	if s.isSlim() {
		return 1
	}
	return tileRows
}

// bytes is what the pixels take, with padding.
func (s shape) bytes() int64 { return int64(s.tileBytes()) * int64(s.tiles()) }

// newPicture allocates a picture of at most limit bytes; pixels are not cleared.
func newPicture(s shape, limit int64) (*picture, error) {
	room := (s.headerBytes() + 63) / 64 * 64
	total := int64(room) + s.bytes()
	if total > min(limit, math.MaxUint32) {
		return nil, errTooLarge
	}
	memory := C.malloc(C.size_t(total))
	if memory == nil {
		return nil, tile.Fail(tile.Internal, "The server is short of memory for this image.", nil)
	}
	return &picture{shape: s, memory: unsafe.Slice((*byte)(memory), total), room: room}, nil
}

var errTooLarge = tile.Fail(tile.Invalid, "The requested region is too large to be decoded at once: ask for less, or for a smaller size.", nil)

var errOutside = tile.Fail(tile.Invalid, "The region lies outside the image.", nil)

func (p *picture) pixels() unsafe.Pointer { return unsafe.Pointer(&p.memory[p.room]) }

func (p *picture) free() {
	if p != nil && p.memory != nil {
		C.free(unsafe.Pointer(&p.memory[0]))
		p.memory = nil
	}
}

// The TIFF tags of a picture's header.
const (
	tagWidth           = 256
	tagHeight          = 257
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagSamplesPerPixel = 277
	tagPlanar          = 284
	tagTileWidth       = 322
	tagTileLength      = 323
	tagTileOffsets     = 324
	tagTileByteCounts  = 325
	tagExtraSamples    = 338
	tagICC             = 34675

	typeShort     = 3
	typeLong      = 4
	typeUndefined = 7
)

// ifdBytes is room for one directory of at most 14 entries after the 8 bytes of header.
const ifdBytes = 8 + 2 + 14*12 + 4

func (s shape) headerBytes() int { return ifdBytes + 2*s.bands + 8*s.tiles() + len(s.icc) + 3 }

// ifd writes one little-endian TIFF directory; values that do not fit an entry go to free.
type ifd struct {
	to      []byte
	entries int
	free    int // offset of the next value outside the directory
}

func (d *ifd) entry(tag, kind uint16, count int, value uint32) {
	at := d.to[8+2+12*d.entries:]
	binary.LittleEndian.PutUint16(at, tag)
	binary.LittleEndian.PutUint16(at[2:], kind)
	binary.LittleEndian.PutUint32(at[4:], uint32(count))
	binary.LittleEndian.PutUint32(at[8:], value)
	d.entries++
}

// shorts puts n equal 16-bit values; up to two of them fit into the entry.
func (d *ifd) shorts(tag uint16, n int, value uint16) {
	if n <= 2 {
		d.entry(tag, typeShort, n, uint32(value)*0x10001)
		return
	}
	d.entry(tag, typeShort, n, uint32(d.free))
	for range n {
		binary.LittleEndian.PutUint16(d.to[d.free:], value)
		d.free += 2
	}
}

// longs puts n 32-bit values.
func (d *ifd) longs(tag uint16, n int, value func(i int) uint32) {
	if n == 1 {
		d.entry(tag, typeLong, 1, value(0))
		return
	}
	d.free = (d.free + 3) &^ 3
	d.entry(tag, typeLong, n, uint32(d.free))
	for i := range n {
		binary.LittleEndian.PutUint32(d.to[d.free:], value(i))
		d.free += 4
	}
}

func (d *ifd) blob(tag uint16, data []byte) {
	d.entry(tag, typeUndefined, len(data), uint32(d.free))
	d.free += copy(d.to[d.free:], data)
}

// tiff completes the picture to a TIFF file and returns it; valid until free.
func (p *picture) tiff() []byte {
	d := &ifd{to: p.memory[:p.room], free: ifdBytes}
	copy(d.to, "II*\x00\x08\x00\x00\x00")
	d.entry(tagWidth, typeLong, 1, uint32(p.width))
	d.entry(tagHeight, typeLong, 1, uint32(p.height))
	d.shorts(tagBitsPerSample, p.bands, uint16(p.bits))
	d.entry(tagCompression, typeShort, 1, 1)
	d.entry(tagPhotometric, typeShort, 1, uint32(p.model))
	d.entry(tagSamplesPerPixel, typeShort, 1, uint32(p.bands))
	d.entry(tagPlanar, typeShort, 1, 1)
	d.entry(tagTileWidth, typeLong, 1, uint32(p.tileWidth()))
	d.entry(tagTileLength, typeLong, 1, uint32(p.tileHeight()))
	d.longs(tagTileOffsets, p.tiles(), func(i int) uint32 { return uint32(p.room + i*p.tileBytes()) })
	d.longs(tagTileByteCounts, p.tiles(), func(int) uint32 { return uint32(p.tileBytes()) })
	if p.alpha {
		d.entry(tagExtraSamples, typeShort, 1, 2)
	}
	if len(p.icc) > 0 {
		d.blob(tagICC, p.icc)
	}
	binary.LittleEndian.PutUint16(d.to[8:], uint16(d.entries))
	binary.LittleEndian.PutUint32(d.to[8+2+12*d.entries:], 0)
	return p.memory
}
