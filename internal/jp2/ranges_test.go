package jp2

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
)

// fetched has only what Ranges named, as if it came from an object store.
type fetched struct {
	data []byte
	held []Range
}

var errNotFetched = errors.New("not fetched")

func (f fetched) ReadAt(p []byte, off int64) (int, error) {
	for _, r := range f.held {
		if off >= r.Offset && off+int64(len(p)) <= r.Offset+r.Length {
			return copy(p, f.data[off:]), nil
		}
	}
	return 0, errNotFetched
}

// TestRanges: what Ranges names is all that synthesis reads; wider gaps mean fewer
// ranges and more bytes; a corner of an image takes a part of the file.
func TestRanges(t *testing.T) {
	_, data := encode(t, picture(t, 801, 607, 3), "out.jp2", "-p RPCL -n 3 -c [64,64],[64,64],[32,32] -b 32,32 -PLT")
	plan, err := mustIndex(t, data).Plan(Rect{300, 200, 428, 328}, 0)
	if err != nil {
		t.Fatal(err)
	}
	packets, needed := plan.Packets()
	exact := plan.Ranges(0)
	if total(exact) != needed || len(exact) > packets {
		t.Errorf("%d bytes in %d ranges for %d bytes in %d packets", total(exact), len(exact), needed, packets)
	}
	if needed > int64(len(data))/4 {
		t.Errorf("%d of %d bytes for a fortieth of the image", needed, len(data))
	}
	whole, err := plan.Synthesise(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	last := exact
	for _, gap := range []int64{0, 1 << 10, 1 << 14, 1 << 30} {
		ranges := plan.Ranges(gap)
		if len(ranges) > len(last) || total(ranges) < total(last) || !slices.IsSortedFunc(ranges, func(a, b Range) int { return int(a.Offset + a.Length - b.Offset) }) {
			t.Errorf("gap %d: %v", gap, ranges)
		}
		got, err := plan.Synthesise(fetched{data, ranges})
		if err != nil || !bytes.Equal(got, whole) {
			t.Errorf("gap %d: synthesis from the ranges: %v", gap, err)
		}
		last = ranges
	}
	if len(last) != 1 {
		t.Errorf("%d ranges across any gap", len(last))
	}
	if _, err := plan.Synthesise(fetched{data, exact[1:]}); !errors.Is(err, errNotFetched) {
		t.Errorf("a missing range: %v", err)
	}
	if _, err := plan.Synthesise(bytes.NewReader(data[:exact[0].Offset])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file cut short: %v", err)
	}
}

func total(ranges []Range) (n int64) {
	for _, r := range ranges {
		n += r.Length
	}
	return n
}

// TestPlanRefuses: what the synthesis cannot do is said, not done wrongly.
func TestPlanRefuses(t *testing.T) {
	_, data := encode(t, picture(t, 150, 90, 1), "out.j2k", "-t 50,30 -n 4 -d 3,0")
	x := mustIndex(t, data)
	for _, tc := range []struct {
		name   string
		region Rect
		reduce int
		want   string
	}{
		{"nothing", Rect{10, 10, 10, 20}, 0, "plan at 0: nothing is left of the region"},
		{"outside", Rect{150, 0, 200, 50}, 0, "plan at 0: nothing is left of the region"},
		{"less than a sample", Rect{2, 2, 3, 3}, 3, "plan at 0: nothing is left of the region"},
		{"levels there are not", Rect{0, 0, 20, 20}, 4, "plan at 0: component 0 has 3 wavelet levels, not 4"},
		{"no levels", Rect{0, 0, 20, 20}, -1, "plan at 0: reduction by -1 levels"},
		{"absurd levels", Rect{0, 0, 20, 20}, 99, "plan at 0: reduction by 99 levels"},
		{"tiles that do not divide", Rect{0, 0, 150, 90}, 2, "plan at 0: tiles of 50×30 pixels do not divide by 2^2"},
		{"one of them", Rect{0, 0, 20, 20}, 2, ""},
		{"several in whole", Rect{0, 0, 150, 90}, 1, ""},
	} {
		_, err := x.Plan(tc.region, tc.reduce)
		if got := message(err); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
