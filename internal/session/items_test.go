package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// shelf is a Catalogue in memory, two items a page.
type shelf struct {
	*truth
	items  sync.Mutex
	order  []change
	away   error
	broken bool // answers with pages that do not hold together
	asked  int

	meanwhile func()        // happens once, after rights were told and before items are
	takes     time.Duration // what a page takes, in the bubble's time
}

type change struct {
	mark    ItemMark
	setting *authz.Setting
}

// set changes items and gives the revision.
func (s *shelf) set(setting *authz.Setting, images ...string) int64 {
	revision := s.change()
	s.items.Lock()
	defer s.items.Unlock()
	for _, image := range images {
		s.order = slices.DeleteFunc(s.order, func(c change) bool { return c.mark.Image == image })
		s.order = append(s.order, change{ItemMark{revision, image}, setting})
	}
	return revision
}

func (s *shelf) Rights(ctx context.Context, since int64) (Rights, error) {
	r, err := s.truth.Rights(ctx, since)
	s.items.Lock()
	defer s.items.Unlock()
	for _, c := range s.order {
		r.Items = max(r.Items, c.mark.Revision)
	}
	return r, err
}

func (s *shelf) Items(_ context.Context, after ItemMark) (ItemPage, error) {
	if s.meanwhile != nil {
		s.meanwhile()
		s.meanwhile = nil
	}
	time.Sleep(s.takes)
	s.items.Lock()
	defer s.items.Unlock()
	s.asked++
	page := ItemPage{Next: after}
	if s.away != nil {
		return page, s.away
	}
	for _, c := range s.order {
		if c.mark.Revision < after.Revision || c.mark.Revision == after.Revision && c.mark.Image <= after.Image {
			continue
		}
		if len(page.Images) == 2 {
			page.More = true
			break
		}
		of := -1
		if c.setting != nil {
			of = len(page.Settings)
			page.Settings = append(page.Settings, *c.setting)
		}
		if s.broken {
			of = 7
		}
		page.Images, page.Of, page.Next = append(page.Images, c.mark.Image), append(page.Of, of), c.mark
	}
	return page, nil
}

func (s *shelf) questions() int {
	s.items.Lock()
	defer s.items.Unlock()
	return s.asked
}

func (s *shelf) fail(err error) {
	s.items.Lock()
	defer s.items.Unlock()
	s.away = err
}

// withShelf gives f an edge in a bubble whose catalogue had these items at the start.
func withShelf(t *testing.T, f func(t *testing.T, e *edge, s *shelf), images ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{truth: newTruth()}
		s.rules = []authz.Rule{openRule("**")}
		if len(images) > 0 {
			s.set(closed, images...)
		}
		e := &edge{truth: s.truth, revisions: make(chan int64)}
		e.Keeper = NewKeeper(Config{
			Authority: s, Catalogue: s, Lease: lease, Fallback: authz.Login, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx, e.revisions) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		}()
		synctest.Wait()
		f(t, e, s)
	})
}

var closed = &authz.Setting{Access: authz.Deny}

func (e *edge) wantOutcome(t *testing.T, image string, want authz.Outcome) {
	t.Helper()
	if got := outcome(e.Keeper, image); got != want {
		t.Errorf("%s: %v, want %v", image, got, want)
	}
}

func TestItemsFollowTheRevision(t *testing.T) {
	withShelf(t, func(t *testing.T, e *edge, s *shelf) {
		for _, image := range []string{"a", "b", "c", "d", "e"} {
			e.wantOutcome(t, image, authz.Forbidden)
		}
		e.hears(s.set(nil, "b"))
		e.wantOutcome(t, "b", authz.Allow)
		e.hears(s.set(&authz.Setting{Access: authz.Hidden}, "a"))
		e.wantOutcome(t, "a", authz.NotFound)
		before := s.questions()
		e.hears(s.end("alice"))
		e.beats(40 * time.Second)
		if after := s.questions(); after != before {
			t.Errorf("items were fetched %d times although none had changed", after-before)
		}
		e.wantOutcome(t, "c", authz.Forbidden)
		if !e.Fresh() {
			t.Error("not up to date")
		}
	}, "a", "b", "c", "d", "e")
}

// Until all items are known nothing is shown: a rule may open what an item closes.
func TestNotReadyBeforeItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{truth: newTruth(), away: errors.New("away")}
		s.set(closed, "a")
		k := NewKeeper(Config{Authority: s, Catalogue: s, Lease: lease, Fallback: authz.Open, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		for _, step := range []struct {
			name  string
			prep  func()
			ready bool
		}{
			{"the catalogue is away", func() {}, false},
			{"its pages do not hold together", func() { s.away, s.broken = nil, true }, false},
			{"it answers", func() { s.broken = false }, true},
		} {
			step.prep()
			err := k.reconcile(t.Context())
			if (err == nil) != step.ready || k.Ready() != step.ready {
				t.Errorf("%s: %v, ready %v", step.name, err, k.Ready())
			}
		}
	})
}

// While items cannot be brought up to date the lease runs on and out, and rules and
// credentials that were taken away are gone all the same.
func TestItemsCannotBeFetched(t *testing.T) {
	withShelf(t, func(t *testing.T, e *edge, s *shelf) {
		s.signIn(KindSession, "alice")
		e.wantFound(t, "alice")
		s.fail(errors.New("away"))
		s.set(closed, "b")
		e.hears(s.end("alice"))
		e.wantError(t, "alice", ErrUnknown)
		e.beats(lease + time.Second)
		if e.Fresh() {
			t.Error("fresh although items are not known")
		}
		s.fail(nil)
		e.beats(2 * time.Second)
		e.wantOutcome(t, "b", authz.Forbidden)
		if !e.Fresh() {
			t.Error("not fresh again")
		}
	}, "a")
}

// An edge that missed too much forgets and begins anew: removals it never heard of too.
func TestItemsBeginAnew(t *testing.T) {
	withShelf(t, func(t *testing.T, e *edge, s *shelf) {
		revision := s.change()
		s.truth.set(func() { s.horizon = revision })
		s.items.Lock()
		s.order = s.order[1:] // "a" was removed, and that has been purged
		s.items.Unlock()
		e.hears(revision)
		e.wantOutcome(t, "a", authz.Allow)
		for _, image := range []string{"b", "c", "d", "e"} {
			e.wantOutcome(t, image, authz.Forbidden)
		}
		if !e.Fresh() {
			t.Error("not fresh")
		}
		s.fail(errors.New("away"))
		revision = s.change()
		s.truth.set(func() { s.horizon = revision })
		e.hears(revision)
		if e.Fresh() {
			t.Error("fresh although credentials were forgotten and items are not known")
		}
		e.wantOutcome(t, "b", authz.Forbidden)
	}, "a", "b", "c", "d", "e")
}

func TestPagesOfItems(t *testing.T) {
	for name, page := range map[string]ItemPage{
		"too few":    {Images: []string{"a", "b"}, Of: []int{-1}},
		"beyond":     {Images: []string{"a"}, Of: []int{1}, Settings: []authz.Setting{{Access: authz.Open}}},
		"before all": {Images: []string{"a"}, Of: []int{-2}},
	} {
		if err := applyItems(authz.NewItems(), page); err == nil || !strings.Contains(err.Error(), "page") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// R24: a page may end within a revision newer than the one that was asked for. The rest
// of that is fetched too, and nothing is confirmed before: also of changes from before,
// which the newer revision has replaced.
func TestPageEndsWithinANewerRevision(t *testing.T) {
	withShelf(t, func(t *testing.T, e *edge, s *shelf) {
		revision := s.set(closed, "b", "x")
		s.meanwhile = func() { s.set(&authz.Setting{Access: authz.Hidden}, "v", "w", "x", "y", "z") }
		e.hears(revision)
		for image, want := range map[string]authz.Outcome{"b": authz.Forbidden, "v": authz.NotFound, "x": authz.NotFound, "z": authz.NotFound} {
			e.wantOutcome(t, image, want)
		}
		e.beats(2 * time.Second)
		e.wantOutcome(t, "z", authz.NotFound)
		if !e.Fresh() {
			t.Error("not up to date")
		}
	}, "a")
}

// R24: credentials that are taken away while a large part of a catalogue is fetched are
// heard of between two pages; the lease runs on until items are known.
func TestRevocationDuringACatchUp(t *testing.T) {
	withShelf(t, func(t *testing.T, e *edge, s *shelf) {
		s.signIn(KindSession, "alice")
		e.wantFound(t, "alice")
		var many []string
		for i := range 200 {
			many = append(many, fmt.Sprintf("%03d", i))
		}
		s.takes = time.Second
		e.hears(s.set(closed, many...))
		s.end("alice")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		e.wantError(t, "alice", ErrUnknown)
		time.Sleep(lease)
		synctest.Wait()
		if e.Fresh() {
			t.Error("fresh although items are not known")
		}
		time.Sleep(40 * time.Second)
		synctest.Wait()
		e.wantOutcome(t, "199", authz.Forbidden)
		if !e.Fresh() {
			t.Error("not fresh although all is known")
		}
	}, "a")
}

// While there are more items to fetch, a late word of the revision before confirms
// nothing, and changes that never end confirm nothing either.
func TestEndlessChanges(t *testing.T) {
	endless := &endlessShelf{truth: newTruth()}
	k := NewKeeper(Config{
		Authority: endless, Catalogue: endless, Lease: lease, Fallback: authz.Open, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err := k.reconcile(t.Context()); err != nil || !k.Fresh() {
		t.Fatalf("without items: %v, fresh %v", err, k.Fresh())
	}
	endless.n = endless.change()
	for range 5 {
		if err := k.reconcile(t.Context()); err != nil || k.Revision() != 1 || k.next(nil) != 0 {
			t.Errorf("%v, at revision %d, again in %v", err, k.Revision(), k.next(nil))
		}
		k.heard = time.Now()
		if k.hear(1) {
			t.Error("took late word of an old revision for news")
		}
	}
}

// endlessShelf has a new change whenever it is asked, once there was one.
type endlessShelf struct {
	*truth
	n int64
}

func (s *endlessShelf) Rights(ctx context.Context, since int64) (Rights, error) {
	r, err := s.truth.Rights(ctx, since)
	r.Items = s.n
	return r, err
}

func (s *endlessShelf) Items(context.Context, ItemMark) (ItemPage, error) {
	s.n = s.change()
	image := fmt.Sprint(s.n)
	return ItemPage{Images: []string{image}, Of: []int{-1}, Next: ItemMark{s.n, image}, More: true}, nil
}

func TestPageThatLeadsNoFurther(t *testing.T) {
	k := NewKeeper(Config{Catalogue: stuckShelf{}})
	if err := k.follow(t.Context(), Rights{Revision: 1, Items: 1, Complete: true}); err == nil {
		t.Error("would be asked for ever")
	}
}

// stuckShelf always has more, and never anything.
type stuckShelf struct{}

func (stuckShelf) Items(_ context.Context, after ItemMark) (ItemPage, error) {
	return ItemPage{Next: after, More: true}, nil
}
