package worker

import (
	"slices"
	"sync"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	maxStrikes   = 2                // children that one version of an image may cost
	strikeWindow = 10 * time.Minute // within which they count
	maxStruck    = 4096             // versions whose strikes are remembered
)

// wards watches over versions of images that may kill decoder children. A version not
// yet known to be good runs only as many decodes at a time as it may still cost
// children, so that it cannot cost more however many ask at once. After the last of
// them it is condemned until it changes or is cleared.
type wards struct {
	mu     sync.Mutex
	known  map[wardKey]*ward
	struck []wardKey // with strikes, in order of the first
}

type wardKey struct{ key, version string }

// ward is one version of one image, as long as it has users or strikes. It is the
// gate of its decodes. All fields are guarded by wards.mu.
type ward struct {
	all     *wards
	id      wardKey
	users   int
	running int
	proven  bool // a decode has gone well since somebody is using it
	strikes []time.Time
}

func newWards() *wards { return &wards{known: make(map[wardKey]*ward)} }

// of returns the ward; the caller calls done when it needs it no more.
func (a *wards) of(id wardKey) *ward {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.known[id]
	if w == nil {
		w = &ward{all: a, id: id}
		a.known[id] = w
	}
	w.users++
	return w
}

func (w *ward) done() {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	w.users--
	w.forget()
}

// forget drops a ward that nothing hangs on. Callers hold mu.
func (w *ward) forget() {
	if w.users == 0 && len(w.strikes) == 0 && w.all.known[w.id] == w {
		delete(w.all.known, w.id)
	}
}

// enter implements gate. The condemned may enter: they are told so there.
func (w *ward) enter() bool {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	w.expire()
	left := maxStrikes - len(w.strikes)
	trusted := w.proven && left == maxStrikes
	if left > 0 && w.running >= left && !trusted {
		return false
	}
	w.running++
	return true
}

// leave implements gate.
func (w *ward) leave() {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	w.running--
}

// expire forgives old strikes, unless there were enough of them.
func (w *ward) expire() {
	if n := len(w.strikes); n > 0 && n < maxStrikes && time.Since(w.strikes[0]) > strikeWindow {
		w.strikes = nil
		w.unlist()
	}
}

func (w *ward) unlist() {
	w.all.struck = slices.DeleteFunc(w.all.struck, func(id wardKey) bool { return id == w.id })
}

func (w *ward) prove() {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	w.proven = true
}

// strike notes that a child was lost, and tells whether that condemns the version.
func (w *ward) strike() bool {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	w.expire()
	if len(w.strikes) == 0 {
		w.all.list(w.id)
	}
	w.strikes = append(w.strikes, time.Now())
	return len(w.strikes) == maxStrikes
}

// list remembers a struck version, and forgets the one struck longest ago when there
// are too many.
func (a *wards) list(id wardKey) {
	if len(a.struck) == maxStruck {
		oldest := a.known[a.struck[0]]
		oldest.strikes = nil
		oldest.unlist()
		oldest.forget()
	}
	a.struck = append(a.struck, id)
}

// verdict is the error that a condemned version gets, else nil.
func (a *wards) verdict(id wardKey) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w := a.known[id]; w == nil || len(w.strikes) < maxStrikes {
		return nil
	}
	return tile.Fail(tile.Broken, "this image cannot be decoded: it is set aside until it is replaced or an administrator clears it", nil)
}

func (a *wards) condemned() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range a.struck {
		if len(a.known[id].strikes) >= maxStrikes {
			n++
		}
	}
	return n
}

// names lists images that are condemned, most of them at most.
func (a *wards) names(most int) (names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range a.struck {
		if len(a.known[id].strikes) >= maxStrikes && len(names) < most {
			names = append(names, id.key)
		}
	}
	return names
}

// clear forgives the versions of the images that are meant.
func (a *wards) clear(meant func(key string) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.struck = slices.DeleteFunc(a.struck, func(id wardKey) bool {
		if !meant(id.key) {
			return false
		}
		w := a.known[id]
		w.strikes = nil
		w.forget()
		return true
	})
}
