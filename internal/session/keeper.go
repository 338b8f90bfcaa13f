package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

const (
	reconcileEvery = 30 * time.Second
	retryAfter     = time.Second
	rightsTimeout  = 5 * time.Second
	maxSilence     = 3 * time.Second // between revisions that come each second
)

// Config is what a Keeper needs.
type Config struct {
	Authority   Authority
	Catalogue   Catalogue        // nil: images have no settings of their own
	Lease       time.Duration    // how long rights are trusted after the authority was last heard
	Fallback    authz.Access     // for images that no rule names
	Credentials int              // kept at a time, the least used go first; 0 stands for 100,000
	Now         func() time.Time // time.Now, or a test's
	Log         *slog.Logger
}

// Keeper is an edge's snapshot of the truth about people: rules, and the
// credentials this edge has seen. It is safe for concurrent use.
type Keeper struct {
	cfg    Config
	policy atomic.Pointer[authz.Policy]
	finder finder

	// These belong to the goroutine of Run.
	base  *authz.Policy // the rules alone
	items items
	all   *authz.Items // those in force; others than in items while those are fetched anew
	made  made         // of what policy was made

	mu        sync.Mutex
	revision  int64          // of the snapshot
	since     int64          // what happened up to this revision need not be told any more
	rules     authz.Document // of the snapshot, to see whether they changed
	ready     bool           // there is a snapshot
	confirmed time.Time      // when the snapshot was last known to be the newest
	heard     time.Time      // when a revision last came
	inStep    bool           // no revision was missed since the last reconciliation
}

// NewKeeper makes a keeper that knows nothing and whose policy denies everything,
// until Run has fetched a first snapshot.
func NewKeeper(cfg Config) *Keeper {
	closed, err := authz.Compile(nil, authz.Deny)
	if err != nil {
		panic(fmt.Sprintf("session: a policy without rules does not compile: %v", err))
	}
	k := &Keeper{cfg: cfg}
	k.base = closed
	k.policy.Store(closed)
	k.finder = newFinder(cfg.Credentials)
	return k
}

// Revision is that of the snapshot, 0 while there is none.
func (k *Keeper) Revision() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.revision
}

// Policy gives the rules in force.
func (k *Keeper) Policy() *authz.Policy { return k.policy.Load() }

// Ready tells whether there is a snapshot.
func (k *Keeper) Ready() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ready
}

// Fresh tells whether the snapshot was known to be the newest within the lease.
// When it was not, nothing restricted may be shown: what it allows may have been
// taken away.
func (k *Keeper) Fresh() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ready && k.cfg.Now().Sub(k.confirmed) < k.cfg.Lease
}

// Run keeps the snapshot up to date until ctx ends, then returns nil. revisions
// brings the authority's newest revision about once a second; that it is closed
// before ctx ends is an error.
//
// A revision is only a signal. It says whether the snapshot is the newest; what
// changed is always fetched, when a revision differs, after revisions were missed,
// and every 30 seconds whatever was heard.
func (k *Keeper) Run(ctx context.Context, revisions <-chan int64) error {
	due := time.NewTimer(0)
	defer due.Stop()
	silent := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case revision, ok := <-revisions:
			switch {
			case !ok && ctx.Err() != nil:
				return nil
			case !ok:
				return errors.New("no more word of changed rights")
			case k.hear(revision):
				continue
			}
		case <-due.C:
		}
		err := k.reconcile(ctx)
		if (err != nil) != silent && ctx.Err() == nil {
			silent = err != nil
			k.logTurn(err)
		}
		due.Reset(k.next(err))
	}
}

// next is when to reconcile again.
func (k *Keeper) next(err error) time.Duration {
	switch {
	case err != nil:
		return retryAfter
	case k.items.more:
		return 0
	}
	return reconcileEvery
}

// logTurn logs where things turn bad or good again, not every second of it.
func (k *Keeper) logTurn(err error) {
	if err != nil {
		k.cfg.Log.Warn("rights cannot be brought up to date; restricted content ends with the lease",
			"lease", k.cfg.Lease, "error", err)
		return
	}
	k.cfg.Log.Info("rights are up to date again")
}

// hear takes a revision and tells whether the snapshot is known to be the newest.
// After a silence the revision alone does not say so: it may be an old one that
// waited somewhere, e.g. while this process was stopped.
func (k *Keeper) hear(revision int64) bool {
	now := k.cfg.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.heard) > maxSilence {
		k.inStep = false
	}
	k.heard = now
	if !k.ready || !k.inStep || revision != k.revision {
		return false
	}
	k.confirmed = now
	return true
}

// reconcile fetches what changed since the snapshot and applies it: what takes
// credentials away first. The snapshot is not confirmed while there are more items to
// fetch than one page.
func (k *Keeper) reconcile(ctx context.Context) error {
	asked := k.cfg.Now()
	rights, err := k.rights(ctx)
	if err != nil {
		return err
	}
	if err := k.apply(rights); err != nil {
		return err
	}
	if err := k.follow(ctx, rights); err != nil || k.items.more {
		return err
	}
	k.confirm(rights, asked)
	return nil
}

func (k *Keeper) rights(ctx context.Context) (Rights, error) {
	ctx, cancel := context.WithTimeout(ctx, rightsTimeout)
	defer cancel()
	k.mu.Lock()
	since := k.since
	k.mu.Unlock()
	rights, err := k.cfg.Authority.Rights(ctx, since)
	if err != nil {
		return Rights{}, fmt.Errorf("fetch rights since revision %d: %w", since, err)
	}
	return rights, nil
}

// apply makes the snapshot that of rights. What it takes away it takes away even if
// the rest is unusable; then the snapshot stays unconfirmed.
func (k *Keeper) apply(rights Rights) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.ready || !rights.Complete {
		k.finder.forgetAll()
	}
	k.finder.forget(rights.Ended)
	if rights.Revision != k.revision {
		k.inStep = false // until it is confirmed: word of the snapshot's own revision is old by now
	}
	if rights.Complete && rights.Revision < k.since {
		return fmt.Errorf("the authority went back from revision %d to %d", k.since, rights.Revision)
	}
	return k.setRules(authz.Document{Items: rights.Rules, Definitions: rights.Definitions})
}

// confirm makes the snapshot that of rights, which have been applied.
func (k *Keeper) confirm(rights Rights, asked time.Time) {
	k.all = k.items.all
	k.publish()
	k.mu.Lock()
	defer k.mu.Unlock()
	if rights.Revision != k.revision || !k.ready {
		k.cfg.Log.Debug("rights applied", "revision", rights.Revision, "rules", len(rights.Rules),
			"ended", len(rights.Ended), "complete", rights.Complete)
	}
	k.revision, k.since = rights.Revision, rights.Revision
	k.ready, k.inStep, k.confirmed = true, true, asked
}

// setRules compiles rules unless they are those in force. Callers hold mu.
func (k *Keeper) setRules(rules authz.Document) error {
	if k.ready && reflect.DeepEqual(k.rules, rules) {
		return nil
	}
	policy, err := rules.Compile(k.cfg.Fallback)
	if err != nil {
		return fmt.Errorf("rules of the authority: %w", err)
	}
	k.rules, k.base = rules, policy
	k.publish() // whatever becomes of the items, the rules count
	return nil
}

// made is what a policy is put together from.
type made struct {
	rules *authz.Policy
	items *authz.Items
}

// publish puts rules and items in force.
func (k *Keeper) publish() {
	if now := (made{k.base, k.all}); now != k.made {
		k.made = now
		k.policy.Store(now.rules.With(now.items))
	}
}
