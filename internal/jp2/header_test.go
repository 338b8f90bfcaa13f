package jp2

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"testing"
)

// richFile has one of every box this package reads, a palette of two colours and opacity.
func richFile() []byte {
	return header(
		boxOf("bpcc", 7),
		boxOf("colr", append([]byte{2, 0, 0}, make([]byte, 128)...)...),
		boxOf("colr", 1, 0xFF, 0, 0, 0, 0, 16),
		boxOf("pclr", 0, 2, 4, 7, 7, 0x8B, 7, 1, 2, 0, 3, 255, 5, 6, 0, 7, 0),
		boxOf("cmap", 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 2, 0, 0, 1, 3),
		boxOf("cdef", 0, 4, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 2, 0, 2, 0, 0, 0, 3, 0, 3, 0, 1, 0, 0),
		boxOf("res ", slices.Concat(
			boxOf("resc", 0, 3, 0, 2, 0, 10, 0, 4, 2, 0xFF),
			boxOf("resd", 0, 1, 0, 0, 0, 1, 0, 1, 0, 0))...),
		boxOf("free", 1, 2, 3),
	)
}

func TestBoxes(t *testing.T) {
	h := mustParse(t, richFile())
	want := Facts{Width: 8, Height: 8, Components: 1, Channels: 4, Bits: 12, Alpha: true, Levels: 1}
	if h.Facts != want {
		t.Errorf("facts %+v, want %+v", h.Facts, want)
	}
	if len(h.Colours) != 2 || len(h.Colours[0].ICC) != 128 || h.Colours[1].Enum != EnumSRGB || h.Colours[1].Precedence != -1 {
		t.Errorf("colours %+v", h.Colours)
	}
	if !slices.EqualFunc(h.Palette.Entries, [][]uint32{{1, 2, 3, 255}, {5, 6, 7, 0}}, slices.Equal) || !h.Palette.Columns[2].Signed {
		t.Errorf("palette %+v", h.Palette)
	}
	if h.ChannelDefs[3].Type != Opacity || h.ChannelDefs[2].Association != 3 {
		t.Errorf("channels %+v", h.ChannelDefs)
	}
	if h.Capture != (Density{X: 0.25, Y: 150}) || h.Display != (Density{}) {
		t.Errorf("capture %v, display %v", h.Capture, h.Display)
	}
}

func TestFacts(t *testing.T) {
	box := func(brand string) []byte {
		return bytes.Replace(forge{headBoxes: [][]byte{colourGray()}}.file(), []byte("jp2 "), []byte(brand), 1)
	}
	gray := Facts{Width: 8, Height: 8, Components: 1, Channels: 1, Bits: 8, Gray: true, Levels: 1}
	change := func(edit func(*Facts)) Facts {
		f := gray
		edit(&f)
		return f
	}
	for _, tc := range []struct {
		name      string
		data      []byte
		container Container
		want      Facts
	}{
		{"bare", forge{}.stream(), Bare, gray},
		{"jp2", box("jp2 "), JP2, gray},
		{"jpx", box("jpx "), JPX, gray},
		{"jph", box("jph "), JPH, gray},
		{"unknown brand", box("mine"), JP2, gray},
		{"colour", size(three), Bare, change(func(f *Facts) { f.Components, f.Channels, f.Gray = 3, 3, false })},
		{"HT by CAP", with(segment(CAP, 0, 2, 0, 0, 0, 0)), Bare, change(func(f *Facts) { f.HT = true })},
		{"HT by style", coding(0, 0, 0, 1, 0, 1, 4, 4, 0x40, 1), Bare, change(func(f *Facts) { f.HT = true })},
		{
			"fewest levels", forge{siz: three, segments: [][]byte{segment(COC, 1, 0, 0, 4, 4, 0, 1)}}.stream(), Bare,
			change(func(f *Facts) { f.Components, f.Channels, f.Gray, f.Levels = 3, 3, false, 0 }),
		},
		{"tiles", size(func(s *forgedSize) { s.XTsiz = 5 }), Bare, change(func(f *Facts) { f.TileWidth, f.TileHeight = 5, 8 })},
		{"origin", size(func(s *forgedSize) { s.XOsiz, s.Xsiz, s.XTsiz = 5, 12, 20 }), Bare, change(func(f *Facts) { f.Width = 7 })},
		{"depth", size(func(s *forgedSize) { s.components[0] = 0x8F }), Bare, change(func(f *Facts) { f.Bits = 16 })},
		{"markers without length", with([]byte{0xFF, 0x30, 0xFF, 0x3F}), Bare, gray},
		{"unknown segment", with(segment(0xFF70, 1, 2, 3)), Bare, gray},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := mustParse(t, tc.data)
			if h.Facts != tc.want || h.Container != tc.container {
				t.Errorf("got %s %+v, want %s %+v", h.Container, h.Facts, tc.container, tc.want)
			}
		})
	}
}

// TestPrecedence: COC outranks COD and QCC outranks QCD wherever they stand (A.6).
func TestPrecedence(t *testing.T) {
	h := mustParse(t, forge{siz: three, segments: [][]byte{
		segment(COC, 1, 1, 2, 2, 3, 1, 0, 0x44, 0x55, 0x66),
		segment(QCC, 1, 0x21, 0x12, 0x34),
		segment(RGN, 2, 0, 7),
	}}.stream())
	first, second, third := h.Codestream.Params.Components[0], h.Codestream.Params.Components[1], h.Codestream.Params.Components[2]
	if first.Levels != 1 || !first.Reversible || first.Quant.Guard != 2 || first.Shift != 0 {
		t.Errorf("component 0: %+v", first)
	}
	if second.Levels != 2 || second.BlockX != 4 || second.BlockY != 5 || second.Blocks != Bypass || second.Reversible ||
		second.Precincts[2] != (Precinct{6, 6}) || second.Quant.Style != Derived || second.Quant.Steps[0] != 0x1234 {
		t.Errorf("component 1: %+v", second)
	}
	if third.Shift != 7 || third.Levels != 1 {
		t.Errorf("component 2: %+v", third)
	}
}

// TestCodestreamExtent covers the three ways a box tells its length, and truncation.
func TestCodestreamExtent(t *testing.T) {
	stream := forge{}.stream()
	front := forge{}.file()[:62]
	long := binary.BigEndian.AppendUint64([]byte{0, 0, 0, 1, 'j', 'p', '2', 'c'}, uint64(len(stream)+16))
	for _, tc := range []struct {
		name                 string
		data                 []byte
		offset, end, missing int64
	}{
		{"bare", stream, 0, 84, 0},
		{"length", slices.Concat(front, boxOf("jp2c", stream...), boxOf("xml ", '<')), 70, 154, 0},
		{"to the end of the file", slices.Concat(front, []byte("\x00\x00\x00\x00jp2c"), stream), 70, 154, 0},
		{"XLBox", slices.Concat(front, long, stream), 78, 162, 0},
		{"truncated", slices.Concat(front, boxOf("jp2c", stream...))[:150], 70, 150, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cs := mustParse(t, tc.data).Codestream
			if cs.Offset != tc.offset || cs.End != tc.end || cs.Missing != tc.missing {
				t.Errorf("got [%d, %d) and %d missing", cs.Offset, cs.End, cs.Missing)
			}
		})
	}
}

// counted notes the reads it serves.
type counted struct {
	io.ReaderAt
	reads []int
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.reads = append(c.reads, len(p))
	return c.ReaderAt.ReadAt(p, off)
}

// TestReadsAreFew: a round trip to an object store is what costs.
func TestReadsAreFew(t *testing.T) {
	skipped := make([]byte, 300<<10)
	for _, tc := range []struct {
		name string
		data []byte
		want []int
	}{
		{"small", forge{}.file(), []int{len(forge{}.file())}},
		{"large", append(forge{}.file(), skipped...), []int{64 << 10}},
		{"metadata in between", slices.Concat(forge{}.file()[:62], boxOf("xml ", skipped...), forge{}.file()[62:]), []int{64 << 10, 92}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &counted{ReaderAt: bytes.NewReader(tc.data)}
			if _, err := ReadHeader(r, int64(len(tc.data)), DefaultBudget()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(r.reads, tc.want) {
				t.Errorf("reads of %v bytes, want %v", r.reads, tc.want)
			}
		})
	}
}

func TestComment(t *testing.T) {
	long := append([]byte{0, 1}, bytes.Repeat([]byte{0xE9}, 1000)...)
	h := mustParse(t, with(segment(COM, 0, 0, 1, 2, 3), segment(COM, long...), segment(COM, 0, 1, 'x')))
	if got := []rune(h.Codestream.Comment); len(got) != maxComment || got[0] != 'é' {
		t.Errorf("comment %q", h.Codestream.Comment)
	}
}
