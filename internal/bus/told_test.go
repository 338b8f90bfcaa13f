package bus

import (
	"context"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// What a part tells of itself arrives with the role and the user that told it, and with
// nobody but coordinators.
func TestStates(t *testing.T) {
	e := startServer(t)
	type told struct {
		role Role
		user string
		text string
	}
	heard := make(chan told, 64)
	coordinator := join(t, e, RoleCoordinator, "c")
	stop, err := HearStates(coordinator, func(role Role, user string, state []byte) { heard <- told{role, user, string(state)} })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, role := range []Role{RoleEdge, RoleWorker, RoleCoordinator} {
		c := join(t, e, role, "one")
		if role != RoleCoordinator {
			if stop, err := HearStates(c, func(Role, string, []byte) {}); err == nil {
				stop()
				t.Errorf("%s hears how others are", role)
			}
		}
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- TellState(ctx, c, time.Hour, func() []byte { return []byte("well") }) }()
		select {
		case got := <-heard:
			if got.role != role || got.user != c.user || got.text != "well" {
				t.Errorf("%s: heard %+v", role, got)
			}
		case <-time.After(patience):
			t.Fatalf("%s: nothing heard", role)
		}
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestPurges(t *testing.T) {
	e := startServer(t)
	heard := make(chan string, 2)
	for _, role := range []Role{RoleEdge, RoleWorker} {
		c := join(t, e, role, "one")
		stop, err := HearPurges(c, func(purge []byte) { heard <- string(role) + " " + string(purge) })
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
	}
	if err := TellPurge(t.Context(), join(t, e, RoleCoordinator, "c"), []byte("all")); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for len(got) < 2 {
		select {
		case text := <-heard:
			got[text] = true
		case <-time.After(patience):
			t.Fatalf("heard %v alone", got)
		}
	}
	if !got["edge all"] || !got["worker all"] {
		t.Errorf("heard %v", got)
	}
}

// lister is a worker with one image.
type lister struct{ worker }

func (lister) List(_ context.Context, q tile.Query) (tile.Listing, error) {
	return tile.Listing{Items: []tile.Entry{{ID: q.Prefix + "one"}}}, nil
}

// A coordinator may ask for lists, and for nothing else.
func TestCoordinatorsAskForLists(t *testing.T) {
	e := startServer(t)
	s, err := ServeWorker(join(t, e, RoleWorker, "w"), "w", worker{}, lister{}, ServerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Drain(context.Background()) })
	client := NewClient(join(t, e, RoleCoordinator, "c"), ClientConfig{})
	if l, err := client.List(t.Context(), tile.Query{Prefix: "maps/"}); err != nil || len(l.Items) != 1 || l.Items[0].ID != "maps/one" {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := client.Info(t.Context(), "maps/one"); tile.CodeOf(err) != tile.Internal {
		t.Errorf("a coordinator asked for an image: %v", err)
	}
}
