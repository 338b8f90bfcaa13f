package jp2

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// sieve has nothing of a file but ranges; whatever else is read is counted.
type sieve struct {
	data   []byte
	ranges []Range
	beyond int
}

func (s *sieve) ReadAt(p []byte, off int64) (int, error) {
	if !slices.ContainsFunc(s.ranges, func(r Range) bool {
		return off >= r.Offset && off+int64(len(p)) <= r.Offset+r.Length
	}) {
		s.beyond++
	}
	return bytes.NewReader(s.data).ReadAt(p, off)
}

// learnOne has x know tile t as the engine does: from what Heads says, or else from all of
// its tile-parts.
func learnOne(x *Index, data []byte, t int) (beyond int, err error) {
	src := &sieve{data: data, ranges: x.Heads([]int{t}, false)}
	b := DefaultBudget()
	b.WalkBytes = 0
	err = x.Learn(src, src.ranges, []int{t}, b)
	if errors.Is(err, ErrWalk) {
		src.ranges = x.Heads([]int{t}, true)
		err = x.Learn(src, src.ranges, []int{t}, DefaultBudget())
	}
	return src.beyond, err
}

// checkLearnt: an index learnt tile by tile, in any order, is the very one that following
// the tile-parts gives.
func checkLearnt(t *testing.T, name string, x *Index, data []byte) {
	t.Helper()
	for _, tile := range rand.New(rand.NewPCG(3, 9)).Perm(len(x.tiles)) {
		if x.Complete() {
			t.Fatalf("%s: complete before tile %d", name, tile)
		}
		if beyond, err := learnOne(x, data, tile); err != nil || beyond > 0 {
			t.Fatalf("%s: tile %d: %v; %d reads of what was not fetched", name, tile, err, beyond)
		}
	}
	if err := x.Refused(); err != nil || !x.Complete() || len(x.Left(0, 1)) > 0 {
		t.Fatalf("%s: not complete: %v", name, err)
	}
	want := mustIndex(t, data)
	if !bytes.Equal(store(t, x), store(t, want)) || x.Origin() != want.Origin() {
		t.Errorf("%s: another index than by following the tile-parts (%s, %s)", name, x.Origin(), want.Origin())
	}
}

// TestLearnt holds all structures, as far as they can be told by TLM, against indices built
// at once, with packet lengths told and not.
func TestLearnt(t *testing.T) {
	for _, tc := range structures {
		for _, told := range []string{" -TLM -PLT", " -TLM", " -TLM -PLT -SOP -EPH"} {
			_, data := encode(t, picture(t, tc.w, tc.h, tc.chans), "out.jp2", tc.options+told)
			if x := mustOutline(t, data); x != nil {
				checkLearnt(t, tc.name+told, x, data)
			} else {
				t.Errorf("%s: no outline", tc.name)
			}
		}
	}
}

// TestLearntRegions: regions of a file of which only the tiles touched were ever read equal
// the stock decoder's.
func TestLearntRegions(t *testing.T) {
	for _, options := range []string{"-t 64,64 -n 3 -p RPCL -TLM -PLT", "-t 128,128 -n 4 -TP R -TLM -PLT -I -r 12", "-d 37,53 -T 11,13 -t 96,80 -n 3 -TLM"} {
		path, data := encode(t, picture(t, 301, 207, 3), "out.jp2", options)
		h := mustParse(t, data)
		for seed := range uint64(4) {
			region := randomRegion(rand.New(rand.NewPCG(seed, 5)), h)
			x := mustOutline(t, data)
			if _, err := x.Plan(region, 1); err == nil {
				t.Fatal("planned without knowing a tile")
			}
			tiles := x.Unknown(region)
			if len(tiles) != x.Touched(region) || len(tiles) == len(x.tiles) {
				t.Fatalf("%+v: %d of %d tiles to be learnt", region, len(tiles), len(x.tiles))
			}
			for _, tile := range tiles {
				if _, err := learnOne(x, data, tile); err != nil {
					t.Fatal(err)
				}
			}
			compareRegion(t, path, data, x, region, 1)
		}
	}
}

// TestFollowed: tiles are known as soon as the chain of tile-parts has passed them, and what
// is known early is what is known in the end.
func TestFollowed(t *testing.T) {
	for _, tc := range structures {
		_, data := encode(t, picture(t, tc.w, tc.h, tc.chans), "out.jp2", tc.options+" -PLT")
		h := mustParse(t, data)
		x, err := NewIndex(h)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		if err := x.Follow(bytes.NewReader(data), int64(len(data)), h, x.Front(h), DefaultBudget(), func() {
			if found++; int(x.known.Load()) != found {
				t.Fatalf("%s: %d tiles known after %d were found", tc.name, x.known.Load(), found)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if found != len(x.tiles) && !strings.Contains(tc.options, "-POC") {
			t.Errorf("%s: %d of %d tiles found early", tc.name, found, len(x.tiles))
		}
		if !bytes.Equal(store(t, x), store(t, mustIndex(t, data))) {
			t.Errorf("%s: not what BuildIndex makes", tc.name)
		}
	}
}

// TestOneTileRefused: damage of one tile is told of that tile, and costs no other.
func TestOneTileRefused(t *testing.T) {
	data := twoTiles(0, 0x40, 0, 0, 0, 16, 0, 0, 0, 16)
	h := mustParse(t, data)
	second := h.Codestream.Tiles + 16
	data[second+15] = 0xFF // a packet header without end
	x := mustOutline(t, data)
	for tile := range 2 {
		if _, err := learnOne(x, data, tile); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.Plan(Rect{0, 0, 4, 4}, 0); err != nil {
		t.Errorf("the sound tile: %v", err)
	}
	var refusal *Error
	_, err := x.Plan(Rect{0, 0, 8, 8}, 0)
	if !errors.As(err, &refusal) || x.Refused() == nil {
		t.Errorf("the damaged tile: %v, %v", err, x.Refused())
	}
	if _, err := x.AppendBinary(nil); err == nil {
		t.Error("stored without a tile")
	}
}

// TestOutlineLies: where SOT says something else than TLM, SOT is right.
func TestOutlineLies(t *testing.T) {
	for name, tlm := range map[string][]byte{
		"tiles changed places": {0, 0x10, 1, 0, 16, 0, 0, 16},
		"lengths are wrong":    {0, 0x10, 0, 0, 17, 1, 0, 15},
	} {
		x := mustOutline(t, twoTiles(tlm...))
		if _, err := learnOne(x, twoTiles(tlm...), 0); !errors.Is(err, ErrOutline) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLearnBudgets: what learning may take is the caller's to say, and a reader that fails
// says nothing about the file.
func TestLearnBudgets(t *testing.T) {
	data := twoTiles(0, 0x40, 0, 0, 0, 16, 0, 0, 0, 16)
	b := DefaultBudget()
	b.IndexBytes = 3
	x := mustOutline(t, data)
	if err := x.Learn(bytes.NewReader(data), nil, []int{0, 1}, b); err != nil {
		t.Fatal(err)
	}
	if err := x.Refused(); err == nil || !strings.Contains(err.Error(), "take more than 1 bytes") {
		t.Errorf("refused for %v", err)
	}
	x = mustOutline(t, data)
	if err := x.Learn(bytes.NewReader(nil), nil, []int{0}, DefaultBudget()); !errors.Is(err, io.ErrUnexpectedEOF) || len(x.Left(0, 9)) != 2 {
		t.Errorf("a reader without bytes: %v", err)
	}
}

// fuzzOutline: whatever TLM says, learning ends in good order, and what is learnt without
// complaint of a sound file is what following it gives.
func fuzzOutline(t *testing.T, data []byte, h *Header) {
	t.Helper()
	r, size := bytes.NewReader(data), int64(len(data))
	x, err := Outline(r, size, h, DefaultBudget())
	if err != nil || x == nil {
		return
	}
	if err := x.Learn(r, x.Heads(x.Left(0, 3), false), x.Left(0, len(x.tiles)), DefaultBudget()); err != nil {
		if !errors.Is(err, ErrOutline) {
			t.Fatalf("learnt: %v", err)
		}
		return
	}
	exercise(t, x, data)
	built, err := BuildIndex(r, size, h, DefaultBudget())
	if err != nil || x.Refused() != nil {
		return
	}
	if !bytes.Equal(store(t, x), store(t, built)) {
		t.Fatal("learnt and built differ")
	}
}
