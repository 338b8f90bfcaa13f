package oidc

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"
)

// maxWarned bounds the sentences about claims that are remembered of a provider.
const maxWarned = 20

// Warned is a sentence about claims that were not used, with how often this process had
// to say it and when it last did.
type Warned struct {
	Text  string
	Count int
	Last  time.Time
}

// Trouble is a sign-in that failed by the set-up of one of both sides, not by the person.
type Trouble struct {
	Kind Kind
	At   time.Time
}

// Lately is what came of a provider's sign-ins at this process.
type Lately struct {
	Arrived time.Time // the last that succeeded; zero: none
	Trouble *Trouble  // the last that failed so
	Warned  []Warned  // latest first
}

// diary remembers Lately. The zero diary is empty.
type diary struct {
	mu      sync.Mutex
	arrived time.Time
	trouble *Trouble
	warned  []Warned
}

// enter notes how a sign-in ended.
func (d *diary) enter(now time.Time, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var fault *Fault
	switch {
	case err == nil:
		d.arrived = now
	case errors.As(err, &fault) && fault.Kind != Refused && fault.Kind != Over:
		d.trouble = &Trouble{fault.Kind, now}
	}
}

// warn notes sentences; where there are too many, the one not said for longest goes.
func (d *diary) warn(now time.Time, sentences []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, text := range sentences {
		i := slices.IndexFunc(d.warned, func(w Warned) bool { return w.Text == text })
		if i < 0 {
			i, d.warned = len(d.warned), append(d.warned, Warned{Text: text})
		}
		d.warned[i].Count, d.warned[i].Last = d.warned[i].Count+1, now
		slices.SortStableFunc(d.warned, func(a, b Warned) int { return cmp.Compare(b.Last.UnixNano(), a.Last.UnixNano()) })
		d.warned = d.warned[:min(len(d.warned), maxWarned)]
	}
}

// Lately tells what came of sign-ins at this process.
func (p *Provider) Lately() Lately {
	p.diary.mu.Lock()
	defer p.diary.mu.Unlock()
	return Lately{Arrived: p.diary.arrived, Trouble: p.diary.trouble, Warned: slices.Clone(p.diary.warned)}
}
