package edge

import (
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// What is to be forgotten goes from memory, and nothing else but documents.
func TestForget(t *testing.T) {
	e := &Edge{results: newResultCache(1 << 20)}
	cfg := Config{}.withDefaults()
	e.images = newRecent[string, tile.Image](cfg, 10, func(tile.Image) uint32 { return 1 }, nil)
	e.documents = newRecent[documentKey, *document](cfg, 10, func(*document) uint32 { return 1 }, nil)
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
