package jp2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// compareRegions holds random regions at random reductions against the stock decoder.
// This is the promise of the package: samples of the synthetic codestream equal those
// of the stock decoder's region, bit for bit.
func compareRegions(t *testing.T, path string, data []byte, regions int) {
	t.Helper()
	x, h := mustIndex(t, data), mustParse(t, data)
	rng := rand.New(rand.NewPCG(1, uint64(len(data))))
	for range regions {
		region, reduce := randomRegion(rng, h), rng.IntN(min(h.Levels, 3)+1)
		if !divides(h, reduce) {
			reduce = 0
		}
		compareRegion(t, path, data, x, region, reduce)
	}
}

func compareRegion(t *testing.T, path string, data []byte, x *Index, region Rect, reduce int) {
	t.Helper()
	plan, err := x.Plan(region, reduce)
	if err != nil {
		t.Fatalf("%+v reduced by %d: %v", region, reduce, err)
	}
	stream, err := plan.Synthesise(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	want := decode(t, path, region.shift(x.size.XOsiz, x.size.YOsiz), reduce)
	got := decode(t, save(t, stream), plan.Region, 0)
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%+v reduced by %d: samples differ", region, reduce)
	}
}

// divides tells whether tiles can be cut by that many levels.
func divides(h *Header, reduce int) bool {
	return h.TileWidth>>reduce<<reduce == h.TileWidth && h.TileHeight>>reduce<<reduce == h.TileHeight
}

// randomRegion is at least 16 pixels wide and high where the image is. With sampled
// chroma it begins at multiples of 16: opj_decompress makes RGB of such images, looking
// at the parity of the origin to do so.
func randomRegion(rng *rand.Rand, h *Header) Rect {
	w, height := min(h.Width, 16+rng.IntN(100)), min(h.Height, 16+rng.IntN(100))
	x, y := rng.IntN(h.Width-w+1), rng.IntN(h.Height-height+1)
	if s := h.Codestream.Size.Components; s[len(s)-1].DX != s[0].DX {
		x, y = x&^15, y&^15
	}
	return Rect{int64(x), int64(y), int64(x + w), int64(y + height)}
}

func save(t *testing.T, stream []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "synthetic.j2k")
	if err := os.WriteFile(path, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// decode has OpenJPEG decode a region on the reference grid, and returns a PGX file for
// each component: sizes, depth and all samples.
func decode(t *testing.T, path string, r Rect, reduce int) [][]byte {
	t.Helper()
	out := t.TempDir()
	said := tool(t, "opj_decompress", "-i", path, "-o", filepath.Join(out, "c.pgx"),
		"-d", fmt.Sprintf("%d,%d,%d,%d", r.X0, r.Y0, r.X1, r.Y1), "-r", fmt.Sprint(reduce))
	if strings.Contains(said, "WARNING") || strings.Contains(said, "ERROR") {
		t.Fatalf("opj_decompress of %s: %s", path, said)
	}
	names, err := filepath.Glob(filepath.Join(out, "*.pgx"))
	if err != nil || len(names) == 0 {
		t.Fatalf("nothing decoded of %s: %v", path, err)
	}
	slices.Sort(names)
	planes := make([][]byte, len(names))
	for i, name := range names {
		if planes[i], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return planes
}
