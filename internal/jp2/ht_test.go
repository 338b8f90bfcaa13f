package jp2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestExactHT is about part 15. The seeds are the texture of 96×64 pixels, one
// reversible and one at a coarse step. OpenJPEG 2.5.0 gives plain gray for any region
// of such files, so that both sides are decoded whole and cropped here.
func TestExactHT(t *testing.T) {
	for _, name := range []string{"ht.j2c", "ht_lossy.j2c"} {
		path := filepath.Join("testdata", name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		compareHT(t, path, data)
		told := withPLT(t, data)
		compareHT(t, path, told)
		if x := mustIndex(t, told); x.Origin() != FromPLT || mustIndex(t, data).Origin() != FromHeaders {
			t.Errorf("lengths of packets from %s", x.Origin())
		}
	}
}

// withPLT has a file of one tile-part tell the lengths of its packets (A.7.3).
func withPLT(t *testing.T, data []byte) []byte {
	t.Helper()
	plt := []byte{0}
	left := spans{parts: mustIndex(t, data).tiles[0].Load().parts}
	for p, more := left.take(); more; p, more = left.take() {
		if p.length >= 1<<14 {
			plt = append(plt, byte(p.length>>14)|0x80)
		}
		plt = append(plt, byte(p.length>>7)|0x80, byte(p.length&0x7F))
	}
	r := takeApart(t, data)
	r.parts[0].segments = append(r.parts[0].segments, segment(PLT, plt...))
	return r.join()
}

func compareHT(t *testing.T, path string, data []byte) {
	t.Helper()
	x, h := mustIndex(t, data), mustParse(t, data)
	if !h.HT {
		t.Fatalf("%s is not of part 15", path)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		region, reduce := randomRegion(rng, h), rng.IntN(h.Levels+1)
		plan, err := x.Plan(region, reduce)
		if err != nil {
			t.Fatal(err)
		}
		synthetic := save(t, synthesise(t, x, data, region, reduce))
		want := crop(t, decodeWhole(t, path, reduce), region.Over(1<<reduce, 1<<reduce))
		got := crop(t, decodeWhole(t, synthetic, 0), plan.Region.shift(-plan.size.XOsiz, -plan.size.YOsiz))
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %+v reduced by %d differs", path, region, reduce)
		}
	}
}

// decodeWhole returns the one component of a gray file as PGX.
func decodeWhole(t *testing.T, path string, reduce int) []byte {
	t.Helper()
	out := t.TempDir()
	tool(t, "opj_decompress", "-i", path, "-o", filepath.Join(out, "c.pgx"), "-r", fmt.Sprint(reduce))
	pgx, err := os.ReadFile(filepath.Join(out, "c_0.pgx"))
	if err != nil {
		t.Fatal(err)
	}
	return pgx
}

// crop cuts samples out of a PGX of 8 bits.
func crop(t *testing.T, pgx []byte, r Rect) []byte {
	t.Helper()
	head, samples, _ := bytes.Cut(pgx, []byte("\n"))
	var w, h int64
	if _, err := fmt.Sscanf(string(head), "PG ML + 8 %d %d", &w, &h); err != nil || r.X1 > w || r.Y1 > h {
		t.Fatalf("%q does not hold %+v: %v", head, r, err)
	}
	var cut []byte
	for y := r.Y0; y < r.Y1; y++ {
		cut = append(cut, samples[y*w+r.X0:y*w+r.X1]...)
	}
	return cut
}
