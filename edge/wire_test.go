package edge_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// endless gives bytes for as long as it is read, and tells when it is closed.
type endless struct{ closed chan struct{} }

func (e endless) Read(p []byte) (int, error) { return len(p), nil }
func (e endless) Close() error               { close(e.closed); return nil }

// R17: a client that takes nothing is cut off, and nobody waits for it meanwhile.
func TestSlowClient(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.WriteTimeout = 50 * time.Millisecond })
	source := endless{make(chan struct{})}
	s.studio.render = func(context.Context, tile.Job) (tile.Result, error) {
		return tile.Result{Type: "image/png", Size: 1 << 40, Body: source}, nil
	}
	server := httptest.NewServer(s.edge)
	defer server.Close()
	conn := dial(t, server)
	defer conn.Close()
	fmt.Fprintf(conn, "GET /iiif/3/open%%2FW/full/max/0/default.png HTTP/1.1\r\nHost: iiif.test\r\n\r\n")
	select {
	case <-source.closed:
	case <-time.After(10 * time.Second):
		t.Fatal("the slow client still holds the worker's result")
	}
}

// A client that keeps reading gets all of an answer that takes longer than the budget,
// and longer than one write may.
func TestLongAnswer(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.Budget, c.WriteTimeout = 20*time.Millisecond, 50*time.Millisecond })
	s.studio.render = func(ctx context.Context, _ tile.Job) (tile.Result, error) {
		return tile.Result{Type: "image/png", Size: 5 << 20, Body: io.NopCloser(&slowSource{ctx: ctx, left: 5 << 20})}, nil
	}
	server := httptest.NewServer(s.edge)
	defer server.Close()
	body, err := fetch(t, server, "/iiif/3/open%2FW/full/max/0/default.png")
	if err != nil || len(body) != 5<<20 {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
}

// slowSource takes 100 ms for its bytes, and stops when its context does.
type slowSource struct {
	ctx  context.Context
	left int
	wait <-chan time.Time
}

func (s *slowSource) Read(p []byte) (int, error) {
	if s.wait == nil {
		s.wait = time.After(100 * time.Millisecond)
		select {
		case <-s.wait:
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		}
	}
	n := min(len(p), s.left)
	s.left -= n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// An answer that breaks off in the middle is not taken for a whole one.
func TestTornAnswer(t *testing.T) {
	s := newStage(t)
	s.studio.render = func(context.Context, tile.Job) (tile.Result, error) {
		torn := io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), failing{})
		return tile.Result{Type: "image/png", Size: 5 << 20, Body: io.NopCloser(torn)}, nil
	}
	server := httptest.NewServer(s.edge)
	defer server.Close()
	if body, err := fetch(t, server, "/iiif/3/open%2FW/full/max/0/default.png"); err == nil {
		t.Fatalf("%d bytes and no error", len(body))
	}
	if aborted := abortOf(func() { s.ask("/iiif/3/open%2FW/full/max/0/default.png") }); aborted != http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
		t.Errorf("the connection is not broken off: %v", aborted)
	}
	// A small one that is torn was never begun.
	s.studio.render = func(context.Context, tile.Job) (tile.Result, error) {
		return tile.Result{Type: "image/jpeg", Size: 100, Body: io.NopCloser(strings.NewReader("short"))}, nil
	}
	s.want(500, "/iiif/3/SQ/full/max/0/default.jpg")
}

func abortOf(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, tile.Fail(tile.Unavailable, "", nil) }

// Paths reach the edge as they are on the wire.
func TestRawPathsOnTheWire(t *testing.T) {
	s := newStage(t)
	server := httptest.NewServer(s.edge)
	defer server.Close()
	for path, status := range map[string]int{
		"/iiif/3/SQ//max/0/default.jpg":         400, // no redirect to a cleaned path
		"/iiif/3/%zz/info.json":                 400,
		"//iiif/3/SQ/info.json":                 404,
		"/iiif/3/./SQ/info.json":                404,
		"/iiif/3/a/../SQ/info.json":             404,
		"/iiif/3/ark:%2F%2Fx/info.json":         404,
		"http://other.test/iiif/3/SQ":           303,
		"/iiif/3/SQ/info.json?x=%zz&y=;":        200,
		"/iiif/3/%53%51/full/max/0/default.jpg": 200,
	} {
		conn := dial(t, server)
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: iiif.test\r\nConnection: close\r\n\r\n", path)
		r, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_ = conn.Close()
		if r.StatusCode != status {
			t.Errorf("%s: %d, want %d", path, r.StatusCode, status)
		}
	}
}

func dial(t *testing.T, server *httptest.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func fetch(t *testing.T, server *httptest.Server, path string) ([]byte, error) {
	t.Helper()
	r, err := server.Client().Get(server.URL + path)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}
