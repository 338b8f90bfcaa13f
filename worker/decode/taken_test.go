//go:build cgo

package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/jp2/jp2test"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// coded is a structure of which code-blocks are taken one by one: how opj_compress is to
// read samples (its option -F), what else it is told, and what is done to the codestream.
type coded struct {
	name, format, options string
	edit                  func(stream []byte) []byte
}

// codings are all that differs in how blocks, wavelets and samples are coded.
var codings = []coded{
	{"plain", "200,150,3,8,u", "", nil},
	{"lossy", "200,150,3,8,u", "-I -r 10", nil},
	{"lossless in layers", "200,150,3,8,u", "-r 40,20,8,1 -b 32,32", nil},
	{"lossy in layers", "200,150,3,8,u", "-I -r 60,30,10,3 -b 16,16", nil},
	{"layers of hardly a byte", "90,70,1,8,u", "-r 200,180,160,140,120,100,80,60,40,20,10,5,2 -b 64,64", nil},
	{"contexts reset", "150,120,3,8,u", "-M 2", nil},
	{"each pass ends its codeword", "150,120,3,8,u", "-M 4 -r 30,10,1", nil},
	{"codewords of one pass, deep", "150,120,1,16,u", "-M 4 -b 16,16", nil},
	{"vertically causal", "150,121,3,8,u", "-M 8", nil},
	{"predictable termination", "150,120,3,8,u", "-M 16", nil},
	{"segmentation symbols", "150,120,3,8,u", "-M 32", nil},
	{"all styles, lossless", "150,120,3,8,u", "-M 62 -r 20,5,1", nil},
	{"all styles, lossy", "150,123,3,8,u", "-M 62 -I -r 20,5", nil},
	{"blocks of 4 by 4", "70,50,3,8,u", "-b 4,4", nil},
	{"blocks of 1024 by 4", "1100,40,1,8,u", "-b 1024,4", nil},
	{"blocks of 4 by 1024", "40,1100,1,8,u", "-b 4,1024 -I -r 5", nil},
	{"precincts smaller than blocks", "150,120,3,8,u", "-b 64,64 -c [32,32],[16,16],[8,8]", nil},
	{"precincts of hardly a sample", "40,30,1,8,u", "-b 64,64 -c [8,4],[4,8] -n 2", nil},
	{"no levels", "77,55,3,8,u", "-n 1", nil},
	{"no levels, lossy", "77,55,3,8,u", "-n 1 -I -r 4", nil},
	{"more levels than there are", "30,20,3,8,u", "-n 9 -t 256,256", nil},
	{"more levels than there are, lossy", "30,20,3,8,u", "-n 9 -I -r 3 -t 256,256", nil},
	{"one pixel", "1,1,3,8,u", "-t 64,64", nil},
	{"one pixel at an odd place", "1,1,3,8,u", "-d 7,5 -t 64,64", nil},
	{"one pixel at an odd place, lossy", "1,1,1,8,u", "-I -r 1 -d 7,5 -t 64,64", nil},
	{"one pixel wide", "1,100,3,8,u", "-n 4 -t 128,128", nil},
	{"one pixel wide at an odd place", "1,100,3,8,u", "-n 4 -d 5,3 -t 128,128", nil},
	{"one pixel wide, lossy", "1,100,3,8,u", "-n 4 -I -r 3 -t 128,128", nil},
	{"one pixel high", "100,1,3,8,u", "-n 4 -t 128,128", nil},
	{"one pixel high at an odd place, lossy", "100,1,3,8,u", "-n 4 -I -r 3 -d 1,7 -t 128,128", nil},
	{"two pixels wide, lossy", "2,90,1,8,u", "-n 3 -I -r 2 -d 1,1 -t 128,128", nil},
	{"offset", "150,120,3,8,u", "-d 37,53", nil},
	{"tiles of odd size and place", "150,120,3,8,u", "-t 33,47 -T 5,7 -d 9,11 -n 3", nil},
	{"tiles of odd size and place, lossy", "150,120,3,8,u", "-t 33,47 -T 5,7 -d 9,11 -n 3 -I -r 5", nil},
	{"tiles of five pixels", "31,27,3,8,u", "-t 5,5 -n 2", nil},
	{"tiles of one pixel", "6,5,1,8,u", "-t 1,1 -n 1", nil},
	{"tiles of which a pixel is left", "67,67,1,8,u", "-t 64,64 -d 62,62 -n 4", nil},
	{"tiles one pixel wide and high", "66,66,1,8,u", "-t 64,64 -d 63,63 -n 2", nil},
	{"sampled by two in tiles of six", "50,40,3,8,u@1x1:2x2:2x2", "-mct 0 -t 6,6 -n 2", nil},
	{"sampled by four in tiles of six", "50,40,3,8,u@1x1:4x4:4x4", "-mct 0 -t 6,6 -n 1", nil},
	{"sampled by two", "150,120,3,8,u@1x1:2x2:2x2", "-mct 0", nil},
	{"sampled by two in tiles, lossy", "150,120,3,8,u@1x1:2x1:2x1", "-mct 0 -t 32,34 -n 3 -I -r 4", nil},
	{"sampled by three in tiles of odd size", "150,120,3,8,u@1x1:3x3:3x1", "-mct 0 -t 33,31 -n 3", nil},
	{"tiles without a sample of one component", "20,20,3,8,u@1x1:4x4:4x4", "-mct 0 -t 3,3 -n 1", nil},
	{"components apart", "120,100,3,8,u", "-mct 0 -I -r 6", nil},
	{"two components", "120,100,2,8,u", "", nil},
	{"four components", "120,100,4,8,u", "", nil},
	{"1 bit", "120,100,1,1,u", "", nil},
	{"4 bits", "120,100,1,4,u", "-n 3", nil},
	{"8 bits signed", "120,100,3,8,s", "", nil},
	{"12 bits signed, lossy", "120,100,1,12,s", "-I -r 8", nil},
	{"16 bits", "120,100,3,16,u", "-r 4,1", nil},
	{"16 bits, lossy", "120,100,3,16,u", "-I -r 8", nil},
	{"16 bits signed", "120,100,1,16,s", "", nil},
	{"one guard bit", "150,120,3,8,u", "", guards(1)},
	{"seven guard bits", "150,120,3,8,u", "", guards(7)},
	{"seven guard bits, lossy", "150,120,3,8,u", "-I -r 10", guards(7)},
	{"steps derived", "150,120,3,8,u", "-I -r 10", derived},
	{"integers with steps of their own", "150,120,1,8,u", "", expounded},
}

// segmentOf finds a marker segment of the main header: its contents after the length.
func segmentOf(stream []byte, marker uint16) (begin, end int) {
	for at := 2; ; {
		length := 2 + int(binary.BigEndian.Uint16(stream[at+2:]))
		if binary.BigEndian.Uint16(stream[at:]) == marker {
			return at + 4, at + length
		}
		at += length
	}
}

const (
	markerCOD = 0xFF52
	markerQCD = 0xFF5C
)

// guards has the file say that it has so many guard bits: the samples are others then, and
// no encoder's.
func guards(n byte) func([]byte) []byte {
	return func(stream []byte) []byte {
		at, _ := segmentOf(stream, markerQCD)
		stream[at] = stream[at]&31 | n<<5
		return stream
	}
}

// withQuant puts another quantisation in place of the file's.
func withQuant(stream []byte, contents ...byte) []byte {
	at, end := segmentOf(stream, markerQCD)
	head := binary.BigEndian.AppendUint16(bytes.Clone(stream[:at-2]), uint16(2+len(contents)))
	return slices.Concat(head, contents, stream[end:])
}

// derived keeps the lowest band's step alone, from which the others follow (E-5).
func derived(stream []byte) []byte {
	at, _ := segmentOf(stream, markerQCD)
	return withQuant(stream, stream[at]&^31|1, stream[at+1], stream[at+2])
}

// expounded tells exponents as steps, though the wavelet is of integers.
func expounded(stream []byte) []byte {
	at, end := segmentOf(stream, markerQCD)
	contents := []byte{stream[at]&^31 | 2}
	for _, b := range stream[at+1 : end] {
		contents = binary.BigEndian.AppendUint16(contents, uint16(b>>3)<<11|0x123)
	}
	return withQuant(stream, contents...)
}

// file makes the codestream.
func (c coded) file(t testing.TB) []byte {
	t.Helper()
	stream := compressed(t, samplesFor(c.format), c.format, c.options)
	if c.edit != nil {
		stream = c.edit(stream)
	}
	return stream
}

func compressed(t testing.TB, samples []byte, format, options string) []byte {
	t.Helper()
	raw := decodertest.WriteFile(t, "in.raw", samples)
	args := append([]string{"-F", format}, strings.Fields(options)...)
	return decodertest.Read(t, decodertest.Compress(t, raw, ".j2k", args...))
}

// samplesFor are samples of as many bits as the format says.
func samplesFor(format string) []byte {
	texture := decodertest.Texture(512, 512).Pix
	bits, _ := strconv.Atoi(strings.Split(format, ",")[3])
	for i := range texture {
		if bits > 8 && i&1 == 0 { // the higher byte
			texture[i] &= 1<<(bits-8) - 1
		} else if bits < 8 {
			texture[i] &= 1<<bits - 1
		}
	}
	return texture
}

// indexOf is the file's index, by which others are synthesised.
func indexOf(t testing.TB, file []byte) *jp2.Index {
	t.Helper()
	h, err := jp2.ReadHeader(bytes.NewReader(file), int64(len(file)), jp2.DefaultBudget())
	if err != nil {
		t.Fatal(err)
	}
	x, err := jp2.BuildIndex(bytes.NewReader(file), int64(len(file)), h, jp2.DefaultBudget())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// synthesised is the codestream that a region is decoded from, and where it lies there.
func synthesised(t testing.TB, x *jp2.Index, file []byte, region jp2.Rect, reduce int) ([]byte, protocol.Request) {
	t.Helper()
	plan, err := x.Plan(region, reduce)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := plan.SynthesiseFile(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	req := of(plan.Pixels(), 0)
	req.Stream = int64(len(stream))
	return stream, req
}

// of asks for a region in a form that keeps all bits.
func of(r jp2.Rect, reduce int) protocol.Request {
	return protocol.Request{
		Format: tile.JP2, Output: "tif", Budget: 1 << 30, Reduce: reduce,
		Region: iiifurl.Rect{X: int(r.X0), Y: int(r.Y0), W: int(r.X1 - r.X0), H: int(r.Y1 - r.Y0)},
	}
}

// samplesOf are the rows of a region as they are decoded, and whether blocks were taken one
// by one.
func samplesOf(data []byte, req protocol.Request) (pixels []byte, taken bool, err error) {
	defer pin(data)()
	c, err := openCodestream(data, req)
	if err != nil {
		return nil, false, err
	}
	defer c.Close()
	p, err := c.decode(req, true)
	if err != nil {
		return nil, c.taken != nil, err
	}
	defer p.free()
	return rowsOf(p), c.taken != nil, nil
}

// rowsOf are a picture's shape and samples, without the padding.
func rowsOf(p *picture) []byte {
	all := unsafe.Slice((*byte)(p.pixels()), p.stride()*p.height)
	rows := fmt.Appendf(nil, "%dx%d %d %d %v %v\n", p.width, p.height, p.bands, p.bits, p.model, p.alpha)
	for y := range p.height {
		rows = append(rows, all[y*p.stride():][:p.width*p.sampleBytes()]...)
	}
	return rows
}

// mustTake decodes a region block by block, and fails where OpenJPEG does it silently.
func mustTake(t testing.TB, stream []byte, req protocol.Request) []byte {
	t.Helper()
	pixels, taken, err := samplesOf(stream, req)
	if err != nil {
		t.Fatal(err)
	}
	if !taken {
		_, why := jp2.Take(stream, jp2.DefaultBudget())
		t.Fatalf("left to OpenJPEG: %v", why)
	}
	return pixels
}

// regionsOf are the whole image, its corners, a pixel, and what lies askew.
func regionsOf(w, h int64) []jp2.Rect {
	return []jp2.Rect{
		{X1: w, Y1: h},
		{X0: w / 3, Y0: h / 3, X1: w/3 + w/2 + 1, Y1: h/3 + h/2 + 1},
		{X0: w - 1, Y0: h - 1, X1: w, Y1: h},
		{X0: w / 2, Y0: h / 2, X1: w/2 + 1, Y1: h/2 + 1},
		{X0: w / 4, X1: w/4 + 1, Y1: h},
		{Y0: h * 3 / 4, X1: w, Y1: h*3/4 + 1},
		{X0: w / 5, Y0: h / 7, X1: w - w/5, Y1: h - h/7},
	}
}

// TestTakenAgainstOpenJPEG (R3, R7): what is made of code-blocks one by one equals what
// OpenJPEG makes of the whole file, bit for bit, at every resolution.
func TestTakenAgainstOpenJPEG(t *testing.T) {
	defer func(n int) { setInt(&mostTaken, int64(n)) }(int(mostTaken))
	mostTaken = 1 << 20
	for _, c := range codings {
		t.Run(c.name, func(t *testing.T) {
			compareAll(t, c.file(t))
		})
	}
	for _, joined := range jp2test.Cases {
		t.Run(joined.Name, func(t *testing.T) {
			compareAll(t, joined.Make(func(skip int, layout, options string) []byte {
				return compressed(t, samplesFor(layout)[skip:], layout, options)
			}))
		})
	}
}

// compareAll compares regions of a file at its resolutions.
func compareAll(t *testing.T, file []byte) {
	t.Helper()
	x, h, compared := indexOf(t, file), header(t, file), 0
	for reduce := range min(h.Levels, 3) + 1 {
		for _, r := range regionsOf(int64(h.Width), int64(h.Height)) {
			if compareTaken(t, x, file, r, reduce) {
				compared++
			}
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

func header(t testing.TB, file []byte) *jp2.Header {
	t.Helper()
	h, err := jp2.ReadHeader(bytes.NewReader(file), int64(len(file)), jp2.DefaultBudget())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// compareTaken tells whether the region could be synthesised.
func compareTaken(t *testing.T, x *jp2.Index, file []byte, r jp2.Rect, reduce int) bool {
	t.Helper()
	if _, err := x.Plan(r, reduce); err != nil {
		return false // of regions without a pixel, and of tiles that levels do not divide
	}
	stream, req := synthesised(t, x, file, r, reduce)
	plain := req
	plain.Stream = 0
	if _, _, err := samplesOf(stream, plain); err != nil { // of a component without a sample
		if _, _, err := samplesOf(stream, req); err == nil {
			t.Fatalf("%+v reduced by %d: taken, though OpenJPEG refuses it", r, reduce)
		}
		return false
	}
	got, want := mustTake(t, stream, req), mustLeave(t, stream, plain)
	if !bytes.Equal(got, want) {
		t.Errorf("%+v reduced by %d: %s", r, reduce, firstDifference(got, want))
	}
	if want = mustLeave(t, file, of(r, reduce)); !bytes.Equal(got, want) {
		t.Errorf("%+v reduced by %d: not as of the file: %s", r, reduce, firstDifference(got, want))
	}
	return true
}

// mustLeave decodes a region by OpenJPEG.
func mustLeave(t testing.TB, data []byte, req protocol.Request) []byte {
	t.Helper()
	pixels, taken, err := samplesOf(data, req)
	if err != nil || taken {
		t.Fatalf("%+v reduced by %d: taken %v: %v", req.Region, req.Reduce, taken, err)
	}
	return pixels
}

func firstDifference(got, want []byte) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("byte %d of %d is %d, want %d", i, len(want), got[i], want[i])
		}
	}
	return fmt.Sprintf("%d bytes, want %d", len(got), len(want))
}
