package decoder

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// program is the child, built for these tests.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tessera-decoder-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "tessera-decoder")
	build := exec.Command("go", "build", "-o", program, "../../cmd/tessera-decoder")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// startPool starts a pool that the end of the test closes.
func startPool(t testing.TB, cfg Config) *Pool {
	t.Helper()
	cfg.Path = program
	if cfg.TempDir == "" {
		cfg.TempDir = t.TempDir()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	p, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

// faulty is a pool of one child that obeys requests to misbehave.
func faulty(t testing.TB, cfg Config) *Pool {
	t.Helper()
	cfg.arguments = []string{"--fault-injection"}
	return startPool(t, cfg)
}

func openFile(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// tiledJP2 is a picture of 600 by 500 pixels in tiles of 256.
func tiledJP2(t testing.TB) string {
	return decodertest.JP2(t, decodertest.Texture(600, 500), "-t", "256,256", "-n", "4")
}

// aTile asks for the top left 256 pixels as JPEG.
func aTile(f *os.File) Task {
	return Task{
		File: f, Format: tile.JP2, Region: iiifurl.Rect{W: 256, H: 256}, Width: 256, Height: 256,
		Quality: iiifurl.Default, Output: "jpg", JPEGQuality: 80,
	}
}
