package session

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/tessera-iiif/tessera/internal/flight"
)

const (
	askAgainAfter      = 60 * time.Second // of a known credential; this is also how the authority learns of activity
	askAgainIfSilent   = 5 * time.Second  // when the authority did not answer
	unknownFor         = 2 * time.Second
	lookupTimeout      = 2 * time.Second
	maxLookups         = 256 // at a time
	maxUnknown         = 10_000
	defaultCredentials = 100_000
	maxSecret          = 4 << 10 // bytes
	maxAttempts        = 3
)

// ErrSilent says that the authority could not be asked about a credential. Whether
// it is good cannot be told now.
var ErrSilent = errors.New("the authority does not answer")

var kinds = [...]Kind{KindSession, KindIIIF, KindPersonal, KindIdentity}

// key has the kind in it, so that a credential of one kind is unknown as another.
type key struct {
	kind Kind
	hash Hash
}

// entry is a credential this edge has seen.
type entry struct {
	credential Credential
	askAt      time.Time // when the authority must be asked again
}

// finder keeps credentials and asks about those it does not know.
type finder struct {
	known   *otter.Cache[key, entry]
	unknown *otter.Cache[key, time.Time] // until when not to ask again
	joined  flight.Group[key, Credential]
	slots   chan struct{}

	// mu makes storing an answer and forgetting credentials one after the other.
	mu   sync.Mutex
	open map[*lookup]struct{}
}

// lookup is a question under way. overtaken says that its credential was to be
// forgotten since: the answer may be from before, and storing it would bring an
// ended credential back to life.
type lookup struct {
	key       key
	overtaken bool
}

func newFinder(credentials int) finder {
	if credentials <= 0 {
		credentials = defaultCredentials
	}
	return finder{
		known:   newCache[entry](credentials),
		unknown: newCache[time.Time](maxUnknown),
		slots:   make(chan struct{}, maxLookups),
		open:    make(map[*lookup]struct{}),
	}
}

func newCache[V any](size int) *otter.Cache[key, V] {
	return otter.Must(&otter.Options[key, V]{MaximumSize: size})
}

// Find tells what a secret stands for: from memory, or by one look-up that callers
// with the same secret share. Errors: ErrUnknown; ErrSilent when nobody could be
// asked; the context's own.
func (k *Keeper) Find(ctx context.Context, kind Kind, secret string) (Credential, error) {
	if secret == "" || len(secret) > maxSecret || !kind.Valid() {
		return Credential{}, ErrUnknown
	}
	id := key{kind, HashOf(secret)}
	return k.find(ctx, id, func(ctx context.Context) (Credential, error) { return k.cfg.Authority.Lookup(ctx, kind, id.hash) })
}

// FindIdentity tells whom a subject of an OpenID issuer is here, as Find does. Whoever
// asks has seen proof that somebody is that subject.
func (k *Keeper) FindIdentity(ctx context.Context, issuer, subject string) (Credential, error) {
	id := key{KindIdentity, IdentityHash(issuer, subject)}
	return k.find(ctx, id, func(ctx context.Context) (Credential, error) { return k.cfg.Authority.Identity(ctx, issuer, subject) })
}

// question is how the authority is asked about one credential.
type question func(ctx context.Context) (Credential, error)

func (k *Keeper) find(ctx context.Context, id key, ask question) (Credential, error) {
	now := k.cfg.Now()
	if e, ok := k.finder.known.GetIfPresent(id); ok && now.Before(e.askAt) && e.credential.valid(now) {
		return e.credential, nil
	}
	if until, ok := k.finder.unknown.GetIfPresent(id); ok && now.Before(until) {
		return Credential{}, ErrUnknown
	}
	c, _, err := k.finder.joined.Do(ctx, id, func(ctx context.Context) (Credential, error) { return k.lookup(ctx, id, ask) })
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, ErrUnknown):
		return Credential{}, ErrUnknown
	case ctx.Err() != nil:
		return Credential{}, ctx.Err()
	}
	return k.lastKnown(id, err)
}

// lastKnown falls back to what was known, while the lease lasts, of a credential
// that is due to be asked about again. It reads anew: the credential may have been
// forgotten while the authority was silent about it.
func (k *Keeper) lastKnown(id key, cause error) (Credential, error) {
	silent := fmt.Errorf("%w: %w", ErrSilent, cause)
	if !k.Fresh() {
		return Credential{}, silent
	}
	now := k.cfg.Now()
	e, ok := k.finder.known.ComputeIfPresent(id, func(e entry) (entry, otter.ComputeOp) {
		e.askAt = now.Add(askAgainIfSilent)
		return e, otter.WriteOp
	})
	if !ok || !e.credential.valid(now) {
		return Credential{}, silent
	}
	return e.credential, nil
}

// lookup asks the authority. An answer that was overtaken is asked for again.
func (k *Keeper) lookup(ctx context.Context, id key, ask question) (Credential, error) {
	f := &k.finder
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	default:
		return Credential{}, errors.New("too many look-ups at a time")
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	for range maxAttempts {
		l := f.begin(id)
		c, err := ask(ctx)
		now := k.cfg.Now()
		if err == nil && (c.Kind != id.kind || !c.valid(now)) {
			err = ErrUnknown
		}
		c.Principal.Addr = netip.Addr{} // belongs to a request
		if settled := f.settle(l, c, err, now); settled {
			return c, err
		}
	}
	return Credential{}, errors.New("the credential keeps changing")
}

func (f *finder) begin(id key) *lookup {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := &lookup{key: id}
	f.open[l] = struct{}{}
	return l
}

// settle stores an answer, or tells that it is worth nothing.
func (f *finder) settle(l *lookup, c Credential, err error, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, l)
	switch {
	case errors.Is(err, ErrUnknown):
		f.known.Invalidate(l.key)
		f.unknown.Set(l.key, now.Add(unknownFor))
	case err != nil:
	case l.overtaken:
		return false
	default:
		f.known.Set(l.key, entry{credential: c, askAt: now.Add(askAgainAfter)})
	}
	return true
}

// forget drops credentials by hash, and the answers about them still to come.
func (f *finder) forget(hashes []Hash) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ended := make(map[Hash]struct{}, len(hashes))
	for _, h := range hashes {
		ended[h] = struct{}{}
		for _, kind := range kinds {
			f.known.Invalidate(key{kind, h})
		}
	}
	for l := range f.open {
		if _, ok := ended[l.key.hash]; ok {
			l.overtaken = true
		}
	}
}

func (f *finder) forgetAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known.InvalidateAll()
	for l := range f.open {
		l.overtaken = true
	}
}

func (c Credential) valid(now time.Time) bool { return now.Before(c.Expires) }
