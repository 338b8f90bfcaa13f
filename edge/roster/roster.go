// Package roster is what an edge knows of the workers it cannot see: whether there are
// any, and what all of them can do.
package roster

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	askEvery   = time.Second
	askAgain   = 200 * time.Millisecond // while nobody answers
	askTimeout = 2 * time.Second
	maxSilence = 3 * time.Second // after which no worker is taken to be there
	remember   = 5 * time.Minute // a worker that has not answered for so long is gone
	maxWorkers = 4096
)

var errNobody = errors.New("no worker answers")

// Config of a Roster. Now may be nil.
type Config struct {
	Workers tile.Capable // asks one of the workers, each time another
	Now     func() time.Time
	Log     *slog.Logger
}

// Roster asks one worker a second and remembers what each has said. Safe for
// concurrent use.
type Roster struct {
	cfg Config

	mu      sync.Mutex
	seen    map[string]sighting // by the name of the worker
	last    time.Time           // when any worker answered
	formats []string            // never changed in place
}

type sighting struct {
	at      time.Time
	formats []string
}

// New makes a roster that knows nobody. Run fills it.
func New(cfg Config) *Roster {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Roster{cfg: cfg, seen: make(map[string]sighting)}
}

// Run asks until ctx ends.
func (r *Roster) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		timer.Reset(r.ask(ctx))
	}
}

// ask takes one answer and tells when to ask next.
func (r *Roster) ask(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	can, err := r.cfg.Workers.Capabilities(ctx)
	if err != nil || len(can.Formats) == 0 {
		r.cfg.Log.Debug("no worker tells what it can do", "error", err)
		return askAgain
	}
	r.note(can)
	return askEvery
}

// indispensable is what every worker can write that is in order: all levels of the Image
// API want it, and viewers ask for it alone.
const indispensable = "jpg"

func (r *Roster) note(can tile.Capabilities) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Now()
	r.last = now
	for name, s := range r.seen {
		if now.Sub(s.at) > remember {
			delete(r.seen, name)
		}
	}
	if _, known := r.seen[can.Worker]; !known && len(r.seen) >= maxWorkers {
		return // what thousands can do, one more can
	}
	r.seen[can.Worker] = sighting{now, can.Formats}
	common := r.common(can.Formats)
	if !slices.Contains(common, indispensable) && slices.Contains(r.formats, indispensable) {
		delete(r.seen, can.Worker)
		r.cfg.Log.Error("a worker offers no "+indispensable+" and is not counted: look at its libraries", "worker", can.Worker, "formats", strings.Join(can.Formats, ","))
		return
	}
	if !slices.Equal(common, r.formats) {
		r.cfg.Log.Info("formats offered", "formats", strings.Join(common, ","), "workers", len(r.seen))
	}
	r.formats = common
}

// common is what every worker known can write: any of them may get the job. Callers
// hold mu.
func (r *Roster) common(formats []string) []string {
	common := slices.Clone(formats)
	for _, s := range r.seen {
		common = slices.DeleteFunc(common, func(f string) bool { return !slices.Contains(s.formats, f) })
	}
	slices.Sort(common)
	return common
}

// Formats are the output formats that workers offer; nil while none has ever answered.
// They outlive the workers: what an edge has in memory it can still show.
func (r *Roster) Formats() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.formats
}

// Check is nil while workers answer.
func (r *Roster) Check(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last.IsZero() || r.cfg.Now().Sub(r.last) > maxSilence {
		return errNobody
	}
	return nil
}
