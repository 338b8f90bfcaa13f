package worker

import (
	"math"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// shelfBytes bounds tiles that were made before anybody asked for them.
const shelfBytes = 64 << 20

// shelf keeps tiles that were made ahead until somebody asks for them: only then are they
// worth a place among the results.
type shelf struct {
	cache *otter.Cache[tile.Key, *shelved]
}

type shelved struct {
	rendition *rendition
	level     *level
	used      atomic.Bool
}

func newShelf() *shelf {
	return &shelf{otter.Must(&otter.Options[tile.Key, *shelved]{
		MaximumWeight: shelfBytes,
		Weigher: func(k tile.Key, s *shelved) uint32 {
			return uint32(min(s.rendition.size+int64(len(k.ID)+len(k.Version)+len(k.Canonical))+256, math.MaxUint32))
		},
		Executor: func(maintain func()) { maintain() },
	})}
}

func (s *shelf) put(key tile.Key, r *rendition, l *level) {
	own := *r
	own.from, own.timing = tile.FromWorker, tile.Timing{}
	s.cache.Set(key, &shelved{rendition: &own, level: l})
}

func (s *shelf) has(key tile.Key) bool {
	_, ok := s.cache.GetEntryQuietly(key)
	return ok
}

func (s *shelf) forget(meant func(id string) bool) {
	for key := range s.cache.Keys() {
		if meant(key.ID) {
			s.cache.Invalidate(key)
		}
	}
}

// prepared finds a tile that was made ahead; nil where there is none. One that is asked for
// for the first time is a result like any other from then on.
func (w *Worker) prepared(key tile.Key) *rendition {
	s, ok := w.shelf.cache.GetIfPresent(key)
	if !ok {
		return nil
	}
	if s.used.CompareAndSwap(false, true) {
		w.levels.use(s.level)
		w.saver.save(key, s.rendition)
		w.sharer.save(key, s.rendition)
	}
	return s.rendition
}
