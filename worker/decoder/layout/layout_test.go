package layout

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// part is a tile-part: its tile, number of parts (0: not told) and bytes of data.
type part struct{ tile, total, data int }

// stream builds a codestream with a main header of one comment and these tile-parts.
func stream(parts ...part) []byte {
	b := []byte{0xFF, 0x4F, 0xFF, 0x51, 0x00, 0x06, 1, 2, 3, 4, 0xFF, 0x64, 0x00, 0x03, 'x'}
	for _, p := range parts {
		b = append(b, 0xFF, 0x90, 0, 10)
		b = binary.BigEndian.AppendUint16(b, uint16(p.tile))
		b = binary.BigEndian.AppendUint32(b, uint32(12+p.data))
		b = append(b, 0, byte(p.total))
		b = append(b, make([]byte, p.data)...)
	}
	return append(b, 0xFF, 0xD9)
}

// fourTiles is a grid of 2 by 2.
var fourTiles = Grid{W: 100, H: 50, Columns: 2}

func TestTiles(t *testing.T) {
	g := Grid{X: 10, Y: 20, W: 100, H: 50, Columns: 3}
	for _, c := range []struct {
		x0, y0, x1, y1 int
		want           []int
	}{
		{10, 20, 11, 21, []int{0}},
		{10, 20, 110, 70, []int{0}},
		{109, 69, 111, 71, []int{0, 1, 3, 4}},
		{210, 20, 310, 170, []int{2, 5, 8}},
		{10, 20, 310, 70, []int{0, 1, 2}},
	} {
		tiles := g.Tiles(c.x0, c.y0, c.x1, c.y1)
		var got []int
		for i := range 9 {
			if tiles.Has(i) {
				got = append(got, i)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) || tiles.Len() != len(c.want) {
			t.Errorf("%+v: %v, %d", c, got, tiles.Len())
		}
	}
}

func TestComplete(t *testing.T) {
	all := fourTiles.Tiles(0, 0, 200, 100)
	first := fourTiles.Tiles(0, 0, 1, 1)
	inOrder := []part{{0, 1, 5}, {1, 1, 5}, {2, 1, 5}, {3, 1, 5}}
	open := stream(part{0, 1, 5})
	binary.BigEndian.PutUint32(open[15+6:], 0) // Psot 0: to the end
	for _, c := range []struct {
		name  string
		data  []byte
		tiles Tiles
		wrong string // part of the error; "" for none
	}{
		{"all there", stream(inOrder...), all, ""},
		{"a tile missing", stream(inOrder[:3]...), all, "1 of 4 tiles are missing"},
		{"a missing tile that is not wanted", stream(inOrder[:3]...), first, ""},
		{"interleaved parts", stream(part{0, 2, 3}, part{1, 1, 3}, part{0, 2, 3}), first, ""},
		{"a part missing", stream(part{0, 2, 3}, part{1, 1, 3}), first, "1 of 2 tile-parts"},
		{"number of parts told late", stream(part{0, 0, 3}, part{0, 3, 3}), first, "2 of 3"},
		{"number of parts never told", stream(part{0, 0, 3}), first, ""},
		{"cut in the data", stream(inOrder...)[:30], all, "cut short"},
		{"cut in an unwanted tile", stream(inOrder...)[:40], first, ""},
		{"cut before the tiles", stream()[:12], first, "header is cut short"},
		{"to the end", open, first, ""},
		{"to an end that is not there", open[:len(open)-1], first, "cut short"},
		{"length too small", func() []byte { b := stream(part{0, 1, 5}); b[24] = 3; return b }(), first, "length 3"},
		{"nothing", nil, first, "no codestream"},
		{"JP2", jp2(stream(inOrder...)), all, ""},
		{"JP2 without codestream", jp2(nil)[:12], first, "no jp2c box"},
		{"box of no length", append(jp2(nil)[:12], 0, 0, 0, 4, 'a', 'b', 'c', 'd'), first, "has length 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Complete(c.data, c.tiles)
			if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("%v, want %q", err, c.wrong)
			}
		})
	}
}

// jp2 puts a codestream into boxes: one of a 64-bit length, the last to the end.
func jp2(codestream []byte) []byte {
	b := append([]byte(nil), jp2Signature...)
	b = append(b, 0, 0, 0, 1, 'f', 't', 'y', 'p', 0, 0, 0, 0, 0, 0, 0, 20, 1, 2, 3, 4)
	b = append(b, 0, 0, 0, 0, 'j', 'p', '2', 'c')
	return append(b, codestream...)
}

func TestIndexed(t *testing.T) {
	header := func(boxes string) []byte {
		b := binary.BigEndian.AppendUint32(append([]byte(nil), jp2Signature...), uint32(8+len(boxes)))
		return append(append(append(b, "jp2h"...), boxes...), jp2(stream())[12:]...)
	}
	for want, files := range map[bool][][]byte{
		true:  {header("\x00\x00\x00\x0apclr\x00\x00"), header("\x00\x00\x00\x08colr\x00\x00\x00\x08pclr")},
		false: {header(""), header("\x00\x00\x00\x0ccolrpclr"), header("pclr"), jp2(stream()), stream(), nil},
	} {
		for i, data := range files {
			if Indexed(data) != want {
				t.Errorf("file %d: want %t", i, want)
			}
		}
	}
}

func FuzzComplete(f *testing.F) {
	f.Add(stream(part{0, 1, 5}, part{1, 2, 9}), 2, 2)
	f.Add(jp2(stream(part{3, 1, 0})), 1, 1)
	f.Fuzz(func(t *testing.T, data []byte, w, h int) {
		tiles := Grid{W: 1, H: 1, Columns: 100}.Tiles(0, 0, 1+w&63, 1+h&63)
		_ = Complete(data, tiles)
		_ = Indexed(data)
	})
}

// field is an entry of a directory with one value.
type field struct{ tag, value int }

// tiffFile builds a file of pages; each lists its fields. big makes a BigTIFF file.
func tiffFile(order binary.AppendByteOrder, big bool, pages ...[]field) []byte {
	var b []byte
	word := func(v int) {
		if big {
			b = order.AppendUint64(b, uint64(v))
		} else {
			b = order.AppendUint32(b, uint32(v))
		}
	}
	b = append(b, map[bool]string{true: "II", false: "MM"}[order == binary.AppendByteOrder(binary.LittleEndian)]...)
	if big {
		b = order.AppendUint16(b, 43)
		b = append(order.AppendUint16(b, 8), 0, 0)
	} else {
		b = order.AppendUint16(b, 42)
	}
	for i, page := range pages {
		word(len(b) + map[bool]int{true: 8, false: 4}[big])
		if big {
			b = order.AppendUint64(b, uint64(len(page)))
		} else {
			b = order.AppendUint16(b, uint16(len(page)))
		}
		for _, f := range page {
			b = order.AppendUint16(b, uint16(f.tag))
			b = order.AppendUint16(b, 4)
			word(1)
			b = order.AppendUint32(b, uint32(f.value))
			if big {
				b = append(b, 0, 0, 0, 0)
			}
		}
		if i == len(pages)-1 {
			word(0)
		}
	}
	return append(b, make([]byte, 16)...)
}

func page(w, h int, more ...field) []field {
	return append([]field{{tagImageWidth, w}, {tagImageLength, h}}, more...)
}

func TestTIFF(t *testing.T) {
	reduced, tiled := field{tagNewSubfileType, reducedImage}, field{tagTileWidth, 64}
	for _, c := range []struct {
		name  string
		pages [][]field
		want  string
	}{
		{"one page", [][]field{page(100, 80, tiled)}, "[{0 -1 100 80 64 0}]"},
		{"pyramid", [][]field{page(101, 80), page(50, 40, reduced), page(26, 20, reduced)}, "[{0 -1 101 80 0 0} {1 -1 50 40 0 0} {2 -1 26 20 0 0}]"},
		{"pages of a book", [][]field{page(100, 80), page(50, 40)}, "[{0 -1 100 80 0 0}]"},
		{"a thumbnail of another shape", [][]field{page(100, 80), page(50, 50, reduced)}, "[{0 -1 100 80 0 0}]"},
		{"a mask", [][]field{page(100, 80, field{tagSamplesPerPixel, 3}), page(50, 40, reduced)}, "[{0 -1 100 80 0 0}]"},
		{"larger later", [][]field{page(100, 80), page(25, 20, reduced), page(50, 40, reduced)}, "[{0 -1 100 80 0 0} {1 -1 25 20 0 0}]"},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			for _, big := range []bool{false, true} {
				levels, err := TIFF(tiffFile(order, big, c.pages...))
				if got := fmt.Sprint(levels); err != nil || got != c.want {
					t.Errorf("%s, %v, big %t: %s, %v", c.name, order, big, got, err)
				}
			}
		}
	}
}

func TestDamagedTIFF(t *testing.T) {
	good := tiffFile(binary.LittleEndian, false, page(100, 80))
	loop := tiffFile(binary.LittleEndian, false, page(100, 80))
	binary.LittleEndian.PutUint32(loop[8+2+24:], 8) // next directory: itself
	if levels, err := TIFF(loop); err != nil || len(levels) != 1 {
		t.Errorf("loop: %v, %v", levels, err)
	}
	wide := tiffFile(binary.LittleEndian, false, page(100, 80, field{tagTileWidth, 64}))
	wide[8+2+24+2] = 16 // a field of 8 bytes in an entry of 4
	if levels, err := TIFF(wide); err != nil || levels[0].TileWidth != 0 {
		t.Errorf("wide field: %v, %v", levels, err)
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "no TIFF": []byte("GIF89a, which is not one"), "unknown version": append([]byte("II\x2c\x00"), good[4:]...),
		"cut": good[:20], "no size": tiffFile(binary.LittleEndian, false, page(0, 80)),
		"directory outside": append([]byte("II*\x00\xff\xff\xff\xff"), good[8:]...),
	} {
		if levels, err := TIFF(data); err == nil {
			t.Errorf("%s: %v", name, levels)
		}
	}
}

func FuzzTIFF(f *testing.F) {
	f.Add(tiffFile(binary.LittleEndian, false, page(100, 80), page(50, 40, field{tagNewSubfileType, 1})))
	f.Add(tiffFile(binary.BigEndian, true, page(100, 80, field{tagSubIFDs, 16})))
	f.Fuzz(func(t *testing.T, data []byte) {
		levels, err := TIFF(data)
		if err != nil {
			return
		}
		if len(levels) == 0 || len(levels) > 2*maxDirectories {
			t.Fatalf("%d levels", len(levels))
		}
		for i, l := range levels {
			if l.Width < 1 || l.Height < 1 || i > 0 && l.Width > levels[i-1].Width {
				t.Fatalf("levels %v", levels)
			}
		}
	})
}
