package worker

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
)

func TestManifest(t *testing.T) {
	p := newPlace(t)
	p.put("books/one.json", `{"id":"one"}`)
	p.put("books/two", `{"id":"two"}`)
	p.put("books/two.json", `{"id":"two.json"}`)
	p.put("books.json", ` [1] `)
	p.put("bad.json", `{"id":`)
	p.put("empty.json", ``)
	p.put(".secret.json", `{}`)
	p.put("large.json", "")
	if err := os.Truncate(p.root+"/large.json", maxManifest+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"books/one":      `{"id":"one"}`,
		"books/one.json": `{"id":"one"}`,
		"books/two":      `{"id":"two"}`,
		"books/two.json": `{"id":"two.json"}`,
		"books":          ` [1] `, // byte for byte, although a folder has the name
	} {
		d, err := p.Manifest(t.Context(), path)
		if err != nil || string(d.Body) != want || d.Version == "" {
			t.Errorf("Manifest(%q) = %q, version %q, %v; want %q", path, d.Body, d.Version, err, want)
		}
	}
	for path, code := range map[string]tile.Code{
		"bad": tile.Broken, "bad.json": tile.Broken, "empty": tile.Broken, "large": tile.Broken,
		"none": tile.NotFound, "none.json": tile.NotFound, "books/": tile.NotFound, "../x": tile.NotFound,
		".secret": tile.NotFound, ".secret.json": tile.NotFound, "": tile.NotFound, "books/one.json.json": tile.NotFound,
	} {
		_, err := p.Manifest(t.Context(), path)
		wantCode(t, err, code)
	}
}

func TestManifestWithoutAFolder(t *testing.T) {
	p := newPlace(t, func(c *Config) { c.Manifests = nil })
	_, err := p.Manifest(context.Background(), "x")
	wantCode(t, err, tile.NotFound)
}

func TestList(t *testing.T) {
	p := newPlace(t)
	p.put("maps/a.jp2", codestream(10, 10, 1))
	p.put("maps/b.tif", "x")
	page, err := p.List(t.Context(), tile.Query{Prefix: "maps/", Limit: 1})
	want := []tile.Entry{{ID: "maps/a", Format: tile.JP2, Bytes: int64(len(codestream(10, 10, 1)))}}
	if err != nil || !slices.Equal(page.Items, want) || page.Next != "maps/a" {
		t.Errorf("List = %+v, %v; want %+v", page, err, want)
	}
}
