package jp2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func size(change func(*forgedSize)) []byte { return forge{siz: change}.stream() }

func coding(cod ...byte) []byte { return forge{cod: cod}.stream() }

func with(segments ...[]byte) []byte { return forge{segments: segments}.stream() }

func header(boxes ...[]byte) []byte { return forge{headBoxes: boxes}.file() }

func three(s *forgedSize) { s.Csiz, s.components = 3, []byte{7, 1, 1, 7, 1, 1, 7, 1, 1} }

// hostile are files that must be refused, and the words of the refusal.
var hostile = []struct {
	name string
	data []byte
	want string
}{
	{"empty", nil, "file at 0: ends after byte 0"},
	{"another format", []byte("GIF89a of no interest"), "file at 0: is no JPEG 2000 file"},
	{"SOC alone", []byte{0xFF, 0x4F}, "marker at 2: codestream ends at 2 inside its headers"},
	{"no SIZ", append([]byte{0xFF, 0x4F}, segment(COD, 0, 0, 0, 1, 0, 1, 4, 4, 0, 1)...), "COD at 2: SIZ is the first"},
	{"SIZ twice", with(segment(SIZ, make([]byte, 39)...)), "SIZ at 68: SIZ is the first"},
	{"SIZ short", slices.Concat([]byte{0xFF, 0x4F}, segment(SIZ, 0, 0, 0)), "SIZ at 2: too short"},
	{"no components", size(func(s *forgedSize) { s.Csiz, s.components = 0, nil }), "SIZ at 2: 0 components: more than 1 to 5"},
	{"six components", size(func(s *forgedSize) { s.Csiz, s.components = 6, make([]byte, 18) }), "SIZ at 2: 6 components"},
	{"components past the segment", size(func(s *forgedSize) { s.Csiz = 16384 }), "SIZ at 2: 16384 components do not fit"},
	{"empty area", size(func(s *forgedSize) { s.XOsiz = 8 }), "SIZ at 2: empty image area"},
	{"side", size(func(s *forgedSize) { s.Xsiz = 1 << 30 }), "SIZ at 2: image of 1073741824×8 pixels"},
	{"tile of nothing", size(func(s *forgedSize) { s.XTsiz = 0 }), "SIZ at 2: tile of 0×8 pixels"},
	{"tile of 2^32", size(func(s *forgedSize) { s.XTsiz, s.YTsiz = 1<<32-1, 1 }), "SIZ at 2: tile of 4294967295×1"},
	{"tile off the image", size(func(s *forgedSize) { s.XTOsiz = 1 }), "SIZ at 2: first tile at 1,0"},
	{"first tile empty", size(func(s *forgedSize) { s.Xsiz, s.XOsiz = 20, 9 }), "SIZ at 2: first tile at 0,0"},
	{"65536 tiles", size(func(s *forgedSize) { s.Xsiz, s.Ysiz, s.XTsiz, s.YTsiz = 256, 256, 1, 1 }), "SIZ at 2: 256×256 tiles"},
	{"tile samples", size(func(s *forgedSize) { s.Xsiz, s.Ysiz, s.XTsiz, s.YTsiz = 1<<20, 1<<20, 1<<20, 1<<20 }), "SIZ at 2: tile of 1048576×1048576 pixels: more than 2^32 samples"},
	{"depth", size(func(s *forgedSize) { s.components[0] = 37 }), "SIZ at 2: component 0 has 38 bits"},
	{"sampling", size(func(s *forgedSize) { s.components[1] = 0 }), "SIZ at 2: component 0 has sampling 0×1"},
	{"no samples", size(func(s *forgedSize) { s.XOsiz, s.components[1] = 1, 255 }), "SIZ at 2: component 0 has no samples"},
	{"levels", coding(0, 0, 0, 1, 0, 33, 4, 4, 0, 1), "COD at 45: 33 wavelet levels"},
	{"levels without steps", coding(0, 0, 0, 1, 0, 2, 4, 4, 0, 1), "SOT at 68: component 0 has 4 step sizes for 2 levels"},
	{"layers", coding(0, 0, 0, 0, 0, 1, 4, 4, 0, 1), "COD at 45: no layers"},
	{"progression", coding(0, 5, 0, 1, 0, 1, 4, 4, 0, 1), "COD at 45: progression 5"},
	{"transform over components", coding(0, 0, 0, 1, 2, 1, 4, 4, 0, 1), "COD at 45: component transform 2"},
	{"block side", coding(0, 0, 0, 1, 0, 1, 9, 0, 0, 1), "COD at 45: code-block of 2^11×2^2"},
	{"block area", coding(0, 0, 0, 1, 0, 1, 5, 4, 0, 1), "COD at 45: code-block of 2^7×2^6"},
	{"block style", coding(0, 0, 0, 1, 0, 1, 4, 4, 0x80, 1), "COD at 45: code-block style 0x80"},
	{"wavelet", coding(0, 0, 0, 1, 0, 1, 4, 4, 0, 2), "COD at 45: wavelet 2"},
	{"precinct without blocks", coding(1, 0, 0, 1, 0, 1, 4, 4, 0, 1, 0xFF, 0xF0), "COD at 45: precinct of 2^0×2^15"},
	{"precincts missing", coding(1, 0, 0, 1, 0, 1, 4, 4, 0, 1, 0xFF), "COD at 45: too short"},
	{"precincts surplus", coding(1, 0, 0, 1, 0, 1, 4, 4, 0, 1, 0xFF, 0xFF, 0xFF), "COD at 45: 1 bytes longer"},
	{"COD cut", coding(0, 0, 0), "COD at 45: too short"},
	{"COD twice", with(segment(COD, 0, 0, 0, 1, 0, 1, 4, 4, 0, 1)), "COD at 68: given twice"},
	{"COC of nobody", with(segment(COC, 1, 0, 1, 4, 4, 0, 1)), "COC at 68: component 1 of 1"},
	{"COC twice", with(segment(COC, 0, 0, 1, 4, 4, 0, 1), segment(COC, 0, 0, 1, 4, 4, 0, 1)), "COC at 79: given twice"},
	{"QCD style", forge{qcd: []byte{3, 0}}.stream(), "QCD at 59: quantisation style 3"},
	{"QCD empty", forge{qcd: []byte{2}}.stream(), "QCD at 59: 0 bytes of step sizes"},
	{"QCD long", forge{qcd: make([]byte, 99)}.stream(), "QCD at 59: 98 step sizes"},
	{"QCC of nobody", with(segment(QCC, 9, 0x40, 1)), "QCC at 68: component 9 of 1"},
	{"RGN shift", with(segment(RGN, 0, 0, 38)), "RGN at 68: style 0 with shift 38"},
	{"RGN of nobody", with(segment(RGN, 3, 0, 1)), "RGN at 68: component 3 of 1"},
	{"POC ragged", with(segment(POC, 0, 0, 0, 1, 1, 1)), "POC at 68: 6 bytes are no whole number"},
	{"POC empty change", with(segment(POC, 1, 0, 0, 1, 1, 1, 0)), "POC at 68: change 0 is empty"},
	{"CAP short", with(segment(CAP, 0, 0)), "CAP at 68: too short"},
	{"length below itself", with([]byte{0xFF, 0x64, 0, 1}), "COM at 68: length 1"},
	{"length past the end", with([]byte{0xFF, 0x64, 0xFF, 0xFF}), "COM at 68: length 65535 reaches past"},
	{"no marker", with([]byte{0x12, 0x34}), "marker at 68: 1234 is not a marker"},
	{"SOD in the main header", with([]byte{0xFF, 0x93}), "SOD at 68: has no place"},
	{"EOC at once", with([]byte{0xFF, 0xD9}), "EOC at 68: has no place"},
	{"PLT in the main header", with(segment(PLT, 0, 1)), "PLT at 68: has no place"},
	{"markers without end", with(bytes.Repeat([]byte{0xFF, 0x30}, 2000)), "marker FF30 at 2110: more than 1024 segments"},
	{
		"precincts of one sample",
		forge{siz: func(s *forgedSize) { s.Xsiz, s.Ysiz, s.XTsiz, s.YTsiz = 1<<12, 1<<12, 1<<12, 1<<12 }, cod: []byte{1, 0, 0, 1, 0, 0, 4, 4, 0, 1, 0}}.stream(),
		"SOT at 69: 16777216 precincts in a tile: more than 2^20",
	},
	{
		"code-blocks of 16 samples",
		forge{siz: func(s *forgedSize) { s.Xsiz, s.Ysiz, s.XTsiz, s.YTsiz = 1<<14, 1<<14, 1<<14, 1<<14 }, cod: []byte{0, 0, 0, 1, 0, 1, 0, 0, 0, 1}}.stream(),
		"code-blocks in a tile: more than 2^21",
	},
	{
		"packets",
		forge{siz: func(s *forgedSize) { s.Xsiz, s.Ysiz, s.XTsiz, s.YTsiz = 255, 255, 1, 1 }, cod: []byte{0, 0, 0xFF, 0xFF, 0, 1, 4, 4, 0, 1}}.stream(),
		"packets: more than 2^25",
	},

	{"wrong signature", append(boxOf("jP  ", 1, 2, 3, 4), magic()...), "jP   at 0: is not the signature"},
	{"no ftyp", append(boxOf("jP  ", 0x0D, 0x0A, 0x87, 0x0A), boxOf("jp2h")...), "jp2h at 12: ftyp is the second box"},
	{"no codestream", magic(), "file at 32: ends without a codestream"},
	{"codestream first", append(magic(), boxOf("jp2c", forge{}.stream()...)...), "jp2c at 32: comes before the JP2 header"},
	{"jp2h twice", slices.Concat(forge{}.file()[:62], boxOf("jp2h")), "jp2h at 62: given twice"},
	{"jp2h empty", append(magic(), boxOf("jp2h")...), "jp2h at 32: has no ihdr"},
	{"ihdr late", append(magic(), boxOf("jp2h", colourGray()...)...), "colr at 40: ihdr is the first box"},
	{"ihdr short", forge{ihdr: []byte{0, 0, 0, 8}}.file(), "ihdr at 40: "},
	{"ihdr without components", forge{ihdr: []byte{0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 7, 7, 0, 0}}.file(), "ihdr at 40: no components"},
	{"another compression", forge{ihdr: []byte{0, 0, 0, 8, 0, 0, 0, 8, 0, 1, 7, 6, 0, 0}}.file(), "ihdr at 40: compression 6"},
	{"ihdr of another size", forge{ihdr: []byte{0, 0, 0, 8, 0, 0, 0, 9, 0, 1, 7, 7, 0, 0}}.file(), "ihdr at 40: 9×8 pixels, but 8×8"},
	{"ihdr of more components", forge{ihdr: []byte{0, 0, 0, 8, 0, 0, 0, 8, 0, 3, 7, 7, 0, 0}}.file(), "ihdr at 40: 3 components, but 1"},
	{"bpcc", header(boxOf("bpcc", 7, 7)), "bpcc at 62: 2 depths for 1 components"},
	{"nested past jp2h", header([]byte{0, 0, 1, 0, 'c', 'o', 'l', 'r'}), "colr at 62: reaches 248 bytes past the end of jp2h"},
	{"box below its header", header([]byte{0, 0, 0, 7, 'c', 'o', 'l', 'r'}), "colr at 62: length 7"},
	{"XLBox of 2^63", append(magic(), 0, 0, 0, 1, 'f', 'r', 'e', 'e', 0x80, 0, 0, 0, 0, 0, 0, 0), "free at 32: length 9223372036854775808"},
	{"XLBox cut", append(magic(), 0, 0, 0, 1, 'f', 'r', 'e', 'e', 0), "free at 32: 9 bytes are too few"},
	{"boxes without end", append(magic(), bytes.Repeat(boxOf("free"), 3000)...), "more than 1024 boxes"},
	{"boxes without end in jp2h", header(bytes.Repeat(boxOf("free"), 3000)), "more than 1024 boxes"},
	{"name of control characters", append(magic(), 0, 0, 0, 4, '\n', 0, 'x', 0xFF), "??x? at 32: length 4"},
	{"colr short", header(boxOf("colr", 1, 0, 0, 0)), "colr at 62: too short"},
	{"pclr alone", header(boxOf("pclr", 0, 1, 1, 7, 0)), "pclr at 62: pclr and cmap"},
	{"cmap alone", header(boxOf("cmap", 0, 0, 1, 0)), "cmap at 62: pclr and cmap"},
	{"pclr entries", header(boxOf("pclr", 4, 1, 1, 7)), "pclr at 62: 1025 entries"},
	{"pclr columns", header(boxOf("pclr", 0, 1, 255)), "pclr at 62: 255 columns"},
	{"pclr depth", header(boxOf("pclr", 0, 1, 1, 63)), "pclr at 62: column 0 has 64 bits"},
	{"pclr cut", header(boxOf("pclr", 4, 0, 3, 7, 7, 7, 1)), "pclr at 62: too short"},
	{"pclr twice", header(boxOf("pclr", 0, 1, 1, 7, 0), boxOf("pclr", 0, 1, 1, 7, 0)), "pclr at 75: given twice"},
	{"cmap of no column", header(boxOf("pclr", 0, 1, 1, 7, 0), boxOf("cmap", 0, 0, 1, 1)), "cmap at 75: channel 0 is made by column 1 of 1"},
	{"cmap of no component", header(boxOf("pclr", 0, 1, 1, 7, 0), boxOf("cmap", 0, 1, 1, 0)), "cmap at 75: channel 0 is made of component 1 of 1"},
	{"cmap of no kind", header(boxOf("cmap", 0, 0, 2, 0)), "cmap at 62: channel 0 is mapped in way 2"},
	{"cmap ragged", header(boxOf("cmap", 0, 0, 1)), "cmap at 62: 3 bytes"},
	{"cdef of no channel", header(boxOf("cdef", 0, 1, 0, 7, 0, 0, 0, 1)), "cdef at 62: channel 7 of 1"},
	{"cdef count", header(boxOf("cdef", 0xFF, 0xFF)), "cdef at 62: 65535 definitions"},
	{"cdef association", header(boxOf("cdef", 0, 1, 0, 0, 0, 0, 0, 2)), "cdef at 62: channel 0 stands for colour 2 of 1"},
	{"resolution past res", header(boxOf("res ", 0, 0, 0, 18, 'r', 'e', 's', 'c')), "resc at 70: reaches"},
}

func TestHostile(t *testing.T) {
	for _, tc := range hostile {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parse(tc.data)
			var refusal *Error
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q, want %q in it", err, tc.want)
			}
		})
	}
}

// TestHostileCost is R3: 10 ms and 16 MB at most for any refusal.
func TestHostileCost(t *testing.T) {
	const most, runs = 16 << 20, 5
	for _, tc := range hostile {
		fastest := time.Hour
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs { // the machine may be busy: the fastest run counts
			start := time.Now()
			_, _ = parse(tc.data)
			fastest = min(fastest, time.Since(start))
		}
		runtime.ReadMemStats(&after)
		if fastest > 10*time.Millisecond {
			t.Errorf("%s: %v", tc.name, fastest)
		}
		if used := (after.TotalAlloc - before.TotalAlloc) / runs; used > most {
			t.Errorf("%s: %d bytes allocated", tc.name, used)
		}
	}
}

// huge pretends to be a file of any size that repeats one marker segment for ever.
type huge struct{ head, repeat []byte }

func (h huge) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, h.head[min(off, int64(len(h.head))):])
	for i := n; i < len(p); i++ {
		p[i] = h.repeat[(off+int64(i)-int64(len(h.head)))%int64(len(h.repeat))]
	}
	return len(p), nil
}

func TestHeaderBytesAreBounded(t *testing.T) {
	stream := forge{}.stream()
	endless := huge{stream[:len(stream)-len(emptyTilePart)], append(segment(PPM), make([]byte, 65533)...)}
	binary.BigEndian.PutUint16(endless.repeat[2:], 65535)
	_, err := ReadHeader(endless, 1<<37, DefaultBudget())
	if err == nil || !strings.Contains(err.Error(), "headers are longer than the bytes allowed") {
		t.Errorf("got %v", err)
	}
	if _, err = ReadHeader(endless, 1<<50, DefaultBudget()); err == nil {
		t.Error("a file beyond FileBytes was read")
	}
}

// TestReaderFailure: a failing disk or network is not the file's fault.
func TestReaderFailure(t *testing.T) {
	data := forge{}.file()
	_, err := ReadHeader(bytes.NewReader(data[:50]), int64(len(data)), DefaultBudget())
	var refusal *Error
	if !errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &refusal) {
		t.Errorf("got %v, want an unexpected EOF", err)
	}
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	if _, err = ReadHeader(closed, 100, DefaultBudget()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want os.ErrClosed", err)
	}
}

func FuzzReadHeader(f *testing.F) {
	f.Add(forge{}.stream())
	f.Add(forge{}.file())
	f.Add(richFile())
	for _, tc := range hostile {
		f.Add(tc.data)
	}
	for _, data := range publicFiles(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parse(data)
		var refusal *Error
		switch {
		case err != nil && !errors.As(err, &refusal):
			t.Fatalf("%v is no *Error", err)
		case err == nil && (h.Width < 1 || h.Height < 1 || h.Bits < 1 || h.Channels < 1 || h.Levels > 32):
			t.Fatalf("impossible facts %+v", h.Facts)
		}
	})
}
