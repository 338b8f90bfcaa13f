package bus

import (
	"context"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// kindCapabilities asks one worker, whichever, what it can do.
const kindCapabilities = "capabilities"

var _ tile.Capable = (*Client)(nil)

// Capabilities implements tile.Capable: it is one worker that answers, each time
// another.
func (c *Client) Capabilities(ctx context.Context) (tile.Capabilities, error) {
	var can tile.Capabilities
	err := c.jobs.askJSON(ctx, kindCapabilities, struct{}{}, &can)
	return can, err
}

// capabilitiesHandler answers for renderers that can tell.
func capabilitiesHandler(name string, r tile.Renderer) handler {
	return func(ctx context.Context, _ []byte) (answer, error) {
		capable, ok := r.(tile.Capable)
		if !ok {
			return answer{}, tile.Fail(tile.Unsupported, "this worker does not tell what it can do", nil)
		}
		can, err := capable.Capabilities(ctx)
		if err != nil {
			return answer{}, err
		}
		if can.Worker == "" {
			can.Worker = name
		}
		return jsonAnswer(can)
	}
}
