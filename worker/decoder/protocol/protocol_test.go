package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

func valid() Request {
	return Request{
		Op: Render, Format: tile.JP2, Region: iiifurl.Rect{X: 1, Y: 2, W: 3, H: 4}, Reduce: 2, Width: 5, Height: 6,
		Mirror: true, Degrees: 22.5, Quality: iiifurl.Gray, Output: "png", JPEG: 80, Budget: 1 << 20,
	}
}

func TestRequestRoundTrip(t *testing.T) {
	frame, err := AppendFrame(nil, valid())
	if err != nil {
		t.Fatal(err)
	}
	header, err := ReadHeader(iotest.OneByteReader(bytes.NewReader(frame)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseRequest(header)
	if err != nil || !reflect.DeepEqual(got, valid()) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRefusedRequests(t *testing.T) {
	for name, spoil := range map[string]func(*Request){
		"operation":                func(r *Request) { r.Op = "erase" },
		"left of image":            func(r *Request) { r.Region.X = -1 },
		"empty region":             func(r *Request) { r.Region.W = 0 },
		"huge region":              func(r *Request) { r.Region.H = MaxDimension + 1 },
		"no width":                 func(r *Request) { r.Width = 0 },
		"huge height":              func(r *Request) { r.Height = MaxDimension + 1 },
		"negative levels":          func(r *Request) { r.Reduce = -1 },
		"many levels":              func(r *Request) { r.Reduce = MaxReduce + 1 },
		"levels beyond 32 bits":    func(r *Request) { r.Reduce = 32 },
		"negative threads":         func(r *Request) { r.Threads = -1 },
		"many threads":             func(r *Request) { r.Threads = MaxThreads + 1 },
		"backwards":                func(r *Request) { r.Degrees = -1 },
		"round and round":          func(r *Request) { r.Degrees = 361 },
		"A-135 quality":            func(r *Request) { r.Quality = "grey" },
		"A-158 output":             func(r *Request) { r.Output = "bmp" },
		"JPEG quality":             func(r *Request) { r.JPEG = 101 },
		"cuts of a turned picture": func(r *Request) { r.Cuts = []iiifurl.Rect{{W: 1, H: 1}} },
		"cuts outside":             func(r *Request) { r.Mirror, r.Degrees, r.Cuts = false, 0, []iiifurl.Rect{{X: 5, W: 1, H: 1}} },
		"empty cuts":               func(r *Request) { r.Mirror, r.Degrees, r.Cuts = false, 0, []iiifurl.Rect{{H: 1}} },
		"many cuts": func(r *Request) {
			r.Mirror, r.Degrees, r.Cuts = false, 0, slices.Repeat([]iiifurl.Rect{{W: 1, H: 1}}, MaxCuts+1)
		},
		"no budget":       func(r *Request) { r.Budget = 0 },
		"negative stream": func(r *Request) { r.Stream = -1 },
		"huge stream":     func(r *Request) { r.Stream = MaxStream + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			r := valid()
			spoil(&r)
			data, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ParseRequest(data); err == nil {
				t.Errorf("accepted %+v", got)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		row           string
		width, height int
		degrees       float64
		w, h          int
	}{
		{"A-110", 300, 200, 0, 300, 200},
		{"A-111", 3000, 2000, 90, 2000, 3000},
		{"A-111", 3000, 2000, 180, 3000, 2000},
		{"A-112", 3000, 2000, 360, 3000, 2000},
		{"A-114", 3000, 2000, 22.5, 3537, 2996},
		{"A-114", 1, 1, 45, 1, 1},
	} {
		r := valid()
		r.Width, r.Height, r.Degrees = c.width, c.height, c.degrees
		if w, h := r.Bounds(); w != c.w || h != c.h {
			t.Errorf("%s: %v degrees: %dx%d, want %dx%d", c.row, c.degrees, w, h, c.w, c.h)
		}
	}
}

func TestFrames(t *testing.T) {
	for name, frame := range map[string]string{
		"cut in the length": "\x00\x00", "cut in the body": "\x00\x00\x00\x09{}",
		"too large": "\x7f\xff\xff\xff{}", "not JSON": "\x00\x00\x00\x02{]", "negative size": "\x00\x00\x00\x0b{\"size\":-1}",
	} {
		if r, err := ReadReply(strings.NewReader(frame)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if _, err := ReadReply(strings.NewReader("")); !errors.Is(err, io.EOF) {
		t.Errorf("nothing: %v", err)
	}
	if _, err := AppendFrame(nil, Reply{Cause: strings.Repeat("x", MaxHeader)}); err == nil {
		t.Error("a frame above the bound was made")
	}
	if _, err := AppendFrame(nil, math.Inf(1)); err == nil {
		t.Error("a frame of no JSON was made")
	}
}

// FuzzParseRequest: what passes is within every bound and survives the way there and back.
func FuzzParseRequest(f *testing.F) {
	seed, err := json.Marshal(valid())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{"op":"inspect","format":"png"}`))
	f.Add([]byte(`{"op":"render","degrees":1e400}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRequest(data)
		if err != nil || r.Op != Render {
			return
		}
		if w, h := r.Bounds(); w < 1 || h < 1 || w > 2*MaxDimension || h > 2*MaxDimension {
			t.Errorf("bounds %dx%d of %+v", w, h, r)
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseRequest(again); err != nil || !reflect.DeepEqual(back, r) {
			t.Errorf("%+v became %+v, %v", r, back, err)
		}
	})
}
