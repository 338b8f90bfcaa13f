package bus

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// maxTurns bounds the turns that a worker has, and those of others that it remembers. What
// is beyond that everybody does for himself.
const maxTurns = 1024

// TurnsConfig says how patient workers are with one another; zero fields stand for defaults.
type TurnsConfig struct {
	Settle time.Duration // wait of a claim for somebody who was first: 100 ms
	Beat   time.Duration // between signs of life of those whose turn it is: 1 s
	Silent time.Duration // without a sign, until one is taken for dead: three beats
}

func (cfg TurnsConfig) withDefaults() TurnsConfig {
	cfg.Settle = cmp.Or(cfg.Settle, 100*time.Millisecond)
	cfg.Beat = cmp.Or(cfg.Beat, time.Second)
	cfg.Silent = cmp.Or(cfg.Silent, 3*cfg.Beat)
	return cfg
}

// Turns has one worker of all do what each would otherwise do for itself. Whoever wants to
// says so and waits a moment; who is at it already answers, and of several who want to at
// the same time the lowest rank goes ahead, which is another's for each name. It is a
// courtesy and no lock: where messages come late, get lost or are refused two workers do
// the same, as all did without it. Safe for concurrent use. Close ends it.
type Turns struct {
	cfg  TurnsConfig
	self string
	tell func(turnTold) error

	mu     sync.Mutex
	own    map[string]*claim
	others map[string]*other

	quit    chan struct{}
	beating sync.WaitGroup
	unheard func() // ends listening
}

// claim is what this worker wants to do, or does.
type claim struct {
	holds bool                 // no more waiting: it is being done
	lost  chan (<-chan string) // takes another's end, once
}

// other is what another worker wants to do, or does.
type other struct {
	who   string
	holds bool
	heard time.Time
	over  chan string // takes the word at its end, and is closed
}

// JoinTurns takes part in the turns of all workers. Where the server denies the subject,
// since its permissions are from before there were turns, every turn is this worker's own.
func JoinTurns(c *Conn, cfg TurnsConfig) (*Turns, error) {
	token := newToken()
	t := newTurns(c.user+"."+token, cfg, func(m turnTold) error {
		if c.turnless.Load() {
			return errDenied
		}
		m.From = token
		return c.tiles.publish(&nats.Msg{Subject: turnRoot + c.user, Data: m.encode()})
	})
	var err error
	t.unheard, err = listen(c, turnRoot+"*", "", func(m *nats.Msg) {
		if told, err := parseTurn(m.Data); err != nil {
			c.log.Warn("a worker told what is no turn", "subject", m.Subject, "error", err)
		} else {
			t.hear(m.Subject[len(turnRoot):]+"."+told.From, told)
		}
	})
	if err != nil {
		return nil, err
	}
	t.beating.Go(t.beat)
	return t, nil
}

func newTurns(self string, cfg TurnsConfig, tell func(turnTold) error) *Turns {
	return &Turns{
		cfg: cfg.withDefaults(), self: self, tell: tell, own: make(map[string]*claim), others: make(map[string]*other),
		quit: make(chan struct{}), unheard: func() {},
	}
}

// Close ends listening and signs of life. Those who wait for another's turn are told that
// nobody is at it. Call it once, when no turn is had any more.
func (t *Turns) Close() {
	close(t.quit)
	t.beating.Wait()
	t.unheard()
	t.mu.Lock()
	defer t.mu.Unlock()
	for name := range t.others {
		t.forget(name, "")
	}
}

// Claim asks for the turn at what. Either it is the caller's, who calls end when he is
// through, with a word for those who wait, or with none if he leaves it undone. Or another
// worker is at it: then end is nil, and over gives its word, once, and is closed; without a
// word nobody is at it any more.
func (t *Turns) Claim(ctx context.Context, what string) (end func(word string), over <-chan string) {
	name := turnName(what)
	c, over := t.want(name)
	if c == nil {
		return alone(over)
	}
	if t.tell(turnTold{Name: name, Says: turnClaim}) == nil {
		settle := time.NewTimer(t.cfg.Settle)
		defer settle.Stop()
		select {
		case over = <-c.lost:
			return nil, over
		case <-settle.C:
		case <-ctx.Done(): // the caller finds out
		}
	}
	if over = t.hold(name, c); over != nil {
		return nil, over
	}
	_ = t.tell(turnTold{Name: name, Says: turnHold}) // who does not hear it will claim
	var once sync.Once
	return func(word string) { once.Do(func() { t.end(name, c, word) }) }, nil
}

// alone is the answer where nobody is told of a turn: another's, or nobody else's business.
func alone(over <-chan string) (func(string), <-chan string) {
	if over != nil {
		return nil, over
	}
	return func(string) {}, nil
}

// want makes a claim unless another's is known, or there are too many.
func (t *Turns) want(name string) (*claim, <-chan string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o := t.others[name]; o != nil {
		return nil, o.over
	}
	if t.own[name] != nil || len(t.own) >= maxTurns {
		return nil, nil
	}
	c := &claim{lost: make(chan (<-chan string), 1)}
	t.own[name] = c
	return c, nil
}

// hold makes a claim a turn, unless it was lost at the last moment.
func (t *Turns) hold(name string, c *claim) <-chan string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.own[name] != c {
		return <-c.lost
	}
	c.holds = true
	return nil
}

func (t *Turns) end(name string, c *claim, word string) {
	t.mu.Lock()
	if t.own[name] == c {
		delete(t.own, name)
	}
	t.mu.Unlock()
	_ = t.tell(turnTold{Name: name, Says: turnDone, Word: word}) // who does not hear it hears no more of us
}

// beat gives signs of life, and misses those of others.
func (t *Turns) beat() {
	tick := time.NewTicker(t.cfg.Beat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-t.quit:
			return
		}
		for _, name := range t.round() {
			_ = t.tell(turnTold{Name: name, Says: turnHold}) // the next one may come through
		}
	}
}

// round forgets others that are silent, and names the turns that are ours.
func (t *Turns) round() (held []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, o := range t.others {
		if time.Since(o.heard) > t.cfg.Silent {
			t.forget(name, "")
		}
	}
	for name, c := range t.own {
		if c.holds {
			held = append(held, name)
		}
	}
	return held
}
