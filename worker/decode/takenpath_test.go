//go:build cgo

package decode

import (
	"bytes"
	"testing"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// some are streams that differ in what the decoder does on several threads.
var some = []coded{
	{"plain", "300,200,3,8,u", "-b 32,32", nil},
	{"lossy tiles", "300,200,3,8,u", "-I -r 10 -t 64,64 -n 4 -b 16,16", nil},
	{"deep", "300,200,3,16,u", "-n 3", nil},
}

// TestTakenAgain: what is kept of a request answers the same one alike, and alike whatever
// the number of threads.
func TestTakenAgain(t *testing.T) {
	for _, c := range some {
		t.Run(c.name, func(t *testing.T) {
			file := c.file(t)
			stream, req := synthesised(t, indexOf(t, file), file, jp2.Rect{X0: 31, Y0: 17, X1: 277, Y1: 181}, 0)
			kept.clear()
			first := mustTake(t, stream, req)
			held := kept.inOrder()
			for threads := range protocol.MaxThreads + 1 {
				req.Threads = threads
				if again := mustTake(t, stream, req); !bytes.Equal(again, first) {
					t.Errorf("with %d threads: %s", threads, firstDifference(again, first))
				}
			}
			if held == 0 || kept.inOrder() != held {
				t.Errorf("%d blocks are kept, %d at first", kept.inOrder(), held)
			}
			kept.clear()
			if anew := mustTake(t, stream, req); !bytes.Equal(anew, first) {
				t.Errorf("anew on threads: %s", firstDifference(anew, first))
			}
		})
	}
}

// TestTakenRender: the answers of Render are the same bytes twice, and those of a file.
func TestTakenRender(t *testing.T) {
	file := some[1].file(t)
	stream, req := synthesised(t, indexOf(t, file), file, jp2.Rect{X0: 40, Y0: 50, X1: 168, Y1: 178}, 0)
	answer := func(data []byte, req protocol.Request) []byte {
		req.Op, req.JPEG, req.Output, req.Width, req.Height = protocol.Render, 85, "jpg", 128, 128
		result, err := Render(data, req)
		if err != nil {
			t.Fatal(err)
		}
		defer result.Free()
		return bytes.Clone(result.Body)
	}
	want := answer(file, of(jp2.Rect{X0: 40, Y0: 50, X1: 168, Y1: 178}, 0))
	for range 2 {
		if got := answer(stream, req); !bytes.Equal(got, want) {
			t.Errorf("%d bytes, want the file's %d", len(got), len(want))
		}
	}
}

// TestTakenInBlocks: an image that is decoded piece by piece is the same as in one.
func TestTakenInBlocks(t *testing.T) {
	for _, c := range some {
		file := c.file(t)
		stream, req := synthesised(t, indexOf(t, file), file, jp2.Rect{X0: 3, Y0: 5, X1: 291, Y1: 199}, 0)
		want := mustTake(t, stream, req)
		for _, pixels := range []int{64 * 20, 64 * 100, 64 * 290} {
			if got := takenInBlocks(t, stream, req, pixels); !bytes.Equal(got, want) {
				t.Errorf("%s in pieces of %d: %s", c.name, pixels, firstDifference(got, want))
			}
		}
	}
}

func takenInBlocks(t *testing.T, stream []byte, req protocol.Request, pixels int) []byte {
	t.Helper()
	defer pin(stream)()
	c, err := openCodestream(stream, req)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.blockPixels = pixels
	p, err := c.decode(req, true)
	if err != nil || c.taken == nil {
		t.Fatalf("taken %v: %v", c.taken != nil, err)
	}
	defer p.free()
	return rowsOf(p)
}

// TestTakenBounded: what one request has decoded and could be kept is not more than all that
// may be kept: nothing of it drives out the rest.
func TestTakenBounded(t *testing.T) {
	defer func(all *coefficients) { kept.clear(); kept = all }(kept)
	kept = newCoefficients(100 << 10)
	file := some[0].file(t)
	stream, req := synthesised(t, indexOf(t, file), file, jp2.Rect{X1: 300, Y1: 200}, 0)
	want := mustTake(t, stream, req)
	if kept.held < kept.most/2 || kept.held > kept.most || len(kept.free) > 0 {
		t.Errorf("%d of %d bytes are held, %d blocks were dropped", kept.held, kept.most, len(kept.free))
	}
	if again := mustTake(t, stream, req); !bytes.Equal(again, want) {
		t.Error(firstDifference(again, want))
	}
}

// TestTakenBoxes: opacity and profiles stand in the boxes around a codestream, and are heeded.
func TestTakenBoxes(t *testing.T) {
	im := decodertest.Texture(120, 90)
	for i := 3; i < len(im.Pix); i += 4 {
		im.Pix[i] = byte(i / 7)
	}
	file := decodertest.Read(t, decodertest.JP2(t, im, "-n", "3"))
	stream, req := synthesised(t, indexOf(t, file), file, jp2.Rect{X0: 10, Y0: 20, X1: 100, Y1: 80}, 1)
	want := mustLeave(t, file, of(jp2.Rect{X0: 10, Y0: 20, X1: 100, Y1: 80}, 1))
	if got := mustTake(t, stream, req); !bytes.Equal(got, want) || !bytes.HasPrefix(got, []byte("45x30 4 8")) {
		t.Errorf("%.10q: %s", got, firstDifference(got, want))
	}
}

// TestLeftAlone: what is not of our own make is left to OpenJPEG, as is all that asks for
// less than the whole.
func TestLeftAlone(t *testing.T) {
	file := some[0].file(t)
	stream, req := synthesised(t, indexOf(t, file), file, jp2.Rect{X1: 300, Y1: 200}, 0)
	left := map[string]func(*protocol.Request) []byte{
		"a file":             func(*protocol.Request) []byte { return file },
		"a descriptor":       func(r *protocol.Request) []byte { r.Stream = 0; return stream },
		"levels to drop":     func(r *protocol.Request) []byte { r.Reduce = 1; return stream },
		"a damaged one":      func(r *protocol.Request) []byte { r.Lenient = true; return stream },
		"bytes after it":     func(*protocol.Request) []byte { return append(bytes.Clone(stream), 0) },
		"another tile-part":  func(*protocol.Request) []byte { return edited(stream, 0xFF90, 7, 2) },
		"another COD's flag": func(*protocol.Request) []byte { return edited(stream, markerCOD, 0, 3) },
	}
	want := mustTake(t, stream, req)
	for name, change := range left {
		other := req
		data := change(&other)
		got, taken, err := samplesOf(data, other)
		if taken || name != "levels to drop" && err == nil && !bytes.Equal(got, want) {
			t.Errorf("%s is taken, or another", name)
		}
	}
}

// TestAnotherWavelet: what says that it is of another wavelet is what OpenJPEG takes it for.
func TestAnotherWavelet(t *testing.T) {
	for _, c := range some {
		file := c.file(t)
		stream, req := synthesised(t, indexOf(t, file), file, jp2.Rect{X1: 64, Y1: 64}, 0)
		at, _ := segmentOf(stream, markerCOD)
		other := edited(stream, markerCOD, 9, stream[at+9]^1)
		compareMutated(t, other, 0)
		if a, _, err := samplesOf(other, req); err == nil && bytes.Equal(a, mustTake(t, stream, req)) {
			t.Errorf("%s: the wavelet makes no difference", c.options)
		}
	}
}

// edited changes one byte of a marker segment.
func edited(stream []byte, marker uint16, at int, to byte) []byte {
	stream = bytes.Clone(stream)
	begin, _ := segmentOf(stream, marker)
	stream[begin+at] = to
	return stream
}
