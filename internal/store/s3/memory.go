package s3

import (
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	maxFindings   = 20_000
	maxNamesKept  = 2 * maxNames
	listingFactor = 5 // listings may be this much older than findings
)

// memory holds for a short time what was found out about objects. What was asked
// before something was forgotten is not learnt after it.
type memory struct {
	life     time.Duration
	now      func() time.Time
	mu       sync.Mutex // for what must not be learnt after something was forgotten
	forgot   int64      // how often something was
	findings *otter.Cache[string, remembered[finding]]
	listings *otter.Cache[string, remembered[[]store.Name]]
}

type remembered[T any] struct {
	value T
	at    time.Time
}

func newMemory(life time.Duration) *memory {
	here := func(maintain func()) { maintain() } // rather than on a goroutine nobody owns
	return &memory{
		life: life, now: time.Now,
		findings: otter.Must(&otter.Options[string, remembered[finding]]{MaximumSize: maxFindings, Executor: here}),
		listings: otter.Must(&otter.Options[string, remembered[[]store.Name]]{
			MaximumWeight: maxNamesKept, Executor: here,
			Weigher: func(_ string, r remembered[[]store.Name]) uint32 { return uint32(len(r.value)) + 1 },
		}),
	}
}

// moment marks when asking began.
func (m *memory) moment() (since int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.forgot
}

func (m *memory) learn(since int64, id string, f finding) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.life > 0 && m.forgot == since {
		m.findings.Set(id, remembered[finding]{f, m.now()})
	}
}

func (m *memory) learnNames(since int64, folder string, names []store.Name) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.life > 0 && m.forgot == since {
		m.listings.Set(folder, remembered[[]store.Name]{names, m.now()})
	}
}

func (m *memory) found(id string) (finding, bool) {
	r, ok := m.findings.GetIfPresent(id)
	return r.value, ok && m.now().Sub(r.at) < m.life
}

func (m *memory) listed(folder string) ([]store.Name, bool) {
	r, ok := m.listings.GetIfPresent(folder)
	return r.value, ok && m.now().Sub(r.at) < listingFactor*m.life
}

// pinned returns the pin of the version that o names, where it was the object's of
// late.
func (m *memory) pinned(o store.Object) (pin, bool) {
	f, ok := m.found(o.Key)
	return f.pin, ok && f.none == nil && f.object == o
}

// forget drops what is known of an object under each of its identifiers.
func (m *memory) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgot++
	m.findings.Invalidate(key)
	m.findings.Invalidate(tile.RuleName(key))
	m.listings.InvalidateAll()
}
