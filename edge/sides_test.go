package edge_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// TestSidesOfFormats: what a format cannot hold is refused with a sentence and without
// work; what max gives and sizes advertise is within the bounds of JPEG.
func TestSidesOfFormats(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.Limits.MaxArea = 0 })
	s.studio.put(tile.Image{ID: "open/SCROLL", Version: "v1", Format: tile.TIFF, Width: 70_000, Height: 700, TileWidth: 256, TileHeight: 256})
	s.studio.put(tile.Image{ID: "open/PANEL", Version: "v1", Format: tile.TIFF, Width: 20_000, Height: 700})
	for _, row := range []struct {
		path   string
		status int
	}{
		{"open%2FSCROLL/full/max/0/default.jpg", 200},
		{"open%2FSCROLL/full/max/90/default.jpg", 200},
		{"open%2FSCROLL/full/65500,655/0/default.jpg", 200},
		{"open%2FSCROLL/full/65501,/0/default.jpg", 400},
		{"open%2FSCROLL/full/max/45/default.jpg", 200},
		{"open%2FSCROLL/full/max/0/default.webp", 400},
		{"open%2FPANEL/full/max/0/default.webp", 400},
		{"open%2FPANEL/full/max/90/default.webp", 400},
		{"open%2FPANEL/full/16383,/90/default.webp", 200},
		{"open%2FPANEL/full/max/0/default.gif", 200},
	} {
		before := s.studio.renders.Load()
		a := s.ask("/iiif/3/" + row.path)
		if a.status != row.status {
			t.Errorf("%s: %v, want %d", row.path, a, row.status)
		}
		if row.status == 400 && (s.studio.renders.Load() != before || !strings.Contains(a.body, "Ask for")) {
			t.Errorf("%s: worked for, or told nothing: %v", row.path, a)
		}
	}
	doc := parse(t, s.want(200, "/iiif/3/open%2FSCROLL/info.json"))
	if doc["maxWidth"] != 65500.0 {
		t.Errorf("maxWidth %v", doc["maxWidth"])
	}
	for _, size := range doc["sizes"].([]any) {
		side := size.(map[string]any)
		path := fmt.Sprintf("/iiif/%%d/open%%%%2FSCROLL/full/%v,%v/0/default.jpg", side["width"], side["height"])
		s.want(200, fmt.Sprintf(path, 3))
		s.want(200, fmt.Sprintf(path, 2))
	}
	if doc := parse(t, s.want(200, "/iiif/3/open%2FPANEL/info.json")); doc["maxWidth"] != nil {
		t.Errorf("limits without need: %v", doc["maxWidth"])
	}
}

// TestEscapedInfo: the name info.json may be escaped, and its errors are JSON all the same.
func TestEscapedInfo(t *testing.T) {
	s := newStage(t)
	for _, name := range []string{"info.json", "info%2Ejson"} {
		a := s.want(404, "/iiif/3/nobody/"+name)
		if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
