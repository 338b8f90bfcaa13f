package packets

import (
	"context"
	"errors"
	"strings"

	"github.com/tessera-iiif/tessera/internal/store"
)

// Turns has one worker of all do what each would otherwise do for itself. It is a courtesy
// and no lock: two that do the same have done so for nothing, and no harm comes of it.
type Turns interface {
	// Claim asks for the turn at what, any text. Either it is the caller's, who calls end
	// once he is through, with a word for those who wait, or with none if he leaves it
	// undone. Or another worker is at it: then end is nil, and over gives its word, once,
	// and is closed; without a word nobody is at it any more. Nothing stands in the way of
	// a claim for long, and of one whose ctx has ended for no time at all.
	Claim(ctx context.Context, what string) (end func(word string), over <-chan string)
}

// Words for those who wait. What follows wordRefused is the reason.
const (
	wordDone    = "done"
	wordRefused = "refused: "
)

// errElsewhere says that another worker is at it.
var errElsewhere = errors.New("another worker is indexing it")

// turn is a build's at what reads most of a file, or many places of it. Other builds never
// claim one: to ask would take longer than they do.
type turn struct {
	engine *Engine
	object store.Object
	all    Turns             // nil: everybody for himself
	end    func(word string) // nil: not ours
	over   <-chan string     // nil: nobody else's
	found  *shelved          // by another worker, which was through before we asked
}

func (e *Engine) turn(o store.Object, alone bool) *turn {
	t := &turn{engine: e, object: o}
	if e.cfg.Remote && !alone {
		t.all = e.cfg.Turns
	}
	return t
}

// take returns when the turn is ours and there is still something to do, or errElsewhere.
func (t *turn) take(ctx context.Context) error {
	if t.all == nil || t.end != nil {
		return nil
	}
	key := storedKey(t.object, indexCanonical)
	if t.end, t.over = t.all.Claim(ctx, key.Canonical+"\x00"+key.ID+"\x00"+key.Version); t.end == nil {
		return errElsewhere
	}
	// Somebody may have been at it since we looked.
	if t.found = t.engine.load(t.object); t.found != nil {
		t.done(nil)
		return errElsewhere
	}
	return nil
}

// elsewhere tells whether another worker is at it, or was.
func (t *turn) elsewhere() bool { return t.over != nil || t.found != nil }

// done tells those who wait what became of it. What is not stored by now each has to do for
// himself: he would wait for others in vain.
func (t *turn) done(so *shelved) {
	if t.end == nil {
		return
	}
	word := wordDone
	if so != nil && so.refusal != nil {
		word = wordRefused + so.refusal.Error()
	}
	t.end(word)
	t.end = nil
}

// leave has another worker claim the turn, unless it is done.
func (t *turn) leave() {
	if t.end != nil {
		t.end("")
	}
}

// wait is for what another worker is at. It gives what came of that, or says whether to go
// on without asking for a turn: so it is where waiting has not helped.
func (t *turn) wait(ctx context.Context) (so *shelved, alone bool) {
	if t.found != nil {
		return t.found, false
	}
	var word string
	select {
	case word = <-t.over:
		alone = word != ""
	case <-ctx.Done():
		alone = true
	}
	if reason, refused := strings.CutPrefix(word, wordRefused); refused {
		return t.engine.refused(t.object, errors.New(reason)), false
	}
	return t.engine.load(t.object), alone
}
