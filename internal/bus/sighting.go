package bus

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/session"
)

// sightingSubject is where edges tell what they showed and refused. One coordinator
// hears each batch; while none does, it is lost: images are not held up for the record.
const sightingSubject = "tessera.sighting"

// sightings are a batch on the wire.
type sightings struct {
	Batch   []session.Sighting `json:"batch"`
	Dropped int64              `json:"dropped,omitempty"` // left out since the batch before
}

// TellSightings tells a coordinator a batch of images shown and refused, and how many
// were left out.
func TellSightings(ctx context.Context, c *Conn, batch []session.Sighting, dropped int64) error {
	data, err := json.Marshal(sightings{batch, dropped})
	if err != nil {
		return fmt.Errorf("sightings: %w", err)
	}
	return c.tiles.send(ctx, &nats.Msg{Subject: sightingSubject, Data: data})
}

// ListenSightings hands batches to handler, one at a time. Batches that are none are
// logged and dropped. stop is as for Listen.
func ListenSightings(c *Conn, handler func(batch []session.Sighting, dropped int64)) (stop func(), err error) {
	return ListenAmong(c, sightingSubject, queueGroup, func(data []byte) {
		s, err := parseSightings(data)
		if err != nil {
			c.log.Warn("an edge told what is no batch of sightings", "error", err)
			return
		}
		handler(s.Batch, s.Dropped)
	})
}

func parseSightings(data []byte) (s sightings, err error) {
	if err := json.Unmarshal(data, &s); err != nil {
		return sightings{}, err
	}
	if s.Dropped < 0 {
		return sightings{}, fmt.Errorf("%d sightings were left out", s.Dropped)
	}
	return s, nil
}
