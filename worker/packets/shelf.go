package packets

import (
	"context"
	"errors"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	// maxPending bounds the indices that somebody may wait for: those of which nothing is
	// known yet, and those of files that do not say where their tiles lie. maxOpening of
	// them at a time are begun.
	maxPending = 512
	maxOpening = 64
	// maxBackground bounds the indices that are completed although what is known of them
	// will do for most; others stay as they are until somebody needs more.
	maxBackground = 64
	// indexShare is how much of Config.IndexBytes one index may take.
	indexShare = 2
	// fewTiles is how many tiles of a file a region may touch to be made of what is known
	// of them alone: what touches more is left to the file of lower resolutions, or waits
	// for that.
	fewTiles = 64
	// manyTiles is how many it may touch where there is no such file.
	manyTiles = 1024
)

// Index is where the packets of one version of an image lie.
type Index struct {
	*jp2.Index
	low      atomic.Pointer[lower] // nil: not made yet, or none
	settled  atomic.Bool           // whether there will be one has been decided
	outlined bool                  // any tile can be found by itself
	walking  atomic.Bool           // packets of tiles not known yet must be walked, and the file is far away
}

// shelved is an index, or the refusal of one: both hold as long as the version exists.
type shelved struct {
	index   *Index // nil where refused
	refusal error
}

// refusalWeight is what a remembered refusal counts: its key, its sentence, a map slot.
const refusalWeight = 1 << 10

func (s *shelved) weight() uint32 {
	if s.index == nil {
		return refusalWeight
	}
	n := s.index.Memory() + refusalWeight
	if low := s.index.low.Load(); low != nil {
		n += int64(len(low.data)) + low.index.Memory()
	}
	return uint32(min(n, math.MaxUint32))
}

// wish is a region that somebody waits for.
type wish struct {
	region jp2.Rect // in pixels
	reduce int
}

// few tells wishes for which no more than a few tiles have to be known.
func (x *Index) few(w wish) bool { return x.Touched(w.region) <= fewTiles }

// lower is the file of lower resolutions where the wish can be met from there.
func (x *Index) lowerFor(reduce int) *lower {
	if low := x.low.Load(); low != nil && reduce >= low.reduce {
		return low
	}
	return nil
}

// building is the making of an index, step by step, which callers of the same version wait
// for.
type building struct {
	mu         sync.Mutex
	so         *shelved      // as far as it has come
	news       chan struct{} // closed at the next step
	over       bool
	hurry      chan struct{} // closed once somebody waits for all of it
	once       sync.Once
	background bool  // counted as such; Engine.mu's
	failed     error // why it ended without a verdict on the file
	turn       *turn // of all workers; the build's own
	walked     bool  // packets are walked if need be, even where that takes the whole of a far file
}

func newBuilding(so *shelved, walked bool) *building {
	return &building{so: so, news: make(chan struct{}), hurry: make(chan struct{}), walked: walked}
}

// step tells waiters of what there is now; nil leaves it as it is.
func (b *building) step(so *shelved, over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if so != nil {
		b.so = so
	}
	b.over = over
	close(b.news)
	b.news = make(chan struct{})
}

// wanted tells that somebody cannot do without what is being built.
func (b *building) wanted() { b.once.Do(func() { close(b.hurry) }) }

func (b *building) look() (so *shelved, news <-chan struct{}, over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.so, b.news, b.over
}

// Index returns an index that has what the region needs of it, or why there is none. The
// first to ask for a version has it built, and no one waits for more of it than his region
// needs. Where the whole file is at hand nobody waits long for that; where it is far away,
// fetching it would take longer still: then there is an error in place of the reasons that
// say nothing about the file, so that nobody fetches it all because much is asked for, or
// because its store fails.
func (e *Engine) Index(ctx context.Context, o store.Object, region jp2.Rect, reduce int) (*Index, Reason, error) {
	x, why, err := e.find(ctx, o, region, reduce)
	switch {
	case !e.cfg.Remote:
		return x, why, nil
	case why == Busy:
		return nil, why, tile.Fail(tile.Busy, "", errBusy)
	case why == Failed && err != nil:
		if tile.CodeOf(err) == tile.Internal && ctx.Err() == nil {
			err = tile.Fail(tile.Unavailable, "", err)
		}
		return nil, why, err
	}
	return x, why, nil
}

var errBusy = errors.New("too many images wait to be indexed")

// find is Index without the difference that far away makes. The error is why it failed.
func (e *Engine) find(ctx context.Context, o store.Object, region jp2.Rect, reduce int) (*Index, Reason, error) {
	id, w := version{o.Key, o.Version}, wish{region, reduce}
	if so, ok := e.kept.GetIfPresent(id); ok {
		if x, why, err := e.meet(ctx, o, so, w); why != unmet {
			return x, why, err
		}
	}
	var b *building
	for _, walked := range []bool{false, true} {
		if b = e.begin(id, o, walked); b == nil {
			return nil, Busy, nil
		}
		if x, why, err := e.await(ctx, o, b, w); why != unmet {
			return x, why, err
		}
		if so, _, _ := b.look(); so == nil || so.index == nil || !so.index.walking.Load() {
			break
		}
	}
	if errors.Is(b.failed, errBusy) {
		return nil, Busy, nil
	}
	return nil, Failed, b.failed
}

// unmet says that a wish has to wait for more.
const unmet Reason = "unmet"

// Prepare has a version indexed before anybody asks for it, and waits for that.
func (e *Engine) Prepare(ctx context.Context, o store.Object) {
	b := e.begin(version{o.Key, o.Version}, o, true)
	for b != nil {
		b.wanted()
		_, news, over := b.look()
		if over {
			return
		}
		select {
		case <-news:
		case <-ctx.Done():
			return
		}
	}
}

// await waits until a building meets the wish; unmet: it is over and does not.
func (e *Engine) await(ctx context.Context, o store.Object, b *building, w wish) (*Index, Reason, error) {
	patience := time.NewTimer(e.cfg.Patience)
	defer patience.Stop()
	for {
		so, news, over := b.look()
		if so != nil {
			if x, why, err := e.meet(ctx, o, so, w); why != unmet {
				return x, why, err
			}
		}
		if over {
			return nil, unmet, nil
		}
		if so != nil {
			b.wanted()
		}
		select {
		case <-news:
			continue
		case <-ctx.Done():
			return nil, Pending, nil
		case <-patience.C:
		}
		// A decoder would read all of a file for what touches many of its tiles.
		if !e.cfg.Remote && (so == nil || so.index == nil || so.index.few(w)) {
			return nil, Pending, nil
		}
	}
}

// meet answers a wish from what there is, or says that it is unmet.
func (e *Engine) meet(ctx context.Context, o store.Object, so *shelved, w wish) (*Index, Reason, error) {
	x := so.index
	switch {
	case x == nil:
		return nil, Refused, nil
	case x.lowerFor(w.reduce) != nil:
		return x, "", nil
	case !x.few(w) && !x.settled.Load():
		return nil, unmet, nil
	case x.Touched(w.region) > manyTiles:
		return nil, Large, nil
	}
	tiles := x.Unknown(w.region)
	if len(tiles) == 0 {
		return x, "", nil
	}
	if !x.outlined {
		return nil, unmet, nil
	}
	switch err := e.learn(ctx, o, x, tiles); {
	case err == nil:
		return x, "", nil
	case errors.Is(err, jp2.ErrOutline) || errors.Is(err, errLongWalk):
		return nil, unmet, nil
	default:
		e.cfg.Log.Warn("tiles not indexed this time", "key", o.Key, "error", err)
		return nil, Failed, err
	}
}

// begin starts a build, or finds the one under way; nil where there are too many.
func (e *Engine) begin(id version, o store.Object, walked bool) *building {
	e.mu.Lock()
	defer e.mu.Unlock()
	if b := e.pending[id]; b != nil {
		return b
	}
	if len(e.pending)-e.background >= maxPending || e.work.Err() != nil {
		return nil
	}
	so, _ := e.kept.GetIfPresent(id)
	b := newBuilding(so, walked)
	e.pending[id] = b
	e.going.Go(func() {
		defer b.step(nil, true)
		defer func() {
			e.mu.Lock()
			delete(e.pending, id)
			if b.background {
				e.background--
			}
			e.mu.Unlock()
		}()
		defer e.survive(id, o, b)
		e.build(id, o, b)
	})
	return b
}

// errPanic is why a version is not indexed that the index was not up to.
var errPanic = errors.New("indexing failed by a fault of the server")

// survive keeps a fault of ours that one file brings out from ending the service of all, and
// has that file left alone.
func (e *Engine) survive(id version, o store.Object, b *building) {
	fault := recover()
	if fault == nil {
		return
	}
	e.counts.refusals.Add(1)
	e.cfg.Log.Error("image is decoded from the whole file: indexing it failed; please report this", "key", o.Key, "version", o.Version, "panic", fault, "stack", string(debug.Stack()))
	e.shelve(id, b, &shelved{refusal: errPanic})
}

// recede leaves its place to those that somebody waits for, unless too many have done so.
func (e *Engine) recede(b *building) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.background >= maxBackground {
		return false
	}
	b.background = true
	e.background++
	return true
}

// shelve keeps what there is of an index now, and tells those who wait for it.
func (e *Engine) shelve(id version, b *building, so *shelved) {
	e.kept.Set(id, so)
	b.step(so, false)
}

// Forget drops what is held of the objects that are meant, refusals among it.
func (e *Engine) Forget(meant func(key string) bool) {
	for id := range e.kept.Keys() {
		if meant(id.key) {
			e.kept.Invalidate(id)
		}
	}
}
