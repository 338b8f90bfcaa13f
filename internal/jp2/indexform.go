package jp2

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The stored form of an index: magic and version, the boxes around the codestream, the
// main header as marker segments, then for each tile what it overrides, again as segments, and its tile-parts with the
// lengths of their packets; last the CRC-32C of all that. Numbers are varints.
const indexMagic = "TJPX\x02"

var errUnknown = errors.New("not all are known yet")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// indexPlace is where faults of a stored index are reported.
func indexPlace(at int) place { return place{"index", int64(at)} }

// AppendBinary appends the stored form of the index, of which all tiles must be known.
func (x *Index) AppendBinary(out []byte) ([]byte, error) {
	if err := x.Refused(); err != nil || !x.Complete() {
		return nil, fmt.Errorf("an index that lacks tiles is not stored: %w", cmp.Or(err, errUnknown))
	}
	begin := len(out)
	out = append(out, indexMagic...)
	out = appendBlock(out, x.boxes)
	main := streamWriter{}
	main.segment(SIZ, func() { main.size(&x.size) })
	if x.cap != nil {
		main.segment(CAP, func() { main.u8(x.cap...) })
	}
	main.coding(&x.params)
	out = appendBlock(out, main.out)
	at := int64(0)
	for i := range x.tiles {
		out, at = x.tiles[i].Load().append(out, at)
	}
	return binary.BigEndian.AppendUint32(out, crc32.Checksum(out[begin:], castagnoli)), nil
}

func appendBlock(out, block []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(block))), block...)
}

// append writes one tile. at is where the packets written before end in the file.
func (t *tileIndex) append(out []byte, at int64) ([]byte, int64) {
	var own streamWriter
	if t.params != nil {
		own.coding(t.params)
	}
	own.packed(t.packed)
	out = appendBlock(out, own.out)
	out = binary.AppendUvarint(out, uint64(len(t.parts)))
	for _, part := range t.parts {
		out = binary.AppendVarint(out, part.offset-at)
		out = appendBlock(out, part.coded)
		at = part.offset + part.total
	}
	return out, at
}

// ParseIndex reads the stored form of an index. Like any input it is held against the
// budget and against itself.
func ParseIndex(data []byte, b Budget) (*Index, error) {
	sum := len(data) - crc32.Size
	if sum < len(indexMagic) || string(data[:len(indexMagic)]) != indexMagic {
		return nil, indexPlace(0).fail("is not an index of this version")
	}
	if crc32.Checksum(data[:sum], castagnoli) != binary.BigEndian.Uint32(data[sum:]) {
		return nil, indexPlace(sum).fail("checksum does not match")
	}
	r := &indexReader{all: data[:sum], left: data[len(indexMagic):sum], budget: b}
	x, err := r.main()
	if err != nil {
		return nil, err
	}
	for t := range x.tiles {
		tile, err := r.tile(x, t)
		if err != nil {
			return nil, err
		}
		x.learn(t, tile)
	}
	if len(r.left) > 0 {
		return nil, r.place().fail("%d bytes after the last tile", len(r.left))
	}
	return x, nil
}

// indexReader takes an index apart.
type indexReader struct {
	all, left []byte
	budget    Budget
	parts     int   // read so far
	at        int64 // where the packets read before end in the file
}

func (r *indexReader) place() place { return indexPlace(len(r.all) - len(r.left)) }

// take reads one number by either of binary's varint functions.
func take[T any](r *indexReader, parse func([]byte) (T, int)) (T, error) {
	n, used := parse(r.left)
	if used <= 0 {
		return n, r.place().fail("no number where one belongs")
	}
	r.left = r.left[used:]
	return n, nil
}

// block reads a length and as many bytes.
func (r *indexReader) block() ([]byte, error) {
	n, err := take(r, binary.Uvarint)
	if err == nil && n > uint64(len(r.left)) {
		err = r.place().fail("%d bytes announced, %d left", n, len(r.left))
	}
	if err != nil {
		return nil, err
	}
	block := r.left[:n:n]
	r.left = r.left[n:]
	return block, nil
}

// boxes reads what stood around the codestream: whole boxes, ihdr first.
func (r *indexReader) boxes() ([]byte, error) {
	at := r.place()
	boxes, err := r.block()
	if err != nil || len(boxes) == 0 {
		return nil, err
	}
	if len(boxes) < imageHeaderBox || boxName(boxes[4:8]) != "ihdr" {
		return nil, at.fail("boxes do not begin with ihdr")
	}
	return boxes, nil
}

// main reads the main header, and makes room for as many tiles as it has.
func (r *indexReader) main() (*Index, error) {
	boxes, err := r.boxes()
	if err != nil {
		return nil, err
	}
	block, err := r.block()
	if err != nil {
		return nil, err
	}
	// An SOT makes a main header of the segments: one parser reads both.
	stream := append(append([]byte{0xFF, byte(SOC & 0xFF)}, block...), 0xFF, byte(SOT&0xFF), 0, 2)
	cs, err := readCodestream(newSource(bytes.NewReader(stream), int64(len(stream)), int64(len(stream))), 0, int64(len(stream)), r.budget)
	if err != nil {
		return nil, err
	}
	if int64(len(r.left)) < 2*cs.Size.Tiles() { // each takes two bytes at least
		return nil, r.place().fail("too short for %d tiles", cs.Size.Tiles())
	}
	return newIndex(&cs, boxes), nil
}

// leastPart is how many bytes a tile-part takes at least: where it is, and that it is empty.
const leastPart = 2

func (r *indexReader) tile(x *Index, t int) (*tileIndex, error) {
	at, tile := r.place(), &tileIndex{}
	var err error
	if err = r.overrides(x, t, tile); err != nil {
		return nil, err
	}
	n, err := take(r, binary.Uvarint)
	if err != nil {
		return nil, err
	}
	if n == 0 || n > uint64(min(len(r.left)/leastPart, r.budget.TileParts-r.parts)) {
		return nil, r.place().fail("tile %d has %d tile-parts", t, n)
	}
	r.parts += int(n)
	tile.parts = make([]span, n)
	for i := range tile.parts {
		if tile.parts[i], err = r.part(tile.packed != nil); err != nil {
			return nil, err
		}
	}
	grid, err := x.gridOf(at, t, tile, r.budget)
	if err != nil {
		return nil, err
	}
	return tile, x.count(at, t, tile, grid)
}

// overrides reads what the tile's own headers say.
func (r *indexReader) overrides(x *Index, t int, tile *tileIndex) error {
	at := r.place()
	block, err := r.block()
	if err != nil || len(block) == 0 {
		return err
	}
	own, packed := newOverrides(len(x.size.Components)), &packedHeaders{}
	src := newSource(bytes.NewReader(block), int64(len(block)), int64(len(block)))
	for off := int64(0); off < int64(len(block)); {
		seg, err := nextSegment(src, off, int64(len(block)))
		if err != nil {
			return err
		}
		body, n := seg.body()
		c, err := src.cursor(at, body, n)
		if err != nil {
			return err
		}
		off += int64(seg.Length)
		if packed.take(c, seg.Marker) {
			continue
		}
		if known, err := own.take(c, seg.Marker, r.budget); err != nil || !known {
			return at.fail("%s of tile %d: %v", seg.Marker, t, err)
		}
	}
	if !own.empty() {
		params := own.over(x.params)
		tile.params = &params
	}
	if packed.data == nil && packed.coded == nil {
		return nil
	}
	tile.packed = packed
	return packed.check(at)
}

// part reads one tile-part. Packets whose headers are packed may have no bytes left.
func (r *indexReader) part(packed bool) (span, error) {
	at := r.place()
	delta, err := take(r, binary.Varint)
	if err != nil {
		return span{}, err
	}
	coded, err := r.block()
	if err != nil {
		return span{}, err
	}
	p := span{offset: r.at + delta, lengths: lengths{coded: coded}}
	for rest := coded; len(rest) > 0; p.count++ {
		n, used := binary.Uvarint(rest)
		if used <= 0 || n == 0 && !packed || n > uint64(r.budget.FileBytes)-uint64(p.total) {
			return p, at.fail("packet %d has no lawful length", p.count)
		}
		rest, p.total = rest[used:], p.total+int64(n)
	}
	if r.at = p.offset + p.total; delta > r.budget.FileBytes || p.offset < 0 || r.at > r.budget.FileBytes {
		return p, at.fail("tile-part at %d lies outside of any file", p.offset)
	}
	return p, nil
}
