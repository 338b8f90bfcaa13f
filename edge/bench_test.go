package edge_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// A warm tile of 24 KB for a signed-in reader, against the least that net/http does to
// send the same bytes. The aim is at least 0.8 of its rate.
func BenchmarkWarmTile(b *testing.B) {
	body := make([]byte, 24<<10)
	s := newStage(b)
	s.studio.render = func(context.Context, tile.Job) (tile.Result, error) { return resultOf("image/jpeg", body), nil }
	const path = "/iiif/3/members%2FW/1024,1024,512,512/512,512/0/default.jpg"
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(body)
	})
	for _, c := range []struct {
		name    string
		handler http.Handler
	}{{"edge", s.edge}, {"bare", bare}} {
		b.Run(c.name+"/wire", func(b *testing.B) { overWire(b, c.handler, path) })
		b.Run(c.name+"/handler", func(b *testing.B) { inProcess(b, c.handler, path) })
	}
}

func signedIn(b *testing.B, target string) *http.Request {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, target, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Host, r.RemoteAddr = "iiif.test", "192.0.2.1:1"
	cookieOf("alice")(r)
	return r
}

func overWire(b *testing.B, h http.Handler, path string) {
	server := httptest.NewServer(h)
	defer server.Close()
	client := server.Client()
	b.ReportAllocs()
	for b.Loop() {
		response, err := client.Do(signedIn(b, server.URL+path))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			b.Fatal(response.Status)
		}
	}
}

// discard is a response writer that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func inProcess(b *testing.B, h http.Handler, path string) {
	r := signedIn(b, path)
	w := &discard{header: make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}
