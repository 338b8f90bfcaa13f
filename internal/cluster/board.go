package cluster

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

const (
	// TellEvery is how often a part tells its state.
	TellEvery = 2 * time.Second
	// silence is after how long without a word a part is called silent.
	silence = 3 * TellEvery
	// gone is after how long it is forgotten.
	gone       = 10 * time.Minute
	maxMembers = 4096
)

// Member is a part of the cluster as it was last heard of.
type Member struct {
	State
	Silent bool      // it has not been heard of lately
	Seen   time.Time // when it last was
	Rate   float64   // requests of an edge, or renderings of a worker, a second

	// Ahead is by how much its clock is before ours, less what the way here took.
	Ahead time.Duration
}

// ClockBound is by how much clocks may differ before somebody should set them: rules by
// time are applied by each part's own.
const ClockBound = 2 * time.Second

// IsOff tells whether its clock is off by more than the bound.
func (m Member) IsOff() bool { return m.Ahead.Abs() > ClockBound }

// Board keeps the last state of each part. It is safe for concurrent use, and bounded.
type Board struct {
	now func() time.Time

	mu      sync.Mutex
	members map[string]*Member
}

// NewBoard makes an empty board; now may be nil.
func NewBoard(now func() time.Time) *Board {
	if now == nil {
		now = time.Now
	}
	return &Board{now: now, members: map[string]*Member{}}
}

// Hear takes the state that a user of the bus told in a role. Nonsense is dropped.
func (b *Board) Hear(role, user string, data []byte) {
	s, err := Parse(role, data)
	if err != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now, key := b.now(), role+" "+user
	if b.members[key] == nil && len(b.members) >= maxMembers {
		b.forget(now)
		if len(b.members) >= maxMembers {
			return
		}
	}
	m := &Member{State: s, Seen: now}
	if !s.Now.IsZero() {
		m.Ahead = s.Now.Sub(now)
	}
	if before := b.members[key]; before != nil {
		m.Rate = rate(before, s, now)
	}
	b.members[key] = m
}

// rate is of what was done between two states; a restart begins anew.
func rate(before *Member, s State, now time.Time) float64 {
	passed := now.Sub(before.Seen).Seconds()
	if done, was := s.done(), before.done(); passed > 0 && done >= was {
		return float64(done-was) / passed
	}
	return 0
}

func (s State) done() uint64 {
	switch {
	case s.Edge != nil:
		return s.Edge.Requests
	case s.Worker != nil:
		return s.Worker.Asked
	}
	return 0
}

func (b *Board) forget(now time.Time) {
	for key, m := range b.members {
		if now.Sub(m.Seen) > gone {
			delete(b.members, key)
		}
	}
}

// Members lists all parts by role and name.
func (b *Board) Members() []Member {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.forget(now)
	members := make([]Member, 0, len(b.members))
	for _, m := range b.members {
		shown := *m
		shown.Silent = now.Sub(m.Seen) > silence
		if shown.Silent {
			shown.Rate = 0
		}
		members = append(members, shown)
	}
	slices.SortFunc(members, func(x, y Member) int {
		return cmp.Or(cmp.Compare(x.Role, y.Role), cmp.Compare(x.Name, y.Name), x.Seen.Compare(y.Seen))
	})
	return members
}
