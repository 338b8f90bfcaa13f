// Package oidctoken verifies access tokens that OpenID providers have made for this
// server as JWTs (RFC 9068), as API clients send them.
//
// A token says who made it; only issuers that are configured are asked for their keys,
// and no address in a token is ever called. What is no token of theirs is nobody's and
// no error: callers tell [ErrForeign] from an [Invalid] one, and both from [ErrAway].
package oidctoken

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/tessera-iiif/tessera/internal/claims"
)

const (
	leeway      = 30 * time.Second // that clocks may differ by
	maxToken    = 16 << 10         // bytes
	cacheWeight = 16 << 20         // bytes of what is known of tokens
	entryWeight = 512              // bytes of one, beside its texts
)

// Issuer is whose tokens count, for what, and how they are read. Several may have the
// same URL; the first with an audience of the token's reads it.
type Issuer struct {
	Name      string   // for the log
	URL       string   // exactly as tokens and discovery say
	Audiences []string // at least one: what the provider calls this server as a resource
	AnyType   bool     // takes tokens too whose header does not say that they are access tokens
	Mapping   claims.Mapping
}

// Config of a Verifier. Client is needed: it decides what may be called.
type Config struct {
	Issuers []Issuer
	Client  *http.Client
	Now     func() time.Time
	Log     *slog.Logger
}

// Token is what a verified access token says.
type Token struct {
	Issuer  string
	Person  claims.Person
	Expires time.Time // not valid from then on, leeway included
}

var (
	// ErrForeign says that a text is no token of a configured issuer.
	ErrForeign = errors.New("no token of a configured issuer")
	// ErrAway says that the issuer's keys cannot be had: nobody can tell.
	ErrAway = errors.New("the issuer's keys cannot be read at the moment")
)

// Invalid says that a token names a configured issuer and does not count.
type Invalid struct {
	Reason string // a sentence for whoever made the request, without quotes
	Err    error  // more of it for the log; may be nil
}

// Error is for the log.
func (i *Invalid) Error() string {
	if i.Err == nil {
		return i.Reason
	}
	return i.Reason + " " + i.Err.Error()
}

// Unwrap gives the cause.
func (i *Invalid) Unwrap() error { return i.Err }

func invalid(reason string, err error) error { return &Invalid{reason, err} }

// Verifier is safe for concurrent use.
type Verifier struct {
	issuers map[string]*issuer
	known   *otter.Cache[[sha256.Size]byte, verified]
	client  *http.Client
	now     func() time.Time
}

// verified is a token that was found good by a set of keys.
type verified struct {
	Token
	by *keySet
}

// New makes a verifier. It does no I/O.
func New(c Config) (*Verifier, error) {
	if c.Client == nil || c.Now == nil || c.Log == nil {
		return nil, errors.New("oidctoken: client, clock and log are needed")
	}
	v := &Verifier{issuers: map[string]*issuer{}, client: c.Client, now: c.Now, known: otter.Must(&otter.Options[[sha256.Size]byte, verified]{
		MaximumWeight: cacheWeight,
		Weigher:       func(_ [sha256.Size]byte, t verified) uint32 { return t.weight() },
	})}
	for _, i := range c.Issuers {
		if i.URL == "" || len(i.Audiences) == 0 {
			return nil, errors.New("oidctoken: an issuer needs its URL and an audience")
		}
		if v.issuers[i.URL] == nil {
			v.issuers[i.URL] = newIssuer(i.URL, c)
		}
		v.issuers[i.URL].readers = append(v.issuers[i.URL].readers, i)
	}
	return v, nil
}

func (t Token) weight() uint32 {
	n := entryWeight + len(t.Person.Subject) + len(t.Person.Name) + len(t.Person.Email)
	for _, g := range t.Person.Groups {
		n += len(g) + 16
	}
	return uint32(n)
}

// Run reads the issuers' keys, and again every quarter of an hour, until ctx ends: a key
// that a provider takes back counts no longer than that.
func (v *Verifier) Run(ctx context.Context) error {
	var reading sync.WaitGroup
	for _, i := range v.issuers {
		reading.Go(func() { i.keys.run(ctx) })
	}
	reading.Wait()
	v.client.CloseIdleConnections()
	return nil
}

// Held is what a verifier has of an issuer.
type Held struct {
	Issuer  string
	Keys    int
	Read    time.Time // the last time that they could be read; zero: never
	Failing bool      // they could not the last time
}

// Held tells what is had of each issuer, in the order of their URLs.
func (v *Verifier) Held() []Held {
	all := make([]Held, 0, len(v.issuers))
	for _, url := range slices.Sorted(maps.Keys(v.issuers)) {
		all = append(all, v.issuers[url].keys.held())
	}
	return all
}

// Verify tells whose token a text is. Errors: ErrForeign, *Invalid, ErrAway, the
// context's own.
func (v *Verifier) Verify(ctx context.Context, text string) (Token, error) {
	id := sha256.Sum256([]byte(text))
	if t, ok := v.known.GetIfPresent(id); ok && v.holds(t) {
		return t.Token, nil
	}
	i := v.issuers[issuerOf(text)]
	if i == nil {
		return Token{}, ErrForeign
	}
	t, err := i.verify(ctx, text)
	if err != nil {
		v.known.Invalidate(id)
		return Token{}, err
	}
	v.known.Set(id, t)
	return t.Token, nil
}

// holds tells whether a token is still good: it has not expired, and the keys it was
// verified by are those the issuer has.
func (v *Verifier) holds(t verified) bool {
	return v.now().Before(t.Expires) && v.issuers[t.Issuer].keys.set.Load() == t.by
}
