package bus

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/session"
)

// R64: what an edge saw comes to one coordinator, as it was told.
func TestSightings(t *testing.T) {
	e := startServer(t)
	edge, coordinators := join(t, e, RoleEdge, "edge"), []*Conn{join(t, e, RoleCoordinator, "c1"), join(t, e, RoleCoordinator, "c2")}
	type told struct {
		batch   []session.Sighting
		dropped int64
	}
	heard := make(chan told, 10)
	for _, c := range coordinators {
		stop, err := ListenSightings(c, func(batch []session.Sighting, dropped int64) { heard <- told{batch, dropped} })
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
	}
	seen := session.Sighting{
		At: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Granted: true, User: "u", Image: "maps/ü", Rule: "r",
		Addr: netip.MustParseAddr("192.0.2.7"), Request: "q",
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := edge.tiles.send(ctx, &nats.Msg{Subject: sightingSubject, Data: []byte("{")}); err != nil {
		t.Fatal(err)
	}
	if err := TellSightings(ctx, edge, []session.Sighting{seen}, 7); err != nil {
		t.Fatal(err)
	}
	if err := TellSightings(ctx, edge, nil, 1); err != nil {
		t.Fatal(err)
	}
	var all []told
	for len(all) < 2 {
		select {
		case got := <-heard:
			all = append(all, got)
		case <-ctx.Done():
			t.Fatalf("heard %+v", all)
		}
	}
	if all[0].dropped < all[1].dropped {
		all[0], all[1] = all[1], all[0]
	}
	if len(all[0].batch) != 1 || all[0].batch[0] != seen || all[0].dropped != 7 || all[1].dropped != 1 {
		t.Errorf("R64: %+v", all)
	}
	if len(heard) > 0 {
		t.Error("a batch came to two coordinators")
	}
}

// Whatever comes, it is refused or is a batch.
func FuzzSightings(f *testing.F) {
	f.Add([]byte(`{"batch":[{"at":"2026-03-01T09:00:00Z","image":"a","addr":"::1"}],"dropped":1}`))
	f.Add([]byte(`{"dropped":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := parseSightings(data); err == nil && s.Dropped < 0 {
			t.Errorf("%s: %d left out", data, s.Dropped)
		}
	})
}
