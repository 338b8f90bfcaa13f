package bus

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// moveSpread keeps the members of a group from leaving a server all at once, which
// would leave nobody to answer. A server gives 10 s unless told otherwise.
const moveSpread = 2 * time.Second

// followServers goes to another server when this one is about to end (lame duck
// mode). Waiting to be cut off would lose the jobs on their way here.
func (r *responder) followServers() {
	for {
		select {
		case <-r.leaving:
		case <-r.quit:
			return
		}
		select {
		case <-time.After(rand.N(moveSpread)): //nolint:gosec // spreads load, guards nothing
		case <-r.quit:
			return
		}
		if err := r.move(); err != nil {
			r.log.Warn("not moved to another NATS server before this one ends", "error", err)
		}
	}
}

// move begins every job that came over this connection, sends every answer that is
// ready, and asks for jobs again over the next one. Jobs under way answer there.
func (r *responder) move() error {
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.draining {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.base, connectTimeout)
	defer cancel()
	err := r.takeNoMore(ctx)
	if err == nil {
		err = r.conn.tiles.move()
	}
	if err == nil {
		err = r.conn.tiles.heal(ctx)
	}
	// Jobs are asked for even when something failed: a later connection brings them.
	return errors.Join(err, r.takeJobs())
}
