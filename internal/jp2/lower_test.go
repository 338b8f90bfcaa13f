package jp2

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// lowerFile is the file of the lower resolutions.
func lowerFile(t testing.TB, x *Index, data []byte, reduce int) []byte {
	t.Helper()
	l, err := x.Lower(reduce)
	if err != nil {
		t.Fatal(err)
	}
	out := l.Begin(nil)
	for tile := range x.tiles {
		p, err := l.Tile(tile)
		if err != nil {
			t.Fatal(err)
		}
		if out, err = l.Append(out, tile, p, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	return l.End(out)
}

// TestLower: of the lower resolutions' file the engine makes, for any region, the very
// codestream that it makes of the file itself.
func TestLower(t *testing.T) {
	for _, options := range []string{
		"-t 64,64 -n 4 -p RPCL", "-t 64,32 -n 5 -I -r 12,4 -p LRCP -EPH -SOP", "-t 128,128 -n 4 -TP R -c [32,32] -b 16,16",
		"-d 40,56 -T 16,24 -t 96,80 -n 4 -p PCRL", "-t 64,64 -n 4 -POC T1=0,0,1,2,3,RLCP/T1=2,0,1,4,3,CPRL", "-n 5 -c [64,64] -b 16,16",
		"-t 64,64 -n 4 -s 2,2",
	} {
		for _, name := range []string{"out.jp2", "out.j2k"} {
			_, data := encode(t, picture(t, 301, 207, 3), name, options)
			x := mustIndex(t, data)
			for reduce := 1; reduce <= 3; reduce++ {
				compareLower(t, x, data, lowerFile(t, x, data, reduce), reduce)
			}
		}
	}
}

// TestPlanBounded: a region is refused, before anything is laid out for it, where its tiles
// have too many packets; lower resolutions are made of as many tiles at a time as do not.
func TestPlanBounded(t *testing.T) {
	const layers = 65535 // a packet for each, twice: 16 tiles have nearly as many as are allowed
	stream := forge{
		siz: func(s *forgedSize) { s.Xsiz, s.Ysiz, s.XTsiz, s.YTsiz = 10, 10, 2, 2 },
		cod: []byte{0, 0, layers >> 8, layers & 0xFF, 0, 1, 4, 4, 0, 1},
	}.stream()
	data := stream[:len(stream)-len(emptyTilePart)]
	for tile := range uint16(25) {
		data = append(data, partOf(tile, 0, make([]byte, 2*layers))...)
	}
	x := mustIndex(t, append(data, eoc...))
	if _, err := x.Plan(Rect{0, 0, 8, 8}, 0); err != nil {
		t.Error(err)
	}
	laid := x.layouts.bytes
	var refusal *Error
	if _, err := x.Plan(Rect{0, 0, 10, 10}, 0); !errors.As(err, &refusal) || x.layouts.bytes != laid {
		t.Errorf("25 tiles: %v", err)
	}
	l, err := x.Lower(1)
	if err != nil {
		t.Fatal(err)
	}
	if first, last, one := l.Batch(0, 25), l.Batch(16, 25), l.Batch(24, 25); first != 16 || last != 9 || one != 1 {
		t.Errorf("batches of %d, %d and %d tiles", first, last, one)
	}
}

func compareLower(t *testing.T, x *Index, data, low []byte, reduce int) {
	t.Helper()
	h, y := mustParse(t, data), mustIndex(t, low)
	if y.Origin() != FromPLT {
		t.Errorf("lengths from %s", y.Origin())
	}
	rng := rand.New(rand.NewPCG(uint64(reduce), 1))
	for n := range 8 {
		region := randomRegion(rng, h)
		region.X0, region.Y0, region.X1 = region.X0&^15, region.Y0&^15, max(region.X1, region.X0+1<<3)
		if n == 0 {
			region = Rect{0, 0, int64(h.Width), int64(h.Height)}
		}
		for more := range 4 - reduce {
			got := synthesise(t, y, low, x.Below(region, reduce), more)
			if want := synthesise(t, x, data, region, reduce+more); !bytes.Equal(got, want) {
				t.Errorf("%+v reduced by %d and %d: other codestreams", region, reduce, more)
			}
		}
	}
}

// TestLowerRefused: what cannot be cut into such a file is told.
func TestLowerRefused(t *testing.T) {
	for options, reduce := range map[string]int{
		"-t 100,75 -n 3": 2, "-t 64,64 -n 3": 3, "-t 64,64 -n 4": 33, "-t 128,128 -n 4 ": 0,
		"-d 63,0 -t 64,64 -n 4": 1, // the first column is one pixel wide, and none then
	} {
		_, data := encode(t, picture(t, 301, 207, 1), "out.jp2", options)
		if l, err := mustIndex(t, data).Lower(reduce); err == nil {
			t.Errorf("%s reduced by %d: %+v", options, reduce, l.size)
		}
	}
}
