package people

import (
	"context"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
)

// maxSightings bounds what one batch of an edge may put on record; the rest is counted.
const maxSightings = 100

// RecordSightings puts on record what an edge showed and refused, and how many it left
// out. Instants of the edge are details: entries are in the order they come here.
func (s *Service) RecordSightings(ctx context.Context, batch []session.Sighting, dropped int64) error {
	if over := len(batch) - maxSightings; over > 0 {
		batch, dropped = batch[:maxSightings], dropped+int64(over)
	}
	return s.update(ctx, func(tx *db.Tx) error {
		for _, seen := range batch {
			if err := tx.Audit(ctx, sightingEvent(seen)); err != nil {
				return err
			}
		}
		if dropped <= 0 {
			return nil
		}
		return record(ctx, tx, Actor{UserID: audit.System}, audit.Dropped, "images", map[string]any{"sightings": dropped})
	})
}

func sightingEvent(seen session.Sighting) audit.Event {
	e := audit.Event{
		Name: audit.Denied, Actor: seen.User, Target: "image:" + seen.Image, RequestID: seen.Request,
		Details: map[string]any{"rule": seen.Rule, "at": seen.At.UTC().Truncate(time.Millisecond)},
	}
	if seen.Granted {
		e.Name = audit.Granted
	}
	if seen.Addr.IsValid() {
		e.Addr = seen.Addr.Unmap().String()
	}
	return e
}
