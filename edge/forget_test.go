package edge

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// What is to be forgotten goes from memory, and nothing else but documents.
func TestForget(t *testing.T) {
	e := &Edge{results: newResultCache(1 << 20)}
	cfg := Config{}.withDefaults()
	e.images = newRecent[string, tile.Image](cfg, 10, func(string, tile.Image) uint32 { return 1 }, nil)
	e.documents = newRecent[documentKey, *document](cfg, 1<<20, weightOf, nil)
	for _, id := range []string{"maps/1", "maps/2"} {
		e.results.Set(tile.Key{ID: id, Canonical: "full"}, &picture{})
		e.images.answers.Set(id, &known[tile.Image]{})
		e.documents.answers.Set(documentKey{path: id}, &known[*document]{})
	}
	e.Forget(func(id string) bool { return id == "maps/1" })
	_, first := e.results.GetIfPresent(tile.Key{ID: "maps/1", Canonical: "full"})
	_, second := e.results.GetIfPresent(tile.Key{ID: "maps/2", Canonical: "full"})
	_, firstImage := e.images.answers.GetIfPresent("maps/1")
	_, secondImage := e.images.answers.GetIfPresent("maps/2")
	_, document := e.documents.answers.GetIfPresent(documentKey{path: "maps/2"})
	if first || firstImage || !second || !secondImage || document {
		t.Errorf("left: %v %v, %v %v, %v", first, firstImage, second, secondImage, document)
	}
}

// Names of documents that are not there take room too, and have a bound: anybody can
// think of as many as they like.
func TestMissingDocumentsHaveABound(t *testing.T) {
	const limit = 100_000
	documents := newRecent(Config{}.withDefaults(), limit, weightOf, func(context.Context, documentKey) (*document, error) {
		return nil, tile.Fail(tile.NotFound, "", nil)
	})
	for i := range 500 {
		if _, err := documents.get(t.Context(), documentKey{path: fmt.Sprint(i) + strings.Repeat("x", 2000)}); err == nil {
			t.Fatal("found")
		}
	}
	documents.answers.CleanUp()
	held := 0
	for key := range documents.answers.Keys() {
		held += len(key.path)
	}
	if held == 0 || held > limit {
		t.Errorf("%d bytes of names are held, %d are the bound", held, limit)
	}
}
