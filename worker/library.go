package worker

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// maxManifest bounds a stored document, in bytes.
const maxManifest = 32 << 20

// Manifest implements tile.Library. The extension .json may be left out; a document
// of exactly the name asked for goes first.
func (w *Worker) Manifest(ctx context.Context, path string) (tile.Document, error) {
	if w.manifests == nil {
		return tile.Document{}, tile.Fail(tile.NotFound, "", nil)
	}
	body, version, err := w.manifests.Read(ctx, path, maxManifest)
	if tile.CodeOf(err) == tile.NotFound && !strings.HasSuffix(path, ".json") {
		body, version, err = w.manifests.Read(ctx, path+".json", maxManifest)
	}
	if err == nil && !json.Valid(body) {
		err = broken("the stored document is not JSON", nil)
	}
	if err != nil {
		w.logFailure(ctx, "document not served", path, err)
		return tile.Document{}, err
	}
	return tile.Document{Body: body, Version: version}, nil
}

// List implements tile.Library.
func (w *Worker) List(ctx context.Context, q tile.Query) (tile.Listing, error) {
	return w.source.List(ctx, q)
}
