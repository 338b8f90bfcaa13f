package authz

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Items are images with settings of their own, which come before every rule. Unlike a
// Policy they change: with a million of them, one is replaced at a time. They are safe
// for concurrent use.
type Items struct {
	mu     sync.RWMutex
	images map[string]*shared
	shared map[string]*shared // by canonical text
}

// shared is a setting that images share: catalogues set a million images in a handful
// of ways.
type shared struct {
	setting Setting
	text    string
	images  int                      // that have it; guarded by Items.mu
	settled atomic.Pointer[settling] // under the definitions it was last asked for
}

// settling is what a setting comes to under one policy's definitions.
type settling struct {
	under *definitions
	own   *own
}

// NewItems makes Items without any.
func NewItems() *Items {
	return &Items{images: map[string]*shared{}, shared: map[string]*shared{}}
}

// Set gives an image a setting in place of the one it has.
func (x *Items) Set(image string, s Setting) error {
	text, err := s.Canonical()
	if err != nil {
		return fmt.Errorf("setting of %.60q: %w", image, err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	was := x.images[image]
	if was != nil && was.text == text {
		return nil
	}
	now := x.shared[text]
	if now == nil {
		now = &shared{setting: s, text: text}
		x.shared[text] = now
	}
	now.images++
	x.images[image] = now
	x.drop(was)
	return nil
}

// Remove leaves an image to the rules.
func (x *Items) Remove(image string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	was := x.images[image]
	delete(x.images, image)
	x.drop(was)
}

func (x *Items) drop(s *shared) {
	if s == nil {
		return
	}
	if s.images--; s.images == 0 {
		delete(x.shared, s.text)
	}
}

// Len is how many images have a setting of their own.
func (x *Items) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.images)
}

// of is the setting of an image; nil: it has none.
func (x *Items) of(image string) *shared {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.images[image]
}

// With is the policy with items before its rules. They are shared, not copied.
func (p *Policy) With(items *Items) *Policy {
	q := *p
	q.items = items
	return &q
}

// ownOf is an image's own setting; nil: the rules decide.
func (p *Policy) ownOf(image string) *own {
	if p.items == nil {
		return nil
	}
	s := p.items.of(image)
	if s == nil {
		return nil
	}
	if now := s.settled.Load(); now != nil && now.under == p.defined {
		return now.own
	}
	o, err := p.settle(s.setting)
	if err != nil {
		o = &own{verdict: closed(err)}
	}
	s.settled.Store(&settling{p.defined, o})
	return o
}

// closed is what a setting comes to that names something that is not there any more.
func closed(err error) verdict {
	d := Decision{Outcome: Forbidden, Rule: ItemRule, Access: Deny, Reason: "This image is closed: of its own setting, " + err.Error() + "."}
	return verdict{anonymous: d, member: d, other: d}
}

// at is the verdict that counts at an instant, nil for none, and when that changes.
func (o *own) at(now time.Time) (v *verdict, changes time.Time) {
	if o.time == nil {
		return &o.verdict, time.Time{}
	}
	counts, changes := o.time.at(now)
	if !counts {
		return nil, changes
	}
	return &o.verdict, changes
}
