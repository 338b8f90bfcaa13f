package worker

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

// scratch is a folder for all tests of a run.
var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tessera-worker-test-")
	if err != nil {
		panic(err)
	}
	scratch = dir
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

var quiet = slog.New(slog.DiscardHandler)

// codestream is a JPEG 2000 main header with nothing behind it: enough for a header
// to be read, and three components of 8 bits.
func codestream(width, height, levels int) string {
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&b, binary.BigEndian, v)
		}
	}
	w, h := uint32(width), uint32(height)
	put(uint16(0xFF4F))
	put(uint16(0xFF51), uint16(38+3*3), uint16(0), w, h, uint32(0), uint32(0), w, h, uint32(0), uint32(0), uint16(3))
	for range 3 {
		put(uint8(7), uint8(1), uint8(1))
	}
	put(uint16(0xFF52), uint16(12), uint8(0), uint8(2), uint16(1), uint8(1), uint8(levels), uint8(4), uint8(4), uint8(0), uint8(1))
	put(uint16(0xFF5C), uint16(4+3*levels), uint8(0x40), make([]byte, 3*levels+1))
	put(uint16(0xFF90), uint16(10), uint16(0), uint32(14), uint8(0), uint8(1), uint16(0xFF93), uint16(0xFFD9))
	return b.String()
}

// fake is a pool of decoders that does what the test says.
type fake struct {
	render  func(ctx context.Context, t decoder.Task) (decoder.Output, error)
	inspect func(ctx context.Context) (decoder.Facts, error)
	renders atomic.Int64
	looks   atomic.Int64
}

func (f *fake) Render(ctx context.Context, t decoder.Task) (decoder.Output, error) {
	f.renders.Add(1)
	if f.render == nil {
		return picture("pixels"), nil
	}
	return f.render(ctx, t)
}

func (f *fake) Inspect(ctx context.Context, _ *os.File, _ tile.Format) (decoder.Facts, error) {
	f.looks.Add(1)
	if f.inspect == nil {
		return decoder.Facts{Width: 3000, Height: 2000, Bits: 8}, nil
	}
	return f.inspect(ctx)
}

func (f *fake) Formats() []string { return []string{"jpg", "png"} }

func picture(body string) decoder.Output {
	return decoder.Output{
		Type: "image/jpeg", Size: int64(len(body)), Body: io.NopCloser(bytes.NewReader([]byte(body))),
		Decode: 3 * time.Millisecond, Encode: time.Millisecond,
	}
}

// lost is how a pool reports that a child died.
func lost(context.Context, decoder.Task) (decoder.Output, error) {
	return decoder.Output{}, errLost()
}

func errLost() error {
	return tile.Fail(tile.Broken, "", fmt.Errorf("%w: segmentation fault", decoder.ErrLost))
}

// place is a worker on a folder of its own.
type place struct {
	*Worker
	t    testing.TB
	root string
	fake *fake
}

// newPlace makes a worker without result cache; change may alter its configuration.
func newPlace(t testing.TB, change ...func(*Config)) *place {
	t.Helper()
	root := t.TempDir()
	source, err := store.OpenDir(root, quiet)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{}
	c := Config{Source: source, Manifests: source, Decoders: f, Slots: 2, Queue: 4, Name: "w1", Log: quiet}
	for _, apply := range change {
		apply(&c)
	}
	p := &place{Worker: New(c), t: t, root: root, fake: f}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
		_ = source.Close()
	})
	return p
}

// withResults gives the worker a result cache.
func withResults(t testing.TB) func(*Config) {
	t.Helper()
	r, err := store.OpenResults(t.TempDir(), 1<<30, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return func(c *Config) { c.Results = r }
}

// put creates or replaces a file by rename.
func (p *place) put(key, body string) {
	p.t.Helper()
	path := filepath.Join(p.root, key)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path+"~", []byte(body), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		p.t.Fatal(err)
	}
}

// job describes the image and asks for a picture of it, different for each x.
func (p *place) job(id string, x int) tile.Job {
	p.t.Helper()
	img, err := p.Info(context.Background(), id)
	if err != nil {
		p.t.Fatalf("Info(%q) = %v", id, err)
	}
	return tile.Job{ID: id, Version: img.Version, JPEGQuality: 80, Render: iiifurl.Resolved{
		Region: iiifurl.Rect{X: x, W: 256, H: 256}, Width: 256, Height: 256, Quality: iiifurl.Default, Format: "jpg",
	}}
}

// export makes a job of it that takes the slow lane.
func export(j tile.Job) tile.Job {
	j.Render.Region = iiifurl.Rect{X: j.Render.Region.X, W: 5000, H: 5000}
	j.Render.Width, j.Render.Height = 5000, 5000
	return j
}

func read(t testing.TB, res tile.Result) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil || int64(len(b)) != res.Size {
		t.Errorf("body of %d bytes, %v; want %d", len(b), err, res.Size)
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	return string(b)
}

func wantCode(t testing.TB, err error, code tile.Code) {
	t.Helper()
	if tile.CodeOf(err) != code {
		t.Errorf("error %v; want code %q", err, code)
	}
}
