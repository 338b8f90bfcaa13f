package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	maxUnsaved      = 256      // results that wait to be written
	maxUnsavedBytes = 64 << 20 // of them in memory
)

// saver writes results to a store after they were answered, one after the other.
// Until one is written it can be found here, so that it is not made a second time.
// Where writing falls behind, results are not kept: that costs time, not answers.
type saver struct {
	results Results
	log     *slog.Logger
	hurry   context.Context // once it has ended nothing more is written
	dropped atomic.Uint64

	mu      sync.Mutex
	unsaved map[tile.Key]*rendition
	bytes   int64
	closed  bool
	queue   chan tile.Key
	done    chan struct{}
}

// newSaver starts writing; close ends it. Without results nothing is kept.
func newSaver(hurry context.Context, results Results, log *slog.Logger) *saver {
	s := &saver{
		results: results, log: log, hurry: hurry, unsaved: make(map[tile.Key]*rendition),
		queue: make(chan tile.Key, maxUnsaved), done: make(chan struct{}), closed: results == nil,
	}
	if s.closed {
		close(s.done)
		return s
	}
	go s.run()
	return s
}

// close writes what is left, unless there is hurry, and waits for it.
func (s *saver) close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.queue)
	}
	s.mu.Unlock()
	<-s.done
}

// weight is what a rendition waiting to be written counts: its memory, and for a file
// that of the largest result in memory, so that their number is bounded too.
func (r *rendition) weight() int64 { return min(r.size, memoryBody) }

// save never waits. The caller holds r's file.
func (s *saver) save(key tile.Key, r *rendition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.unsaved[key]; twice || s.closed {
		return
	}
	if s.bytes+r.weight() > maxUnsavedBytes || len(s.queue) == cap(s.queue) {
		s.dropped.Add(1)
		return
	}
	if r.file != nil {
		r.file.hold()
	}
	s.unsaved[key] = r
	s.bytes += r.weight()
	s.queue <- key
}

// find returns a result not yet written, or nil. done ends the use of its file.
func (s *saver) find(key tile.Key) (r *rendition, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r = s.unsaved[key]
	if r == nil || r.file == nil {
		return r, func() {}
	}
	r.file.hold()
	return r, func() { _ = r.file.release() }
}

func (s *saver) run() {
	defer close(s.done)
	for key := range s.queue {
		s.write(key)
	}
}

func (s *saver) write(key tile.Key) {
	r, done := s.find(key)
	defer done()
	defer s.forget(key, r)
	if s.hurry.Err() != nil {
		return
	}
	body := r.open()
	err := s.results.Put(s.hurry, key, r.media, body, r.size)
	_ = body.Close()
	if err != nil && !errors.Is(err, store.ErrNotStored) {
		s.log.Debug("result not kept", "id", key.ID, "error", err)
	}
}

func (s *saver) forget(key tile.Key, r *rendition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.unsaved, key)
	s.bytes -= r.weight()
	if r.file != nil {
		_ = r.file.release()
	}
}
