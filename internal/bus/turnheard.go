package bus

import "time"

// hear takes what who told. Our own words come back to us, too.
func (t *Turns) hear(who string, m turnTold) {
	if who == t.self {
		return
	}
	if m.Says == turnDone {
		t.done(who, m)
	} else if t.contested(who, m) {
		_ = t.tell(turnTold{Name: m.Name, Says: turnHold})
	}
}

func (t *Turns) done(who string, m turnTold) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o := t.others[m.Name]; o != nil && o.who == who {
		t.forget(m.Name, m.Word)
	}
}

// contested notes that another wants to do something, or does it, and tells whether to
// answer that we are at it.
func (t *Turns) contested(who string, m turnTold) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, holds := t.own[m.Name], m.Says == turnHold
	switch {
	case c != nil && c.holds:
		return !holds // two who are at it both go on
	case c != nil && !holds && before(m.Name, t.self, who):
		return false // he hears our claim or, if it was before his time, that we hold
	}
	o := t.note(who, m.Name, holds)
	if c != nil && o != nil {
		delete(t.own, m.Name)
		c.lost <- o.over
	}
	return false
}

// note remembers another's claim or turn; nil where there are too many.
func (t *Turns) note(who, name string, holds bool) *other {
	o := t.others[name]
	switch {
	case o == nil && len(t.others) >= maxTurns:
		return nil
	case o == nil:
		o = &other{who: who, over: make(chan string, 1)}
		t.others[name] = o
	case o.who != who && !holds && (o.holds || before(name, o.who, who)):
		return o
	}
	o.who, o.holds, o.heard = who, o.holds || holds, time.Now()
	return o
}

// forget ends the wait for another's turn.
func (t *Turns) forget(name, word string) {
	o := t.others[name]
	delete(t.others, name)
	if word != "" {
		o.over <- word
	}
	close(o.over)
}
