//go:build corpus

package jp2

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/jp2/corpus"
)

const corpusRegions = 20

// TestCorpus holds every file of a public corpus against the promises of this package
// (R3, R7): it is indexed or refused with a reason, within budget; and of what is indexed,
// regions equal those of the stock decoder.
func TestCorpus(t *testing.T) {
	files := corpus.Files(t)
	if files == nil {
		t.Fatalf("no corpus: set %s to a folder of JPEG 2000 files", corpus.Variable)
	}
	tally := newTally()
	t.Run("files", func(t *testing.T) {
		for _, file := range files {
			t.Run(file.Name, func(t *testing.T) {
				data, err := os.ReadFile(file.Path)
				if err != nil {
					t.Fatal(err)
				}
				if x, h := tally.index(t, data); x != nil { // alone: it is measured
					t.Parallel()
					compareCorpusFile(t, x, h, data, tally)
				}
			})
		}
	})
	t.Log(tally)
	if tally.count["compared"] == 0 {
		t.Error("not one region was compared")
	}
}

// compareCorpusFile compares regions of one file.
func compareCorpusFile(t *testing.T, x *Index, h *Header, data []byte, tally *tally) {
	// Bare, so that neither palette nor profile stands between us and the samples.
	bare := save(t, data[h.Codestream.Offset:h.Codestream.End])
	rng := rand.New(rand.NewPCG(7, uint64(len(data))))
	for range corpusRegions {
		region, reduce := randomRegion(rng, h), rng.IntN(min(h.Levels, 3)+1)
		compareCorpusRegion(t, corpusRegion{x, h, data, bare, region, reduce}, tally)
	}
}

type corpusRegion struct {
	x      *Index
	h      *Header
	data   []byte
	bare   string
	region Rect
	reduce int
}

func compareCorpusRegion(t *testing.T, r corpusRegion, tally *tally) {
	t.Helper()
	plan, err := r.x.Plan(r.region, r.reduce)
	var refusal *Error
	if errors.As(err, &refusal) {
		tally.add("region: " + general(refusal.Reason))
		return
	}
	stream, err := plan.Synthesise(bytes.NewReader(r.data))
	if err != nil {
		t.Fatal(err)
	}
	want := r.stock(t)
	if want == nil {
		tally.add("not compared: the stock decoder fails")
		return
	}
	got, said := r.ours(t, plan, stream)
	tally.add("compared")
	if !slices.EqualFunc(got, want, bytes.Equal) {
		tally.add("different")
		t.Errorf("%+v reduced by %d: samples differ: %s", r.region, r.reduce, said)
	}
}

// stock is what the stock decoder makes of a region, or where it fails at regions of that
// file, what is there in the whole image. OpenJPEG 2.5.0 makes gray of regions of
// high-throughput files.
func (r *corpusRegion) stock(t *testing.T) [][]byte {
	t.Helper()
	s := &r.h.Codestream.Size
	region := r.region.shift(s.XOsiz, s.YOsiz)
	if !r.h.HT {
		if planes, _ := tryDecode(t, r.bare, region, r.reduce); planes != nil {
			return planes
		}
	}
	planes, _ := tryDecode(t, r.bare, Rect{}, r.reduce)
	return cut(t, s, planes, region.Over(1<<r.reduce, 1<<r.reduce), s.Area().Over(1<<r.reduce, 1<<r.reduce))
}

func (r *corpusRegion) ours(t *testing.T, p *Plan, stream []byte) ([][]byte, string) {
	t.Helper()
	path := save(t, stream)
	if !r.h.HT {
		if planes, said := tryDecode(t, path, p.Region, 0); planes != nil {
			return planes, said
		}
	}
	planes, said := tryDecode(t, path, Rect{}, 0)
	return cut(t, &p.size, planes, p.Region, p.size.Area()), said
}

// tryDecode is decode for files that may be beyond the decoder: nil, and what it said.
// An empty region is the whole image.
func tryDecode(t *testing.T, file string, r Rect, reduce int) ([][]byte, string) {
	t.Helper()
	out := t.TempDir()
	args := []string{"-i", file, "-o", filepath.Join(out, "c.pgx"), "-r", fmt.Sprint(reduce)}
	if !r.Empty() {
		args = append(args, "-d", fmt.Sprintf("%d,%d,%d,%d", r.X0, r.Y0, r.X1, r.Y1))
	}
	said, err := exec.Command("opj_decompress", args...).CombinedOutput()
	if err != nil {
		return nil, string(said)
	}
	names, _ := filepath.Glob(filepath.Join(out, "*.pgx"))
	slices.Sort(names)
	var planes [][]byte
	for _, name := range names {
		plane, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		planes = append(planes, plane)
	}
	return planes, string(said)
}

// cut cuts a region out of the planes of an image with this area. Sampled chroma that
// opj_decompress has made RGB of is as large as the image.
func cut(t *testing.T, s *Size, planes [][]byte, region, area Rect) [][]byte {
	t.Helper()
	for i, c := range s.Components[:len(planes)] {
		dx, dy := c.DX, c.DY
		if len(s.Components) == 3 && s.Components[0].DX == 1 && s.Components[0].DY == 1 {
			dx, dy = 1, 1
		}
		part, whole := region.Over(dx, dy), area.Over(dx, dy)
		planes[i] = cutPlane(t, planes[i], part.shift(-whole.X0, -whole.Y0))
	}
	return planes
}

// cutPlane cuts samples out of a PGX file and gives them its head, without its size.
func cutPlane(t *testing.T, pgx []byte, r Rect) []byte {
	t.Helper()
	head, samples, _ := bytes.Cut(pgx, []byte("\n"))
	fields := bytes.Fields(head) // PG ML + depth width height, or the sign with the depth
	w, _ := strconv.ParseInt(string(fields[len(fields)-2]), 10, 64)
	h, _ := strconv.ParseInt(string(fields[len(fields)-1]), 10, 64)
	if w*h == 0 || r.X1 > w || r.Y1 > h {
		t.Fatalf("%q does not hold %+v", head, r)
	}
	bytesEach := int64(len(samples)) / (w * h)
	part := fmt.Appendf(nil, "%s %d %d\n", bytes.Join(fields[:len(fields)-2], []byte(" ")), r.width(), r.height())
	for y := r.Y0; y < r.Y1; y++ {
		part = append(part, samples[(y*w+r.X0)*bytesEach:(y*w+r.X1)*bytesEach]...)
	}
	return part
}

// tally counts what became of the files. Safe for concurrent use.
type tally struct {
	mu       sync.Mutex
	count    map[string]int
	examples map[string]string
	slowest  time.Duration
	slow     string
	largest  uint64
}

func newTally() *tally { return &tally{count: map[string]int{}, examples: map[string]string{}} }

func (c *tally) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count[what]++
}

func (c *tally) refuse(t *testing.T, e *Error) {
	what := "refused: " + general(e.Part) + ": " + general(e.Reason)
	c.add(what)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.examples[what] = fmt.Sprintf("%s: %v", path.Base(t.Name()), e)
}

// index reads a file's header and packets, or counts why not. A refusal allocates 16 MB
// at most, beside what is read of the file (R3); its time is told.
func (c *tally) index(t *testing.T, data []byte) (*Index, *Header) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	h, err := parse(data)
	var x *Index
	if err == nil {
		x, err = BuildIndex(bytes.NewReader(data), int64(len(data)), h, DefaultBudget())
	}
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	if err == nil {
		c.add("indexed from " + string(x.Origin()))
		return x, h
	}
	var refusal *Error
	if !errors.As(err, &refusal) {
		t.Fatalf("%v is no *Error", err)
	}
	used := after.TotalAlloc - before.TotalAlloc
	if used > uint64(16<<20+2*len(data)) {
		t.Errorf("%d bytes allocated to refuse %d: %v", used, len(data), err)
	}
	c.refuse(t, refusal)
	c.largest = max(c.largest, used)
	if took > c.slowest {
		c.slowest, c.slow = took, t.Name()
	}
	return nil, nil
}

func (c *tally) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(c.count)) {
		fmt.Fprintf(&b, "\n%6d  %s", c.count[what], what)
		if e := c.examples[what]; e != "" {
			fmt.Fprintf(&b, " (%s)", e)
		}
	}
	fmt.Fprintf(&b, "\nslowest refusal %v (%s), most allocated for one %d bytes", c.slowest, c.slow, c.largest)
	return b.String()
}

var digits = regexp.MustCompile(`[0-9]+`)

// general is a reason without its numbers.
func general(reason string) string { return digits.ReplaceAllString(reason, "N") }
