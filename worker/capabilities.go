package worker

import (
	"context"

	"github.com/tessera-iiif/tessera/internal/tile"
)

var _ tile.Capable = (*Worker)(nil)

// Capabilities implements tile.Capable: the formats are those its decoders can write.
func (w *Worker) Capabilities(context.Context) (tile.Capabilities, error) {
	return tile.Capabilities{Worker: w.name, Formats: w.decoders.Formats()}, nil
}
