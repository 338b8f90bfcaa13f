package main

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/cluster"
	"github.com/tessera-iiif/tessera/internal/oidctoken"
	"github.com/tessera-iiif/tessera/internal/ops"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/worker"
)

// tell adds the part that tells coordinators how a role in this process is.
func (s *server) tell(role bus.Role, conn *bus.Conn, state func() cluster.State) {
	began := time.Now()
	encode := func() []byte {
		told := state()
		told.Role, told.Name, told.Version, told.Up, told.Now = string(role), s.settings.Name, version, time.Since(began), time.Now()
		text, err := json.Marshal(told)
		if err != nil {
			s.log.Error("state not told", "error", err) // strings and numbers: cannot be
		}
		return text
	}
	s.parts = append(s.parts, ops.Part{Name: "state of " + string(role), Run: func(ctx context.Context) error {
		return bus.TellState(ctx, conn, cluster.TellEvery, encode)
	}})
}

// board keeps what is told, for administrators to look at.
func (s *server) board(conn *bus.Conn) (*cluster.Board, error) {
	board := cluster.NewBoard(nil)
	stop, err := bus.HearStates(conn, func(role bus.Role, user string, state []byte) { board.Hear(string(role), user, state) })
	if err != nil {
		return nil, err
	}
	s.opened(func() error { stop(); return nil })
	s.tell(bus.RoleCoordinator, conn, func() cluster.State { return cluster.State{} })
	return board, nil
}

// purger tells every edge and worker what to forget.
func purger(conn *bus.Conn) func(context.Context, cluster.Purge) error {
	return func(ctx context.Context, p cluster.Purge) error {
		text, err := json.Marshal(p)
		if err != nil {
			return err
		}
		return bus.TellPurge(ctx, conn, text)
	}
}

// obey has forget called for what coordinators say is to be forgotten, until the process
// ends.
func (s *server) obey(conn *bus.Conn, forget func(meant func(id string) bool)) error {
	stop, err := bus.HearPurges(conn, func(text []byte) {
		var p cluster.Purge
		if err := json.Unmarshal(text, &p); err != nil || !p.Valid() {
			s.log.Warn("a purge that says nothing sensible was not obeyed")
			return
		}
		forget(meantBy(p))
		s.log.Info("forgot what a coordinator said", "image", p.Image, "prefix", p.Prefix, "all", p.All)
	})
	if err != nil {
		return err
	}
	s.opened(func() error { stop(); return nil })
	return nil
}

// meantBy tells which identifiers are to be forgotten. An image is meant with and without
// its extension.
func meantBy(p cluster.Purge) func(id string) bool {
	switch {
	case p.All:
		return func(string) bool { return true }
	case p.Image != "":
		name := tile.RuleName(p.Image)
		return func(id string) bool { return id == p.Image || tile.RuleName(id) == name }
	}
	return func(id string) bool { return strings.HasPrefix(id, p.Prefix) }
}

// tally counts what an edge answers.
type tally struct{ requests, images, hits atomic.Uint64 }

// counting counts besides observing.
func (t *tally) counting(observe func(kind string, status int, cache string, d time.Duration)) func(string, int, string, time.Duration) {
	return func(kind string, status int, cache string, d time.Duration) {
		t.requests.Add(1)
		if kind == "image" && cache != "" {
			t.images.Add(1)
			if cache == "edge" {
				t.hits.Add(1)
			}
		}
		observe(kind, status, cache, d)
	}
}

// presentEdge tells how an edge is and has it forget what it is told to.
func (s *server) presentEdge(conn *bus.Conn, e *edge.Edge, keeper *session.Keeper, t *tally, keys *oidctoken.Verifier) error {
	s.tell(bus.RoleEdge, conn, func() cluster.State {
		return cluster.State{Edge: &cluster.Edge{
			Revision: keeper.Revision(), Fresh: keeper.Fresh(), Requests: t.requests.Load(), Images: t.images.Load(), Hits: t.hits.Load(),
			Issuers: issuersOf(keys),
		}}
	})
	return s.obey(conn, e.Forget)
}

// issuersOf is what an edge has of the issuers of access tokens.
func issuersOf(keys *oidctoken.Verifier) (all []cluster.Issuer) {
	if keys == nil {
		return nil
	}
	for _, h := range keys.Held() {
		all = append(all, cluster.Issuer{URL: h.Issuer, Keys: h.Keys, Read: h.Read, Failing: h.Failing})
	}
	return all
}

// presentWorker does the same for a worker and the results it keeps. What all workers
// share in object storage stays: its keys name the version of the source.
func (s *server) presentWorker(conn *bus.Conn, w *worker.Worker, results *store.Results) error {
	s.tell(bus.RoleWorker, conn, func() cluster.State {
		load := w.Stats()
		return cluster.State{Worker: &cluster.Worker{
			Slots: load.Slots, Running: load.Running, Waiting: load.Waiting, Queue: load.Queued,
			Asked: load.Asked, Hits: load.Found, Decodes: load.Decodes, Refused: load.Refused,
			SetAside: load.Quarantined, Quarantined: w.Quarantined(cluster.MaxNamed),
		}}
	})
	return s.obey(conn, func(meant func(string) bool) {
		w.ClearAll(meant)
		if _, err := results.Purge(meant); err != nil {
			s.log.Error("results not all forgotten", "error", err)
		}
	})
}
