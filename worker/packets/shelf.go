package packets

import (
	"context"
	"math"
	"time"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
)

// maxPending bounds the indices that are being built or wait for it.
const maxPending = 64

// shelved is an index, or the refusal of one: both hold as long as the version exists.
type shelved struct {
	index   *jp2.Index // nil where refused
	refusal error
}

// refusalWeight is what a remembered refusal counts: its key, its sentence, a map slot.
const refusalWeight = 1 << 10

func (s *shelved) weight() uint32 {
	if s.index == nil {
		return refusalWeight
	}
	return uint32(min(s.index.Memory()+refusalWeight, math.MaxUint32))
}

// answer is what the shelf holds for a caller.
func (s *shelved) answer() (*jp2.Index, Reason) {
	if s.index == nil {
		return nil, Refused
	}
	return s.index, ""
}

// building is one build, which callers of the same version wait for.
type building struct {
	done   chan struct{}
	result *shelved // nil where it failed; set before done is closed
}

// Index returns the index of a version, or why there is none. The first to ask has it
// built. Where the whole file is at hand nobody waits long for that; where it is far
// away, fetching it would take longer still.
func (e *Engine) Index(ctx context.Context, o store.Object) (*jp2.Index, Reason) {
	id := version{o.Key, o.Version}
	if s, ok := e.kept.GetIfPresent(id); ok {
		return s.answer()
	}
	b := e.begin(id, o)
	if b == nil {
		return nil, Busy
	}
	if !e.cfg.Remote {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.cfg.Patience)
		defer cancel()
	}
	select {
	case <-b.done:
	case <-ctx.Done():
		return nil, Pending
	}
	if b.result == nil {
		return nil, Failed
	}
	return b.result.answer()
}

// begin starts a build, or finds the one under way; nil where there are too many.
func (e *Engine) begin(id version, o store.Object) *building {
	e.mu.Lock()
	defer e.mu.Unlock()
	if b := e.pending[id]; b != nil {
		return b
	}
	if len(e.pending) >= maxPending || e.work.Err() != nil {
		return nil
	}
	b := &building{done: make(chan struct{})}
	e.pending[id] = b
	e.going.Go(func() { e.run(id, o, b) })
	return b
}

// run owns a build's outcome.
func (e *Engine) run(id version, o store.Object, b *building) {
	defer func() {
		e.mu.Lock()
		delete(e.pending, id)
		e.mu.Unlock()
		close(b.done)
	}()
	if b.result = e.load(o); b.result == nil {
		b.result = e.inLane(o)
	}
	if b.result != nil {
		e.kept.Set(id, b.result)
	}
}

// inLane builds when it is this build's turn. Errors that say nothing about the file end
// in nil: the next caller tries again.
func (e *Engine) inLane(o store.Object) *shelved {
	select {
	case e.lane <- struct{}{}:
		defer func() { <-e.lane }()
	case <-e.work.Done():
		return nil
	}
	ctx, cancel := context.WithTimeout(e.work, e.cfg.BuildTime)
	defer cancel()
	began := time.Now()
	s, err := e.build(ctx, o)
	switch {
	case err != nil:
		if e.work.Err() == nil {
			e.cfg.Log.Warn("image not indexed this time", "key", o.Key, "error", err)
		}
		return nil
	case s.index == nil:
		e.counts.refusals.Add(1)
		e.cfg.Log.Warn("image is decoded from the whole file: it cannot be indexed", "key", o.Key, "version", o.Version, "reason", s.refusal)
		return s
	}
	e.counts.builds.Add(1)
	e.cfg.Log.Info("image indexed", "key", o.Key, "from", s.index.Origin(), "took", time.Since(began))
	e.store(o, s.index)
	return s
}

// Forget drops what is held of the objects that are meant, refusals among it.
func (e *Engine) Forget(meant func(key string) bool) {
	for id := range e.kept.Keys() {
		if meant(id.key) {
			e.kept.Invalidate(id)
		}
	}
}
