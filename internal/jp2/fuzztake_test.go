package jp2

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzTake takes mutated streams apart. They are refused with a reason, or their blocks lie
// inside their bands, hold no more samples than a block may, and have their bytes in the file.
func FuzzTake(f *testing.F) {
	for _, stream := range takenSeeds(f) {
		f.Add(stream, uint32(0), byte(0), uint32(0), byte(0))
		f.Add(stream, uint32(len(stream)/2), byte(0xFF), uint32(len(stream)/3), byte(1))
	}
	f.Fuzz(func(t *testing.T, stream []byte, at uint32, by byte, again uint32, with byte) {
		stream = bytes.Clone(stream)
		if n := uint32(len(stream)); n > 0 {
			stream[at%n] ^= by
			stream[again%n] ^= with
		}
		c, err := Take(stream, DefaultBudget())
		if err != nil {
			checkRefused(t, c, err)
			return
		}
		for i := range c.Tiles {
			checkTile(t, c, &c.Tiles[i], stream)
		}
		if n := bytesOf(c); n > len(stream) {
			t.Fatalf("%d bytes of codewords in %d", n, len(stream))
		}
		checkHollow(t, c)
	})
}

// bytesOf counts what all codewords have.
func bytesOf(c *Coded) (n int) {
	for _, tile := range c.Tiles {
		for _, b := range tile.Blocks {
			for _, w := range b.Words {
				n += len(w.Data)
			}
		}
	}
	return n
}

func checkRefused(t *testing.T, c *Coded, err error) {
	t.Helper()
	var refusal *Error
	if c != nil || !errors.As(err, &refusal) && !errors.Is(err, ErrBlocks) || len(err.Error()) < 10 {
		t.Fatalf("%v: refused for %q", c != nil, err)
	}
}

// checkHollow: the image without pixels has headers that are understood.
func checkHollow(t *testing.T, c *Coded) {
	t.Helper()
	hollow := c.Hollow()
	if h, err := parse(hollow); err != nil || len(h.Codestream.Size.Components) != len(c.Size.Components) || h.Width > 255 || h.Height > 255 {
		t.Fatalf("hollow: %v", err)
	}
	if n := len(hollow) - len(c.head); n > takenHollow*8 {
		t.Fatalf("hollow of %d bytes", n)
	}
}

func checkTile(t *testing.T, c *Coded, tile *CodedTile, stream []byte) {
	t.Helper()
	if tile.Area.Empty() || !c.Size.Area().contains(tile.Area) {
		t.Fatalf("tile %+v in %+v", tile.Area, c.Size.Area())
	}
	params := Params{}
	for i := range tile.Components {
		k := &tile.Components[i]
		if len(k.Resolutions) != k.Levels+1 {
			t.Fatalf("%d resolutions for %d levels", len(k.Resolutions), k.Levels)
		}
		params.Components = append(params.Components, ComponentParams{Coding: k.Coding})
	}
	grid := &tileGrid{rect: tile.Area, params: &params}
	type place struct {
		component, resolution, band int
		area                        Rect
	}
	met := map[place]bool{}
	for i := range tile.Blocks {
		b := &tile.Blocks[i]
		at := place{b.Component, b.Resolution, b.Band, b.Area}
		if met[at] {
			t.Fatalf("block %+v is there twice", at)
		}
		met[at] = true
		checkBlock(t, b, &tile.Components[b.Component].Coding, grid.inBand(&c.Size, b.Component, b.Resolution, b.Band), stream)
	}
}

func checkBlock(t *testing.T, b *CodedBlock, k *Coding, band Rect, stream []byte) {
	t.Helper()
	w, h := b.Area.width(), b.Area.height()
	if b.Area.Empty() || !band.contains(b.Area) || w*h > 1<<12 || w > 1<<k.BlockX || h > 1<<k.BlockY {
		t.Fatalf("block %+v in band %+v", b.Area, band)
	}
	if b.Planes < 0 || b.Planes > mostPlanes || len(b.Words) == 0 || len(b.Words) > maxPasses {
		t.Fatalf("%d planes, %d codewords", b.Planes, len(b.Words))
	}
	for _, w := range b.Words {
		if w.Passes < 1 || w.Passes > wordPasses || len(w.Data) > len(stream) {
			t.Fatalf("codeword of %d passes in %d bytes", w.Passes, len(w.Data))
		}
	}
}

// takenSeeds are synthetic streams of several structures, as small as such are.
func takenSeeds(f *testing.F) [][]byte {
	f.Helper()
	var streams [][]byte
	for _, file := range fuzzedFiles(f) {
		x := mustIndex(f, file)
		for reduce := range 2 {
			if plan, err := x.Plan(Rect{3, 5, 25, 22}, reduce); err == nil {
				stream, err := plan.SynthesiseFile(bytes.NewReader(file))
				if err != nil {
					f.Fatal(err)
				}
				streams = append(streams, stream)
			}
		}
	}
	_, boxed := encode(f, picture(f, 20, 18, 3), "seed.jp2", "-n 2 -M 62 -r 4,1 -b 8,8")
	_, deep := encode(f, picture(f, 20, 18, 1), "seed.j2k", "-n 3 -M 4 -b 4,16 -c [8,8]")
	for _, file := range [][]byte{boxed, deep} {
		stream := synthesised(f, file, Rect{0, 0, 20, 18})
		if _, err := Take(stream, DefaultBudget()); err != nil {
			f.Fatalf("a seed is not taken: %v", err)
		}
		streams = append(streams, stream)
	}
	return streams
}
