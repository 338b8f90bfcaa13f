// Package far tests what the worker takes of images that are in an object store: a real
// one, behind real decoder children.
package far

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/store/s3"
	"github.com/tessera-iiif/tessera/internal/store/s3/s3test"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

var (
	server  *s3test.Server // shared by all tests, each in a bucket of its own
	program string         // the decoder child
	quiet   = slog.New(slog.DiscardHandler)
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tessera-far-test-")
	if err == nil {
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	server.Stop()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func prepare(dir string) (err error) {
	program = filepath.Join(dir, "tessera-decoder")
	build := exec.Command("go", "build", "-o", program, "../../cmd/tessera-decoder")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the decoder: %w\n%s", err, out)
	}
	server, err = s3test.Run(dir)
	return err
}

func decoders(t *testing.T) *decoder.Pool {
	t.Helper()
	pool, err := decoder.Start(t.Context(), decoder.Config{Path: program, Processes: 2, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close(context.Background()) })
	return pool
}

// newWorker makes one without any cache of results.
func newWorker(t *testing.T, c worker.Config) *worker.Worker {
	t.Helper()
	c.Log = quiet
	w := worker.New(c)
	t.Cleanup(func() {
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return w
}

// nearby is a folder that holds files by their keys.
func nearby(t *testing.T, files map[string][]byte) store.Source {
	t.Helper()
	root := t.TempDir()
	for key, data := range files {
		if err := os.WriteFile(filepath.Join(root, key), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source, err := store.OpenDir(root, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	return source
}

// faraway is a bucket that holds the same, reached at endpoint.
func faraway(t *testing.T, endpoint string, files map[string][]byte) *s3.Source {
	t.Helper()
	bucket := server.Bucket(t)
	for key, data := range files {
		bucket.Put(t, key, string(data))
	}
	copies, err := s3.OpenCopies(t.TempDir(), 1<<30, quiet)
	if err != nil {
		t.Fatal(err)
	}
	source, err := s3.Open(t.Context(), s3.Config{
		Account:  s3.Account{Endpoint: endpoint, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey},
		Location: s3.Within(bucket.Name, ""), Copies: copies, Recheck: time.Hour, Log: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = source.Close()
		_ = copies.Close()
	})
	return source
}

// counted is a source that counts how often those who read it wait for it.
type counted struct {
	*s3.Source
	fetches, reads, locals atomic.Int64
}

func (c *counted) Open(ctx context.Context, o store.Object) (store.Blob, error) {
	b, err := c.Source.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return countedBlob{b, c}, nil
}

type countedBlob struct {
	store.Blob
	all *counted
}

func (b countedBlob) ReadAt(p []byte, off int64) (int, error) {
	b.all.reads.Add(1)
	return b.Blob.ReadAt(p, off)
}

func (b countedBlob) Holds(ranges []store.Range) bool { return holds(b.Blob, ranges) }

// Fetch counts those that the store is asked for.
func (b countedBlob) Fetch(ranges []store.Range) (io.ReaderAt, error) {
	if !b.Holds(ranges) {
		b.all.fetches.Add(1)
	}
	return b.Blob.Fetch(ranges)
}

func holds(b store.Blob, ranges []store.Range) bool {
	return b.(interface{ Holds([]store.Range) bool }).Holds(ranges)
}

func (b countedBlob) Local() (*os.File, error) {
	b.all.locals.Add(1)
	return b.Blob.Local()
}

// rendered gives the PNG of a region.
func rendered(t *testing.T, w *worker.Worker, id string, region iiifurl.Rect, width, height int) string {
	t.Helper()
	body, err := render(t.Context(), w, id, region, width, height)
	if err != nil {
		t.Fatalf("%q, %+v: %v", id, region, err)
	}
	return body
}

func render(ctx context.Context, w *worker.Worker, id string, region iiifurl.Rect, width, height int) (string, error) {
	body, _, err := renderTimed(ctx, w, id, region, width, height)
	return body, err
}

func renderTimed(ctx context.Context, w *worker.Worker, id string, region iiifurl.Rect, width, height int) (string, tile.Timing, error) {
	info, err := w.Info(ctx, id)
	if err != nil {
		return "", tile.Timing{}, err
	}
	res, err := w.Render(ctx, tile.Job{ID: id, Version: info.Version, Render: iiifurl.Resolved{
		Region: region, Width: width, Height: height, Quality: iiifurl.Default, Format: "png",
	}})
	if err != nil {
		return "", tile.Timing{}, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return string(b), res.Timing, err
}
