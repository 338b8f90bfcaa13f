package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// Bounds of R24, with a lease short enough to see it run out often.
const (
	historyLease = 5 * time.Second
	obeyed       = time.Second     // by an edge that is connected, after the acknowledgement
	heardWithin  = 3 * time.Second // an edge not heard from for so long is not connected
)

// sight is one answer to somebody who asked an edge for a picture.
type sight struct {
	edge   int
	sent   time.Time
	status int
}

// revoked is a right that was taken away, and all that was seen of it afterwards.
type revoked struct {
	what         string
	acknowledged time.Time

	mu    sync.Mutex
	seen  []sight
	shown [2]bool // whether the edge showed the picture before
}

func (r *revoked) note(s sight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, s)
}

// outage is a time in which an edge may not have been reached.
type outage struct {
	edge       int // or -1: any of them
	what       string
	began, end time.Time
}

// history is what happened, in the order of nobody's clock but this process's.
type history struct {
	mu      sync.Mutex
	revoked []*revoked
	outages []outage
	sights  int
}

func (h *history) add(r *revoked) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.revoked = append(h.revoked, r)
}

func (h *history) out(o outage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.outages = append(h.outages, o)
}

// connected tells whether an edge was heard from all the time: after an outage it has the
// time in which one that is connected is heard from.
func (h *history) connected(edge int, from, to time.Time) bool {
	return !slices.ContainsFunc(h.outages, func(o outage) bool {
		return (o.edge == edge || o.edge < 0) && o.began.Before(to) && o.end.Add(heardWithin).After(from)
	})
}

// violations are pictures shown after what R24 allows: a second after the acknowledgement
// by a connected edge, the lease by any other.
func (h *history) violations() (list []string, slowest time.Duration) {
	for _, r := range h.revoked {
		for _, s := range r.seen {
			h.sights++
			late := s.sent.Sub(r.acknowledged)
			if s.status != http.StatusOK || late <= 0 {
				continue
			}
			connected := h.connected(s.edge, r.acknowledged, s.sent)
			if connected {
				slowest = max(slowest, late)
			}
			if connected && late > obeyed || late > historyLease+obeyed {
				list = append(list, fmt.Sprintf("%s: edge %d showed it to a request sent %v after the acknowledgement (connected: %v)", r.what, s.edge+1, late, connected))
			}
		}
	}
	return list, slowest
}

// shown counts the rights that an edge honoured before they were taken away.
func (h *history) shown() (n int) {
	for _, r := range h.revoked {
		if r.shown[0] || r.shown[1] {
			n++
		}
	}
	return n
}

// R24: whatever happens to edges, NATS and coordinators, what was acknowledged to be taken
// away is not shown later than allowed. And what is open to all goes on, and what was not
// taken away comes back.
func TestRevocationHistory(t *testing.T) {
	s := newStage(t)
	s.isolate()
	faults := s.trouble()
	s.revokeAll(500)
	faults()
	s.tails.Wait()
	s.comesBack()
	list, slowest := s.history.violations()
	for _, v := range list {
		t.Error(v)
	}
	for _, e := range s.errors {
		t.Error(e)
	}
	if shown := s.history.shown(); shown < len(s.history.revoked)*9/10 {
		t.Errorf("only %d of %d rights worked before they were taken away", shown, len(s.history.revoked))
	}
	t.Logf("seed %d: %d revocations, %d answers after them, %d outages, %d violations; the last picture of a connected edge was asked for %v after the acknowledgement",
		s.seed, len(s.history.revoked), s.history.sights, len(s.history.outages), len(list), slowest)
}

// The checker must see what it is for.
func TestHistoryFindsViolations(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name    string
		after   time.Duration
		status  int
		outages []outage
		found   int
	}{
		{"shown in time", 900 * time.Millisecond, 200, nil, 0},
		{"refused", 2 * time.Second, 401, nil, 0},
		{"shown late", 1100 * time.Millisecond, 200, nil, 1},
		{"cut off", 4 * time.Second, 200, []outage{{0, "", at.Add(-time.Second), at.Add(2 * time.Second)}}, 0},
		{"another was cut off", 4 * time.Second, 200, []outage{{1, "", at.Add(-time.Second), at.Add(2 * time.Second)}}, 1},
		{"all were", 4 * time.Second, 200, []outage{{-1, "", at.Add(-time.Second), at.Add(2 * time.Second)}}, 0},
		{"back for long", 4 * time.Second, 200, []outage{{0, "", at.Add(-time.Minute), at.Add(-4 * time.Second)}}, 1},
		{"cut off, past the lease", historyLease + 1100*time.Millisecond, 200, []outage{{0, "", at.Add(-time.Second), at.Add(time.Minute)}}, 1},
	} {
		h := &history{outages: row.outages, revoked: []*revoked{{what: row.name, acknowledged: at, seen: []sight{{0, at.Add(row.after), row.status}}}}}
		if list, _ := h.violations(); len(list) != row.found {
			t.Errorf("%s: %d violations %v, want %d", row.name, len(list), list, row.found)
		}
	}
}

func decodeInto(body string, v any) error {
	if err := json.Unmarshal([]byte(body), v); err != nil {
		return fmt.Errorf("%w in %s", err, body)
	}
	return nil
}
