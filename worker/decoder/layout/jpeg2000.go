// Package layout finds where the pixels of a source file lie, in Go alone: the
// tile-parts of a JPEG 2000 file and the directories of a TIFF file. It reads hostile
// bytes; every offset is checked before it is used.
package layout

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// JPEG 2000 markers (ISO/IEC 15444-1, table A.2).
const (
	markerSOC = 0xFF4F
	markerSOT = 0xFF90
	markerEOC = 0xFFD9

	sotLength = 12 // marker and segment
)

var (
	jp2Signature = []byte("\x00\x00\x00\x0cjP  \r\n\x87\n")
	boxStream    = [4]byte{'j', 'p', '2', 'c'}
	boxHeader    = [4]byte{'j', 'p', '2', 'h'}
	boxPalette   = [4]byte{'p', 'c', 'l', 'r'}
)

// Boxed tells a JP2 or JPX file from a bare codestream.
func Boxed(data []byte) bool { return bytes.HasPrefix(data, jp2Signature) }

// Bare tells whether data begins as a bare codestream does.
func Bare(data []byte) bool { return bytes.HasPrefix(data, []byte{0xFF, 0x4F, 0xFF, 0x51}) }

// Grid is the tile grid of a codestream on its reference grid.
type Grid struct {
	X, Y, W, H int // XTOsiz, YTOsiz, XTsiz, YTsiz
	Columns    int
}

// Tiles are the tiles that a half-open area of the reference grid touches. The area
// must not be empty and must lie on the grid.
func (g Grid) Tiles(x0, y0, x1, y1 int) Tiles {
	return Tiles{
		columns: g.Columns,
		x0:      (x0 - g.X) / g.W, y0: (y0 - g.Y) / g.H,
		x1: (x1-1-g.X)/g.W + 1, y1: (y1-1-g.Y)/g.H + 1,
	}
}

// Tiles is a rectangle of tiles.
type Tiles struct{ columns, x0, y0, x1, y1 int }

// Len is how many tiles there are.
func (t Tiles) Len() int { return (t.x1 - t.x0) * (t.y1 - t.y0) }

// Has tells whether the tile of this index (Isot) is one of them.
func (t Tiles) Has(index int) bool {
	x, y := index%t.columns, index/t.columns
	return x >= t.x0 && x < t.x1 && y >= t.y0 && y < t.y1
}

// Complete walks the tile-parts of a JP2 file or codestream until all of these tiles
// are seen to be there as a whole. The error says what is missing.
func Complete(data []byte, tiles Tiles) error {
	stream, err := codestream(data)
	if err != nil {
		return err
	}
	at, err := firstTilePart(stream)
	if err != nil {
		return err
	}
	found := inventory{tiles: tiles, seen: make(map[int]parts, min(tiles.Len(), 1024))}
	for found.open() {
		next, err := found.tilePart(stream, at)
		if err != nil {
			return err
		}
		if next == 0 {
			return found.verdict()
		}
		at = next
	}
	return nil
}

// Indexed tells whether the samples of a JP2 file are indices into a palette.
func Indexed(data []byte) bool {
	if !Boxed(data) {
		return false
	}
	header, err := findBox(data, boxHeader)
	if err != nil {
		return false
	}
	_, err = findBox(header, boxPalette)
	return err == nil
}

// codestream finds the first contiguous codestream box; bare codestreams are returned
// as they are.
func codestream(data []byte) ([]byte, error) {
	if !Boxed(data) {
		return data, nil
	}
	return findBox(data, boxStream)
}

// findBox returns the contents of the first box of this type; of a box cut short what
// there is.
func findBox(data []byte, kind [4]byte) ([]byte, error) {
	for at := 0; at+8 <= len(data); {
		header, length := 8, int(binary.BigEndian.Uint32(data[at:]))
		switch length {
		case 0:
			length = len(data) - at
		case 1:
			if at+16 > len(data) {
				return nil, errors.New("a box header is cut short")
			}
			header = 16
			length = int(min(binary.BigEndian.Uint64(data[at+8:]), uint64(len(data)+1)))
		}
		if length < header {
			return nil, fmt.Errorf("box at byte %d has length %d", at, length)
		}
		if [4]byte(data[at+4:]) == kind {
			return data[at+header : min(at+length, len(data))], nil
		}
		at += length
	}
	return nil, fmt.Errorf("no %s box", kind)
}

// firstTilePart skips the main header.
func firstTilePart(stream []byte) (int, error) {
	if len(stream) < 2 || binary.BigEndian.Uint16(stream) != markerSOC {
		return 0, errors.New("no codestream")
	}
	for at := 2; at+4 <= len(stream); {
		if binary.BigEndian.Uint16(stream[at:]) == markerSOT {
			return at, nil
		}
		at += 2 + max(2, int(binary.BigEndian.Uint16(stream[at+2:])))
	}
	return 0, errors.New("the main header is cut short")
}

// parts counts the tile-parts of a tile; total is 0 while no header has told it.
type parts struct{ seen, total int }

func (p parts) complete() bool { return p.total > 0 && p.seen >= p.total }

type inventory struct {
	tiles    Tiles
	seen     map[int]parts
	complete int
}

// open tells whether there is something left to find.
func (v *inventory) open() bool { return v.complete < v.tiles.Len() }

// tilePart notes the tile-part at this offset and returns the offset of the next; 0 at
// the end of the codestream.
func (v *inventory) tilePart(stream []byte, at int) (int, error) {
	if at+sotLength > len(stream) || binary.BigEndian.Uint16(stream[at:]) != markerSOT {
		return 0, nil
	}
	index := int(binary.BigEndian.Uint16(stream[at+4:]))
	length := int(binary.BigEndian.Uint32(stream[at+6:]))
	if length == 0 { // reaches to the EOC marker, which must therefore be there
		if !endsWithEOC(stream) {
			return 0, fmt.Errorf("tile %d is cut short", index)
		}
		length = len(stream) - at
	}
	if length < sotLength {
		return 0, fmt.Errorf("tile-part at byte %d has length %d", at, length)
	}
	if !v.tiles.Has(index) {
		return at + length, nil
	}
	if at+length > len(stream) {
		return 0, fmt.Errorf("tile %d is cut short", index)
	}
	v.note(index, int(stream[at+11]))
	return at + length, nil
}

func (v *inventory) note(index, total int) {
	p := v.seen[index]
	before := p.complete()
	p.seen++
	p.total = max(p.total, total)
	if p.complete() && !before {
		v.complete++
	}
	v.seen[index] = p
}

// verdict judges at the end of the codestream: tiles that never told how many parts
// they have count as complete when there is one.
func (v *inventory) verdict() error {
	for index, p := range v.seen {
		if p.total > p.seen {
			return fmt.Errorf("tile %d has %d of %d tile-parts", index, p.seen, p.total)
		}
	}
	if missing := v.tiles.Len() - len(v.seen); missing > 0 {
		return fmt.Errorf("%d of %d tiles are missing", missing, v.tiles.Len())
	}
	return nil
}

func endsWithEOC(stream []byte) bool {
	return len(stream) >= 2 && binary.BigEndian.Uint16(stream[len(stream)-2:]) == markerEOC
}
