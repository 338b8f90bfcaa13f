package layout

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Level is one picture of a TIFF file that shows the same as its first page.
type Level struct {
	Page, SubIFD          int // of libvips: SubIFD is -1 for a page itself
	Width, Height         int
	TileWidth, TileHeight int // 0: strips
}

// Bounds on the directories read of one file: more is no pyramid.
const (
	maxDirectories = 64
	maxEntries     = 4096
)

// The TIFF tags that tell a pyramid.
const (
	tagNewSubfileType  = 254
	tagImageWidth      = 256
	tagImageLength     = 257
	tagSamplesPerPixel = 277
	tagTileWidth       = 322
	tagTileLength      = 323
	tagSubIFDs         = 330

	reducedImage = 1 // of NewSubfileType
)

// TIFF lists the first page of a TIFF or BigTIFF file and its reduced forms, kept as
// sub-directories or as pages of their own, the largest first.
func TIFF(data []byte) ([]Level, error) {
	t, at, err := openTIFF(data)
	if err != nil {
		return nil, err
	}
	base, next, err := t.directory(at)
	if err != nil {
		return nil, err
	}
	levels := []Level{base.level(0, -1)}
	if levels[0].Width < 1 || levels[0].Height < 1 {
		return nil, errors.New("the first page has no size")
	}
	for i, at := range base.subIFDs {
		if d, _, err := t.directory(at); err == nil && d.reduces(base) {
			levels = append(levels, d.level(0, i))
		}
	}
	for page := 1; next != 0 && page < maxDirectories; page++ {
		var d directory
		if d, next, err = t.directory(next); err != nil {
			break // what came before is good: libvips judges the pixels
		}
		if d.subfile&reducedImage != 0 && d.reduces(base) {
			levels = append(levels, d.level(page, -1))
		}
	}
	return descending(levels), nil
}

// descending drops levels out of order, so that each is smaller than the one before.
func descending(levels []Level) []Level {
	kept := levels[:1]
	for _, l := range levels[1:] {
		if last := kept[len(kept)-1]; l.Width <= last.Width && l.Height <= last.Height && l != last {
			kept = append(kept, l)
		}
	}
	return kept
}

type directory struct {
	width, height, tileWidth, tileHeight int
	samples, subfile                     int
	subIFDs                              []uint64
}

func (d directory) level(page, sub int) Level {
	return Level{
		Page: page, SubIFD: sub, Width: d.width, Height: d.height,
		TileWidth: d.tileWidth, TileHeight: d.tileHeight,
	}
}

// reduces tells whether d has base's picture at a power of two less: programs round
// every halving up or down.
func (d directory) reduces(base directory) bool {
	if d.samples != base.samples {
		return false
	}
	for k := 1; k < 24; k++ {
		if halved(base.width, d.width, k) && halved(base.height, d.height, k) {
			return true
		}
	}
	return false
}

func halved(whole, part, k int) bool {
	return part >= 1 && part >= whole>>k && part <= (whole+1<<k-1)>>k
}

// tiff reads fields of either byte order and of both sizes.
type tiff struct {
	data  []byte
	order binary.ByteOrder
	big   bool
}

func openTIFF(data []byte) (tiff, uint64, error) {
	if len(data) < 16 {
		return tiff{}, 0, errors.New("no TIFF header")
	}
	t := tiff{data: data}
	switch string(data[:2]) {
	case "II":
		t.order = binary.LittleEndian
	case "MM":
		t.order = binary.BigEndian
	default:
		return tiff{}, 0, errors.New("no TIFF header")
	}
	switch t.order.Uint16(data[2:]) {
	case 42:
		return t, uint64(t.order.Uint32(data[4:])), nil
	case 43:
		t.big = true
		return t, t.order.Uint64(data[8:]), nil
	}
	return tiff{}, 0, errors.New("unknown TIFF version")
}

func (t tiff) slice(at, n uint64) ([]byte, error) {
	if size := uint64(len(t.data)); at > size || n > size-at {
		return nil, fmt.Errorf("bytes %d+%d lie outside the file", at, n)
	}
	return t.data[at : at+n], nil
}

// number reads an unsigned integer of n bytes.
func (t tiff) number(b []byte, n int) uint64 {
	switch n {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(t.order.Uint16(b))
	case 4:
		return uint64(t.order.Uint32(b))
	}
	return t.order.Uint64(b)
}

// widths are the bytes of count, offset and entry count fields.
func (t tiff) widths() (count, offset, entries int) {
	if t.big {
		return 8, 8, 8
	}
	return 4, 4, 2
}

// directory reads the one at this offset and tells where the next page's is, or 0.
func (t tiff) directory(at uint64) (directory, uint64, error) {
	countWidth, offsetWidth, entriesWidth := t.widths()
	head, err := t.slice(at, uint64(entriesWidth))
	if err != nil {
		return directory{}, 0, err
	}
	n := t.number(head, entriesWidth)
	if n > maxEntries {
		return directory{}, 0, fmt.Errorf("a directory of %d entries", n)
	}
	size := 4 + countWidth + offsetWidth
	body, err := t.slice(at+uint64(entriesWidth), n*uint64(size)+uint64(offsetWidth))
	if err != nil {
		return directory{}, 0, err
	}
	d := directory{samples: 1}
	for i := range int(n) {
		if err := t.entry(&d, body[i*size:(i+1)*size], countWidth); err != nil {
			return directory{}, 0, err
		}
	}
	return d, t.number(body[int(n)*size:], offsetWidth), nil
}

// sizes of TIFF's field types 0 to 18; 0 for those that are no unsigned integers.
var sizes = [...]int{1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}

func (t tiff) entry(d *directory, e []byte, countWidth int) error {
	tag, kind := t.order.Uint16(e), int(t.order.Uint16(e[2:]))
	if kind >= len(sizes) || sizes[kind] == 0 {
		return nil
	}
	count := t.number(e[4:], countWidth)
	value := e[4+countWidth:]
	if tag == tagSubIFDs {
		var err error
		d.subIFDs, err = t.offsets(value, sizes[kind], count)
		return err
	}
	if count != 1 || sizes[kind] > len(value) {
		return nil
	}
	d.set(tag, int(min(t.number(value, sizes[kind]), 1<<31-1)))
	return nil
}

func (d *directory) set(tag uint16, v int) {
	switch tag {
	case tagNewSubfileType:
		d.subfile = v
	case tagImageWidth:
		d.width = v
	case tagImageLength:
		d.height = v
	case tagSamplesPerPixel:
		d.samples = v
	case tagTileWidth:
		d.tileWidth = v
	case tagTileLength:
		d.tileHeight = v
	}
}

// offsets reads a list of numbers that is in the entry itself if it fits there.
func (t tiff) offsets(value []byte, size int, count uint64) ([]uint64, error) {
	count = min(count, maxDirectories)
	list := value
	if n := count * uint64(size); n > uint64(len(value)) {
		var err error
		if list, err = t.slice(t.number(value, len(value)), n); err != nil {
			return nil, err
		}
	}
	out := make([]uint64, count)
	for i := range out {
		out[i] = t.number(list[i*size:], size)
	}
	return out, nil
}
