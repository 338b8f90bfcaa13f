package worker

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// commons is a shared store in memory that the test can look into.
type commons struct {
	mu   sync.Mutex
	kept map[tile.Key]string
	gets int // of renderings; packet indices are asked for besides
}

func (c *commons) Get(_ context.Context, key tile.Key) (tile.Result, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.Contains(key.Canonical, "/") {
		c.gets++
	}
	body, ok := c.kept[key]
	return tile.Result{Type: "image/jpeg", Size: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)), Cache: tile.FromStore}, ok
}

func (c *commons) Put(_ context.Context, key tile.Key, _ string, body io.Reader, _ int64) error {
	b, err := io.ReadAll(body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept[key] = string(b)
	return err
}

// One worker renders, another finds the result in the shared store, and from then on
// at hand.
func TestRenderAsksTheSharedStore(t *testing.T) {
	shared := &commons{kept: map[tile.Key]string{}}
	with := func(c *Config) { c.Shared = shared }
	one := newPlace(t, withResults(t), with)
	one.put("a.jp2", codestream(size, size, 6))
	job := one.job("a", 0)
	res, err := one.Render(t.Context(), job)
	if err != nil || res.Cache != tile.FromMiss || read(t, res) != "pixels" {
		t.Fatalf("%+v, %v", res, err)
	}
	one.sharer.close()
	if shared.gets != 1 || len(shared.kept) != 1 {
		t.Fatalf("asked %d times, and %d kept; want once and one", shared.gets, len(shared.kept))
	}

	source := one.source
	two := newPlace(t, withResults(t), with, func(c *Config) { c.Source = source })
	for _, from := range []string{tile.FromStore, tile.FromWorker, tile.FromWorker} {
		res, err := two.Render(t.Context(), job)
		if err != nil || res.Cache != from || read(t, res) != "pixels" {
			t.Errorf("%q, %v; want from %q", res.Cache, err, from)
		}
		two.saver.close()
	}
	if two.fake.renders.Load() != 0 || shared.gets != 2 {
		t.Errorf("%d decodes, and asked %d times; want none, and once more", two.fake.renders.Load(), shared.gets)
	}
	two.sharer.close()
	if one.Stats().Unsaved+two.Stats().Unsaved != 0 {
		t.Error("results dropped")
	}
}

// forgetful is a source that can be told to forget.
type forgetful struct {
	store.Source
	forgot []string
}

func (f *forgetful) Forget(key string) { f.forgot = append(f.forgot, key) }

func TestForgetReachesSourceAndVerdicts(t *testing.T) {
	f := &forgetful{}
	p := newPlace(t, func(c *Config) { f.Source = c.Source; c.Source, c.Manifests = f, nil })
	p.put("maps/a.jp2", codestream(size, size, 6))
	p.put("maps/b.jp2", codestream(size, size, 6))
	for _, id := range []string{"maps/a", "maps/a.jp2", "maps/b"} {
		p.job(id, 0)
	}
	p.Forget("maps/a.jp2", "maps/new.jp2")
	if len(f.forgot) != 2 || f.forgot[0] != "maps/a.jp2" || f.forgot[1] != "maps/new.jp2" {
		t.Errorf("the source was told to forget %q", f.forgot)
	}
	for s := range p.verdicts.Keys() {
		if s.id != "maps/b" {
			t.Errorf("still known: %q", s.id)
		}
	}
	p.job("maps/a", 0)
}
