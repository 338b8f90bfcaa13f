package bus

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/session"
)

// TestWorkersCannotAnswerForCoordinators: not even a worker that knows at what inbox
// an edge waits for word about people, and is the first to write there.
func TestWorkersCannotAnswerForCoordinators(t *testing.T) {
	e := startServer(t)
	forger, coordinator := join(t, e, RoleWorker, "worker").tiles.nc, join(t, e, RoleCoordinator, "coordinator")
	answer := func(to, whose string) *nats.Msg {
		body, err := json.Marshal(session.Credential{Session: whose})
		if err != nil {
			t.Error(err)
		}
		return message(to, head{size: int64(len(body)), checksum: xxhash.Sum64(body)}, body)
	}
	asked := make(chan *nats.Msg, 1)
	if _, err := coordinator.tiles.nc.ChanQueueSubscribe(authority.subject("*"), queueGroup, asked); err != nil {
		t.Fatal(err)
	}
	if err := coordinator.tiles.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		to := (<-asked).Reply
		// Once flushed, the server has passed the forged answer on or refused it.
		if err := errors.Join(forger.PublishMsg(answer(to, "forged")), forger.Flush()); err != nil {
			t.Error(err)
		}
		if err := forger.LastError(); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("the server says of the forged answer: %v", err)
		}
		if err := coordinator.tiles.nc.PublishMsg(answer(to, "true")); err != nil {
			t.Error(err)
		}
	}()
	got, err := NewAuthority(join(t, e, RoleEdge, "edge")).Lookup(t.Context(), session.KindSession, session.HashOf("x"))
	if err != nil || got.Session != "true" {
		t.Errorf("the edge believes %+v, %v", got, err)
	}
	within(t, "the answers", answered)
}
