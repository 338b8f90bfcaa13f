package coordinator

import (
	"context"

	"github.com/tessera-iiif/tessera/internal/session"
)

// Sighted puts on record what an edge showed and refused. What cannot be recorded is
// logged: the images are long shown.
func (c *Coordinator) Sighted(batch []session.Sighting, dropped int64) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	if err := c.people.RecordSightings(ctx, batch, dropped); err != nil {
		c.log.Error("images shown and refused are not on record", "sightings", len(batch), "error", err)
	}
}
