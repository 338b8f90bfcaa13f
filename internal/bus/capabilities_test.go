package bus

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// capable is a worker that tells what it can do.
type capable struct {
	worker
	can tile.Capabilities
}

func (c capable) Capabilities(context.Context) (tile.Capabilities, error) { return c.can, nil }

func serveCapable(t *testing.T, e *Embedded, name string, r tile.Renderer) {
	t.Helper()
	s, err := ServeWorker(join(t, e, RoleWorker, name), name, r, worker{}, ServerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Drain(context.Background()) })
}

// Any one worker answers; asking often enough finds them all.
func TestCapabilities(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	if _, err := client.Capabilities(t.Context()); tile.CodeOf(err) != tile.Unavailable {
		t.Errorf("without workers: %v", err)
	}
	serveCapable(t, e, "w1", capable{can: tile.Capabilities{Formats: []string{"jpg", "webp"}}})
	serveCapable(t, e, "w2", capable{can: tile.Capabilities{Worker: "its own name", Formats: []string{"jpg"}}})
	want := map[string][]string{"w1": {"jpg", "webp"}, "its own name": {"jpg"}}
	for deadline := time.Now().Add(patience); len(want) > 0; {
		can, err := client.Capabilities(t.Context())
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("never heard %v: %v", want, err)
		}
		if formats, ok := want[can.Worker]; ok && !slices.Equal(formats, can.Formats) {
			t.Errorf("%s can %v", can.Worker, can.Formats)
		}
		delete(want, can.Worker)
	}
}

// A worker of an older kind says so.
func TestCapabilitiesUntold(t *testing.T) {
	e := startServer(t)
	serve(t, join(t, e, RoleWorker, "worker"), worker{}, ServerConfig{})
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	if _, err := client.Capabilities(t.Context()); tile.CodeOf(err) != tile.Unsupported {
		t.Errorf("got %v", err)
	}
}
