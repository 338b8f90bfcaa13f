package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const lease = time.Minute

// truth is an Authority in memory. Its clock is the bubble's.
type truth struct {
	mu       sync.Mutex
	revision int64
	horizon  int64
	good     map[Hash]Credential
	ended    map[int64][]Hash
	rules    []authz.Rule
	lookups  int
	fetches  int
	silent   error         // answers to everything while set
	hold     chan struct{} // look-ups wait here after reading, before answering
}

func newTruth() *truth {
	return &truth{revision: 1, good: map[Hash]Credential{}, ended: map[int64][]Hash{}}
}

func (a *truth) signIn(kind Kind, secret string, groups ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.good[HashOf(secret)] = Credential{
		Kind: kind, Session: "s-" + secret, Expires: time.Now().Add(8 * time.Hour),
		Principal: authz.Principal{ID: "u-" + secret, Groups: groups, Addr: netip.MustParseAddr("192.0.2.1")},
	}
}

// change makes a new revision in which edges must forget secrets.
func (a *truth) change(secrets ...string) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revision++
	for _, s := range secrets {
		a.ended[a.revision] = append(a.ended[a.revision], HashOf(s))
	}
	return a.revision
}

func (a *truth) end(secret string) int64 {
	a.mu.Lock()
	delete(a.good, HashOf(secret))
	a.mu.Unlock()
	return a.change(secret)
}

func (a *truth) set(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

func (a *truth) counts() (lookups, fetches int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lookups, a.fetches
}

func (a *truth) Lookup(ctx context.Context, kind Kind, hash Hash) (Credential, error) {
	return a.find(ctx, kind, hash)
}

func (a *truth) Identity(ctx context.Context, issuer, subject string) (Credential, error) {
	return a.find(ctx, KindIdentity, IdentityHash(issuer, subject))
}

func (a *truth) find(ctx context.Context, kind Kind, hash Hash) (Credential, error) {
	a.mu.Lock()
	a.lookups++
	c, ok := a.good[hash]
	hold, silent := a.hold, a.silent
	a.mu.Unlock()
	if silent != nil {
		<-ctx.Done()
		return Credential{}, silent
	}
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return Credential{}, ctx.Err()
		}
	}
	if !ok || c.Kind != kind {
		return Credential{}, fmt.Errorf("look up: %w", ErrUnknown)
	}
	return c, nil
}

func (a *truth) Rights(_ context.Context, since int64) (Rights, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fetches++
	if a.silent != nil {
		return Rights{}, a.silent
	}
	r := Rights{Revision: a.revision, Rules: a.rules, Complete: since >= a.horizon && since <= a.revision}
	for rev := since + 1; r.Complete && rev <= a.revision; rev++ {
		r.Ended = append(r.Ended, a.ended[rev]...)
	}
	return r, nil
}

// edge is a running Keeper with the means to talk to it.
type edge struct {
	*Keeper
	truth     *truth
	revisions chan int64
}

// run gives f an edge that has its first snapshot, in a bubble of fake time.
func run(t *testing.T, f func(t *testing.T, e *edge)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := start(t, newTruth())
		f(t, e)
	})
}

func start(t *testing.T, a *truth) *edge { return startLeased(t, a, lease) }

func startLeased(t *testing.T, a *truth, lease time.Duration) *edge {
	t.Helper()
	e := &edge{truth: a, revisions: make(chan int64)}
	e.Keeper = NewKeeper(Config{
		Authority: a, Lease: lease, Fallback: authz.Login, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx, e.revisions) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	synctest.Wait()
	return e
}

// hears delivers a revision and waits until it has been acted upon.
func (e *edge) hears(revision int64) {
	e.revisions <- revision
	synctest.Wait()
}

// beats lets d pass with a heartbeat each second.
func (e *edge) beats(d time.Duration) {
	for range int(d / time.Second) {
		time.Sleep(time.Second) // the bubble's time
		e.truth.mu.Lock()
		revision := e.truth.revision
		e.truth.mu.Unlock()
		e.hears(revision)
	}
}

func (e *edge) wantFound(t *testing.T, secret string) Credential {
	t.Helper()
	c, err := e.Find(t.Context(), KindSession, secret)
	if err != nil {
		t.Errorf("find %q: %v", secret, err)
	}
	return c
}

func (e *edge) wantError(t *testing.T, secret string, want error) {
	t.Helper()
	if c, err := e.Find(t.Context(), KindSession, secret); !errors.Is(err, want) {
		t.Errorf("find %q: %+v, %v; want %v", secret, c, err, want)
	}
}

func outcome(k *Keeper, image string) authz.Outcome {
	return k.Policy().Decide(authz.Principal{}, image, time.Now()).Outcome
}

func openRule(image string) authz.Rule {
	return authz.Rule{Name: "open " + image, Images: []string{image}, Access: authz.Open}
}

func TestNothingIsAllowedBeforeTheFirstSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTruth()
		a.silent = errors.New("away")
		a.rules = []authz.Rule{openRule("map")}
		e := start(t, a)
		if e.Ready() || e.Fresh() || outcome(e.Keeper, "map") != authz.Forbidden {
			t.Errorf("ready %v, fresh %v, outcome %v", e.Ready(), e.Fresh(), outcome(e.Keeper, "map"))
		}
		a.set(func() { a.silent = nil })
		time.Sleep(retryAfter)
		synctest.Wait()
		if !e.Ready() || !e.Fresh() || outcome(e.Keeper, "map") != authz.Allow || outcome(e.Keeper, "other") != authz.NeedLogin {
			t.Errorf("ready %v, fresh %v, outcomes %v, %v", e.Ready(), e.Fresh(), outcome(e.Keeper, "map"), outcome(e.Keeper, "other"))
		}
	})
}

func TestRulesFollowTheRevision(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.truth.set(func() { e.truth.rules = []authz.Rule{openRule("map")} })
		e.hears(e.truth.change())
		if outcome(e.Keeper, "map") != authz.Allow {
			t.Error("the new rule is not in force")
		}
		before := e.Policy()
		e.truth.signIn(KindSession, "x")
		e.hears(e.truth.end("x"))
		if e.Policy() != before {
			t.Error("rules that did not change were compiled again")
		}
	})
}

func TestHeartbeatsAloneFetchNothing(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.hears(1) // the first after a silence is followed up
		_, before := e.truth.counts()
		e.beats(20 * time.Second)
		if _, after := e.truth.counts(); after != before {
			t.Errorf("%d snapshots fetched although nothing changed", after-before)
		}
	})
}

func TestHeartbeatsRenewTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := startLeased(t, newTruth(), 5*time.Second)
		e.beats(reconcileEvery - time.Second)
		if !e.Fresh() {
			t.Error("not fresh although the authority speaks each second")
		}
		e.truth.set(func() { e.truth.silent = errors.New("no route") })
		time.Sleep(5 * time.Second)
		if e.Fresh() {
			t.Error("fresh after a silence longer than the lease")
		}
	})
}

// TestReconcilesUnasked is R23: what an edge was never told of reaches it all the same.
func TestReconcilesUnasked(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.truth.signIn(KindSession, "alice")
		e.wantFound(t, "alice")
		e.truth.end("alice") // and no word of it
		time.Sleep(reconcileEvery)
		synctest.Wait()
		e.wantError(t, "alice", ErrUnknown)
	})
}

func TestPartitionEndsWithTheLease(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.truth.signIn(KindSession, "alice")
		e.wantFound(t, "alice")
		e.hears(1)
		e.truth.set(func() { e.truth.silent = errors.New("no route") })
		time.Sleep(lease - time.Millisecond)
		synctest.Wait()
		if !e.Fresh() {
			t.Error("not fresh within the lease")
		}
		e.wantFound(t, "alice")
		time.Sleep(time.Millisecond)
		if e.Fresh() {
			t.Error("fresh after the lease")
		}
		if !e.Ready() {
			t.Error("the snapshot was dropped; open content needs it")
		}
		time.Sleep(askAgainAfter)
		e.wantError(t, "alice", ErrSilent)

		e.truth.set(func() { e.truth.silent = nil })
		time.Sleep(retryAfter)
		synctest.Wait()
		if !e.Fresh() {
			t.Error("not fresh although the authority is back")
		}
		e.wantFound(t, "alice")
	})
}

// TestOldHeartbeatsDoNotKeepFresh: revisions that waited somewhere and come late say
// nothing about now, even if they match the snapshot.
func TestOldHeartbeatsDoNotKeepFresh(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.hears(1)
		e.truth.set(func() { e.truth.silent = errors.New("no route") })
		time.Sleep(lease + time.Second)
		for range 5 {
			e.hears(1)
		}
		if e.Fresh() {
			t.Error("fresh by heartbeats from before the partition")
		}
		e.truth.set(func() { e.truth.silent = nil })
		e.hears(1)
		if !e.Fresh() {
			t.Error("not fresh after a reconciliation")
		}
	})
}

func TestHeartbeatsOfARevisionThatCannotBeFetchedDoNotKeepFresh(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.truth.change()
		e.truth.set(func() { e.truth.silent = errors.New("database locked") })
		e.beats(lease + time.Second)
		if e.Fresh() {
			t.Error("fresh although the newest rights are not known")
		}
	})
}

func TestRightsThatCannotBeUsed(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.truth.signIn(KindSession, "alice")
		e.wantFound(t, "alice")
		e.truth.set(func() { e.truth.rules = []authz.Rule{{Name: "bad", Images: []string{"x"}, Access: "perhaps"}} })
		e.hears(e.truth.end("alice"))
		e.wantError(t, "alice", ErrUnknown) // taken away whatever else is wrong
		if outcome(e.Keeper, "x") != authz.NeedLogin {
			t.Error("the rules in force were lost")
		}
		e.beats(lease + time.Second)
		if e.Fresh() {
			t.Error("fresh with rules that are not those of the authority")
		}
	})
}

func TestAuthorityThatWentBack(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		for range 5 {
			e.truth.change()
		}
		e.hears(6)
		e.truth.signIn(KindSession, "alice")
		e.wantFound(t, "alice")
		before, _ := e.truth.counts()
		e.truth.set(func() { e.truth.revision = 2 }) // put back from a backup: says Complete false
		e.hears(2)
		if !e.Fresh() {
			t.Error("not in step with the restored authority")
		}
		e.wantFound(t, "alice")
		if after, _ := e.truth.counts(); after != before+1 {
			t.Error("a credential from before the restore was kept without asking")
		}
	})
	t.Run("and claims to be complete", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := start(t, newTruth())
			if err := e.apply(Rights{Revision: 0, Complete: true}); err == nil {
				t.Error("took an older snapshot for the newest")
			}
		})
	})
}

func TestRunEndsWhenNoWordComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		revisions := make(chan int64)
		close(revisions)
		k := NewKeeper(Config{Authority: newTruth(), Lease: lease, Fallback: authz.Deny, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err := k.Run(t.Context(), revisions); err == nil {
			t.Error("goes on although nobody can tell it of changes")
		}
	})
}
