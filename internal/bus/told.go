package bus

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// What parts of the cluster tell of themselves, and are told by coordinators. Neither
// is kept: who does not listen misses it.
const (
	stateRoot    = "tessera.state."
	purgeSubject = "tessera.purge"
)

// TellState publishes what state gives, at once and then so often, until ctx ends. A user
// can speak for itself alone, and in its own role.
func TellState(ctx context.Context, c *Conn, every time.Duration, state func() []byte) error {
	subject := stateRoot + string(c.role) + "." + c.user
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		// A state that cannot be sent now is stale when it can be.
		_ = c.tiles.publish(&nats.Msg{Subject: subject, Data: state()})
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// HearStates hands every state to handler with the role and user that told it, one at a
// time. stop returns when handler has ended; handler must not call it.
func HearStates(c *Conn, handler func(role Role, user string, state []byte)) (stop func(), err error) {
	return listen(c, stateRoot+"*.*", "", func(m *nats.Msg) {
		role, user, _ := strings.Cut(strings.TrimPrefix(m.Subject, stateRoot), ".")
		handler(Role(role), user, m.Data)
	})
}

// TellPurge tells every edge and worker to forget something, and returns once the server
// has it.
func TellPurge(ctx context.Context, c *Conn, purge []byte) error {
	if err := c.tiles.send(ctx, &nats.Msg{Subject: purgeSubject, Data: purge}); err != nil {
		return fmt.Errorf("tell edges and workers to forget: %w", err)
	}
	return nil
}

// HearPurges hands what is to be forgotten to handler, as Listen does.
func HearPurges(c *Conn, handler func(purge []byte)) (stop func(), err error) {
	return Listen(c, purgeSubject, handler)
}
