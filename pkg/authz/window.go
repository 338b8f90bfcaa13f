package authz

import (
	"errors"
	"fmt"
	"time"
)

// window is the time in which a rule counts, [from, until); zero instants do not bound.
type window struct{ from, until time.Time }

// at tells whether the rule counts at an instant, and when that changes; the zero
// instant is never.
func (w *window) at(now time.Time) (counts bool, changes time.Time) {
	switch {
	case !w.from.IsZero() && now.Before(w.from):
		return false, w.from
	case w.until.IsZero():
		return true, time.Time{}
	case now.Before(w.until):
		return true, w.until
	}
	return false, time.Time{}
}

// sooner is the earlier of two instants of which either may be zero for never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// The instants that a rule can name: outside them somebody has slipped.
var (
	firstInstant = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	lastInstant  = time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC)
)

// newWindow is nil for a rule without bounds in time.
func newWindow(from, until time.Time) (*window, error) {
	for _, t := range []time.Time{from, until} {
		if !t.IsZero() && (t.Before(firstInstant) || t.After(lastInstant)) {
			return nil, fmt.Errorf("the instant %s is not between %d and %d", t.Format(time.RFC3339), firstInstant.Year(), lastInstant.Year())
		}
	}
	switch {
	case from.IsZero() && until.IsZero():
		return nil, nil
	case !from.IsZero() && !until.IsZero() && !from.Before(until):
		return nil, errors.New("it ends before it begins: until has to come after from")
	}
	return &window{from.UTC(), until.UTC()}, nil
}

// inWords is an instant as people read it.
func inWords(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
