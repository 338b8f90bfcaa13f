package bus

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The server's process-wide clock for statistics has no end.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server/ats.init.0.func1"))
}

var quiet = slog.New(slog.DiscardHandler)

const patience = 20 * time.Second // for what must happen; never waited for when it does

func startServer(t testing.TB) *Embedded {
	t.Helper()
	e, err := StartEmbedded(Config{Dir: t.TempDir(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func join(t testing.TB, e *Embedded, role Role, name string) *Conn {
	t.Helper()
	c, err := e.Connect(role, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func serve(t testing.TB, c *Conn, w worker, cfg ServerConfig) *Server {
	t.Helper()
	s, err := ServeWorker(c, "w1", w, w, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
	})
	return s
}

// worker is a tile.Renderer and tile.Library made of functions.
type worker struct {
	render   func(context.Context, tile.Job) (tile.Result, error)
	info     func(context.Context, string) (tile.Image, error)
	manifest func(context.Context, string) (tile.Document, error)
	list     func(context.Context, tile.Query) (tile.Listing, error)
}

func (w worker) Render(ctx context.Context, j tile.Job) (tile.Result, error) { return w.render(ctx, j) }

func (w worker) Info(ctx context.Context, id string) (tile.Image, error) { return w.info(ctx, id) }

func (w worker) List(ctx context.Context, q tile.Query) (tile.Listing, error) {
	return w.list(ctx, q)
}

func (w worker) Manifest(ctx context.Context, p string) (tile.Document, error) {
	return w.manifest(ctx, p)
}

// rendering is a worker that answers every render with body.
func rendering(body []byte) worker {
	return worker{render: func(context.Context, tile.Job) (tile.Result, error) {
		return tile.Result{Type: "image/png", Size: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body))}, nil
	}}
}

// closing is a body that tells when it is closed.
type closing struct {
	io.Reader
	once   sync.Once
	closed chan struct{}
}

func newClosing(r io.Reader) *closing { return &closing{Reader: r, closed: make(chan struct{})} }

func (c *closing) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func noise(size int) []byte {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{7})
	_, _ = r.Read(b)
	return b
}

func within(t testing.TB, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: not within %s", what, patience)
	}
}

func wantCode(t testing.TB, err error, want tile.Code) {
	t.Helper()
	if got := tile.CodeOf(err); got != want {
		t.Errorf("error %v has code %q, want %q", err, got, want)
	}
}

func readAll(t testing.TB, body io.ReadCloser) []byte {
	t.Helper()
	defer body.Close() //nolint:errcheck // nothing to lose
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
