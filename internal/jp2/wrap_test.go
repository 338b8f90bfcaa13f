package jp2

import (
	"bytes"
	"slices"
	"testing"
)

// TestSynthesiseFile: the boxes that say how to show samples come along, and ihdr tells
// the size of the window.
func TestSynthesiseFile(t *testing.T) {
	_, data := encode(t, picture(t, 301, 207, 3), "out.jp2", "-n 3 -p RPCL -c [64,64] -b 16,16")
	head := bytes.Index(data, []byte("jp2h"))
	extra := boxOf("cdef", 0, 3, 0, 0, 0, 0, 0, 3, 0, 1, 0, 0, 0, 2, 0, 2, 0, 0, 0, 1)
	data = slices.Insert(data, head+4+22, extra...)
	data[head-1] += byte(len(extra))
	x := mustIndex(t, data)
	again, err := ParseIndex(store(t, x), DefaultBudget())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*Index{x, again} {
		plan, err := x.Plan(Rect{100, 90, 140, 120}, 0)
		if err != nil {
			t.Fatal(err)
		}
		file, err := plan.SynthesiseFile(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		h := mustParse(t, file)
		if h.Container != JP2 || len(h.ChannelDefs) != 3 || h.ChannelDefs[0].Association != 3 || len(h.Colours) != 1 || h.Colours[0].Enum != EnumSRGB {
			t.Errorf("boxes %+v", h.Boxes)
		}
		if h.Width >= 301 || h.Codestream.Missing != 0 || h.Codestream.End != int64(len(file)) {
			t.Errorf("facts %+v", h.Facts)
		}
		stream, err := plan.Synthesise(bytes.NewReader(data))
		if err != nil || !bytes.HasSuffix(file, stream) {
			t.Errorf("codestream differs: %v", err)
		}
	}
}

// TestIndexMemory: the bound holds what a laid out index takes, and is no fantasy.
func TestIndexMemory(t *testing.T) {
	_, data := encode(t, picture(t, 301, 207, 3), "out.j2k", "-n 3 -t 64,64 -c [32,32] -b 16,16")
	x := mustIndex(t, data)
	n, bytes := x.Packets()
	if x.TileParts() != 20 || n < 20*3*3 || bytes > int64(len(data)) || bytes < int64(len(data))/2 {
		t.Errorf("%d packets of %d bytes in %d tile-parts; the file has %d", n, bytes, x.TileParts(), len(data))
	}
	if m := x.Memory(); m < 16*n || m > 16*n+int64(len(data))+20*4096 {
		t.Errorf("%d bytes for %d packets", m, n)
	}
}

// TestOrigins: who told the lengths is known, and reading packet headers can be refused.
func TestOrigins(t *testing.T) {
	for options, want := range map[string]Origin{"-PLT": FromPLT, "": FromHeaders} {
		_, data := encode(t, picture(t, 97, 61, 1), "out.j2k", options)
		if got := mustIndex(t, data).Origin(); got != want {
			t.Errorf("%q: from %s", options, got)
		}
		b := DefaultBudget()
		b.WalkBytes = 0
		_, err := BuildIndex(bytes.NewReader(data), int64(len(data)), mustParse(t, data), b)
		if (want == FromHeaders) != (err != nil) {
			t.Errorf("%q without a walk: %v", options, err)
		}
	}
}
