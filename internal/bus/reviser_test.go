package bus

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/session"
)

// shared is an authority whose revisions are scripted: one per question, 0 for a
// database that does not answer.
type shared struct {
	people
	mu     sync.Mutex
	script []int64
	done   chan struct{} // closed at the last question
}

func (s *shared) Revision(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.script[0]
	if len(s.script) > 1 {
		if s.script = s.script[1:]; len(s.script) == 1 {
			close(s.done)
		}
	}
	if next == 0 {
		return 0, errors.New("no database")
	}
	return next, nil
}

// TestOthersChangesAreAnnounced is R24 with several coordinators: each tells what
// all of them changed, says nothing while it cannot know, and follows a database
// that was put back.
func TestOthersChangesAreAnnounced(t *testing.T) {
	t.Parallel()
	e := startServer(t)
	heard := make(chan *nats.Msg, 64)
	if _, err := join(t, e, RoleEdge, "edge").tiles.nc.ChanSubscribe(revisionSubject, heard); err != nil {
		t.Fatal(err)
	}
	a := &shared{
		people: people{rights: func(int64) (session.Rights, error) { return session.Rights{Revision: 7}, nil }},
		script: []int64{7, 9, 0, 0, 4, 4, 5}, done: make(chan struct{}),
	}
	serveAuthority(t, join(t, e, RoleCoordinator, "coordinator"), a)
	<-a.done
	for _, want := range []string{"7", "9", "4", "4"} {
		if got := string((<-heard).Data); got != want {
			t.Fatalf("heard %s, want %s", got, want)
		}
	}
}

// A revision that was overtaken on its way to an edge does not hide the newer one.
func TestNewestOfSeveralCoordinatorsWaits(t *testing.T) {
	e := startServer(t)
	client := NewAuthority(join(t, e, RoleEdge, "edge"))
	for _, data := range []string{"5", "6", "5"} {
		client.heard(&nats.Msg{Data: []byte(data)})
	}
	if got := <-client.Revisions(); got != 6 {
		t.Errorf("heard %d", got)
	}
}
