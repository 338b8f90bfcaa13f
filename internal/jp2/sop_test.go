package jp2

import (
	"bytes"
	"strings"
	"testing"
)

// unfollowed makes blocks that choose between the two coders of the file's, by COD alone:
// headers of such are not followed, whatever stands in them.
func unfollowed(t *testing.T, data []byte) []byte {
	t.Helper()
	data = bytes.Clone(data)
	for _, seg := range mustParse(t, data).Codestream.Segments {
		if seg.Marker == COD {
			data[seg.Offset+12] = byte(HTBlocks | Mixed)
		}
	}
	return data
}

// TestSOP: where headers cannot be followed, SOP markers show the packets, if there is
// one before each.
func TestSOP(t *testing.T) {
	_, data := encode(t, picture(t, 301, 207, 1), "out.j2k", "-n 4 -c [64,64] -b 16,16 -SOP -p RPCL -TP R")
	want, file := mustIndex(t, data), unfollowed(t, data)
	got := mustIndex(t, file)
	if want.Origin() != FromHeaders || got.Origin() != FromSOP {
		t.Errorf("from %s and %s", want.Origin(), got.Origin())
	}
	if w, g := synthesise(t, want, data, Rect{50, 60, 90, 90}, 0), synthesise(t, got, file, Rect{50, 60, 90, 90}, 0); !bytes.Equal(unfollowed(t, w), g) {
		t.Error("other packets than by their headers")
	}
	first := bytes.Index(file, []byte{0xFF, 0x91})
	for name, damage := range map[string]func([]byte){
		"a number out of turn":       func(b []byte) { b[first+5] = 7 },
		"a length of another marker": func(b []byte) { b[first+3] = 5 },
		"the first marker lost":      func(b []byte) { b[first+1] = 0x90 },
		"a marker too many":          func(b []byte) { copy(b[len(b)-10:], "\xFF\x91\x00\x04") },
		"half a marker at the end":   func(b []byte) { copy(b[len(b)-4:], "\xFF\x91") },
	} {
		damaged := bytes.Clone(file)
		damage(damaged)
		if _, err := BuildIndex(bytes.NewReader(damaged), int64(len(damaged)), mustParse(t, damaged), DefaultBudget()); err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
	_, plain := encode(t, picture(t, 97, 61, 1), "out.j2k", "-n 3")
	plain = unfollowed(t, plain)
	_, err := BuildIndex(bytes.NewReader(plain), int64(len(plain)), mustParse(t, plain), DefaultBudget())
	if err == nil || !strings.Contains(err.Error(), "packet headers are not followed") {
		t.Errorf("neither PLT nor SOP: %v", err)
	}
}

// TestSOPNumbers: markers that are there are held against what the headers say.
func TestSOPNumbers(t *testing.T) {
	_, data := encode(t, picture(t, 97, 61, 1), "out.j2k", "-n 3 -SOP -c [32,32] -b 8,8")
	third := bytes.Index(data, []byte{0xFF, 0x91, 0, 4, 0, 2})
	data[third+5] = 3
	_, err := BuildIndex(bytes.NewReader(data), int64(len(data)), mustParse(t, data), DefaultBudget())
	if err == nil || !strings.Contains(err.Error(), "SOP says that it is packet 3, but it is 2") {
		t.Errorf("got %v", err)
	}
}

// TestScanAcrossWindows: a marker is found wherever what is read at once ends.
func TestScanAcrossWindows(t *testing.T) {
	for at := range int64(8) {
		body := bytes.Repeat([]byte{0xFF, 0x7F}, 16)
		copy(body[6+at:], []byte{0xFF, 0x91, 0, 4, 0, 1})
		copy(body, []byte{0xFF, 0x91, 0, 4, 0, 0})
		for cut := int64(1); cut < int64(len(body)); cut++ {
			src := &source{r: bytes.NewReader(body), size: int64(len(body)), budget: 1 << 20, held: body[:cut]}
			if got, err := findSOP(src, &tilePart{end: int64(len(body))}, sopLength); err != nil || got != 6+at {
				t.Fatalf("found at %d, want %d: %v", got, 6+at, err)
			}
		}
	}
}
