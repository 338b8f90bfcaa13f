package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

func TestFindAsksOnceAndRemembers(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.truth.signIn(KindSession, "alice", "staff")
		e.truth.set(func() { e.truth.hold = make(chan struct{}) })
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { e.wantFound(t, "alice") })
		}
		synctest.Wait()
		close(e.truth.hold)
		wg.Wait()
		c := e.wantFound(t, "alice")
		if lookups, _ := e.truth.counts(); lookups != 1 {
			t.Errorf("%d look-ups for one credential", lookups)
		}
		if c.Principal.ID != "u-alice" || c.Principal.Addr != (netip.Addr{}) {
			t.Errorf("principal %+v; the address belongs to requests", c.Principal)
		}
	})
}

func TestUnknownIsRememberedBriefly(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.wantError(t, "guess", ErrUnknown)
		e.wantError(t, "guess", ErrUnknown)
		if lookups, _ := e.truth.counts(); lookups != 1 {
			t.Errorf("%d look-ups", lookups)
		}
		e.truth.signIn(KindSession, "guess")
		time.Sleep(unknownFor)
		e.wantFound(t, "guess")
	})
}

// secrets are the kinds that somebody may show.
var secrets = []Kind{KindSession, KindIIIF, KindPersonal}

// An identity is found by what was proved of it, never by a secret that hashes alike, and
// is asked about and ended as every credential (R23, R37).
func TestIdentities(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		const issuer, subject = "https://login.example.edu", "ada"
		secret := issuer + "\x00" + subject
		want := func(err error) {
			t.Helper()
			if c, got := e.FindIdentity(t.Context(), issuer, subject); !errors.Is(got, err) || err == nil && c.Principal.ID != "u-"+secret {
				t.Errorf("%+v, %v, want %v", c, got, err)
			}
		}
		want(ErrUnknown)
		e.truth.signIn(KindIdentity, secret)
		time.Sleep(unknownFor)
		want(nil)
		want(nil)
		if lookups, _ := e.truth.counts(); lookups != 2 {
			t.Errorf("%d look-ups", lookups)
		}
		for _, kind := range append(secrets, KindIdentity) {
			if _, err := e.Find(t.Context(), kind, secret); !errors.Is(err, ErrUnknown) {
				t.Errorf("found as a %s by its name alone: %v", kind, err)
			}
		}
		if _, err := e.FindIdentity(t.Context(), issuer, subject+"2"); !errors.Is(err, ErrUnknown) {
			t.Error(err)
		}
		e.hears(e.truth.end(secret))
		want(ErrUnknown)
	})
}

// TestKindsAreApart is R37.
func TestKindsAreApart(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		for _, is := range secrets {
			secret := "a " + string(is)
			e.truth.signIn(is, secret)
			for _, as := range []Kind{KindSession, KindIIIF, KindPersonal, KindIdentity, "cookie", ""} {
				if _, err := e.Find(t.Context(), as, secret); (err == nil) != (as == is) || (err != nil && !errors.Is(err, ErrUnknown)) {
					t.Errorf("a credential of kind %q shown as %q: %v", is, as, err)
				}
			}
			if _, err := e.Find(t.Context(), is, secret); err != nil {
				t.Errorf("%q was forgotten after it had been shown as another: %v", is, err)
			}
		}
	})
}

// careless gives the same credential whatever kind is asked.
type careless struct{ *truth }

func (c careless) Lookup(context.Context, Kind, Hash) (Credential, error) {
	return Credential{Kind: KindSession, Expires: time.Now().Add(time.Hour)}, nil
}

func TestAnswerOfAnotherKindIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKeeper(Config{Authority: careless{newTruth()}, Lease: lease, Fallback: authz.Login, Now: time.Now})
		if _, err := k.Find(t.Context(), KindIIIF, "x"); !errors.Is(err, ErrUnknown) {
			t.Errorf("a session was taken for an IIIF token: %v", err)
		}
	})
}

func TestSecretsThatCannotBe(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.wantError(t, "", ErrUnknown)
		e.wantError(t, strings.Repeat("x", maxSecret+1), ErrUnknown)
		if lookups, _ := e.truth.counts(); lookups != 0 {
			t.Errorf("%d look-ups", lookups)
		}
	})
}

// TestEndedIsObeyedAtOnce is R24 within one edge.
func TestEndedIsObeyedAtOnce(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		for _, kind := range secrets {
			secret := "of kind " + string(kind)
			e.truth.signIn(kind, secret)
			if _, err := e.Find(t.Context(), kind, secret); err != nil {
				t.Fatal(err)
			}
			e.hears(e.truth.end(secret))
			if _, err := e.Find(t.Context(), kind, secret); !errors.Is(err, ErrUnknown) {
				t.Errorf("%s credential after its end: %v", kind, err)
			}
		}
	})
}

// TestEndDuringLookup: the authority read the credential while it was good; its end
// reaches the edge before the answer does.
func TestEndDuringLookup(t *testing.T) {
	cases := map[string]func(a *truth) int64{
		"named in the change": func(a *truth) int64 { return a.end("alice") },
		"everything forgotten": func(a *truth) int64 {
			revision := a.end("alice")
			a.set(func() { a.horizon = revision })
			return revision
		},
	}
	for name, end := range cases {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, e *edge) {
				e.truth.signIn(KindSession, "alice")
				hold := make(chan struct{})
				e.truth.set(func() { e.truth.hold = hold })
				found := make(chan error, 1)
				go func() {
					_, err := e.Find(t.Context(), KindSession, "alice")
					found <- err
				}()
				synctest.Wait() // the truth was read, the answer is on its way
				e.hears(end(e.truth))
				close(hold)
				if err := <-found; !errors.Is(err, ErrUnknown) {
					t.Errorf("the overtaken answer gave %v", err)
				}
				e.wantError(t, "alice", ErrUnknown)
			})
		})
	}
}

// TestChangedIsAskedAnew: a credential may be forgotten because it stands for
// something else now, e.g. with a group less.
func TestChangedIsAskedAnew(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.truth.signIn(KindSession, "alice", "staff", "maps")
		if c := e.wantFound(t, "alice"); len(c.Principal.Groups) != 2 {
			t.Errorf("groups %v", c.Principal.Groups)
		}
		e.truth.signIn(KindSession, "alice", "staff")
		e.hears(e.truth.change("alice"))
		if c := e.wantFound(t, "alice"); len(c.Principal.Groups) != 1 {
			t.Errorf("groups %v after one was taken away", c.Principal.Groups)
		}
	})
}

func TestKnownIsAskedAgainAfterAMinute(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.truth.signIn(KindSession, "alice")
		e.wantFound(t, "alice")
		e.beats(askAgainAfter - time.Second)
		e.wantFound(t, "alice")
		if lookups, _ := e.truth.counts(); lookups != 1 {
			t.Errorf("%d look-ups within the minute", lookups)
		}
		e.beats(time.Second)
		e.wantFound(t, "alice")
		if lookups, _ := e.truth.counts(); lookups != 2 {
			t.Errorf("%d look-ups after a minute, want 2", lookups)
		}
	})
}

func TestSilenceFallsBackToTheKnownWithinTheLease(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.truth.signIn(KindSession, "alice")
		e.wantFound(t, "alice")
		e.beats(askAgainAfter)
		e.truth.set(func() { e.truth.silent = errors.New("no route") })

		begin := time.Now()
		e.wantFound(t, "alice")
		if took := time.Since(begin); took != lookupTimeout {
			t.Errorf("the authority was given %s", took)
		}
		begin = time.Now()
		e.wantFound(t, "alice")
		if took := time.Since(begin); took != 0 {
			t.Errorf("asked again at once, for %s", took)
		}
		e.wantError(t, "stranger", ErrSilent)
		time.Sleep(lease)
		e.wantError(t, "alice", ErrSilent)
	})
}

// TestSilenceDoesNotBringBackTheEnded: while an old credential is being asked about
// in vain, it ends.
func TestSilenceDoesNotBringBackTheEnded(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.truth.signIn(KindSession, "alice")
		e.wantFound(t, "alice")
		e.beats(askAgainAfter)
		e.truth.set(func() { e.truth.hold = make(chan struct{}) }) // never answers
		found := make(chan error, 1)
		go func() {
			_, err := e.Find(t.Context(), KindSession, "alice")
			found <- err
		}()
		synctest.Wait()
		e.hears(e.truth.end("alice"))
		if err := <-found; !errors.Is(err, ErrSilent) {
			t.Errorf("an ended credential was found while the authority was silent: %v", err)
		}
	})
}

func TestExpiryIsObeyedLocally(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.truth.signIn(KindSession, "alice")
		e.truth.set(func() {
			c := e.truth.good[HashOf("alice")]
			c.Expires = time.Now().Add(10 * time.Second)
			e.truth.good[HashOf("alice")] = c
		})
		e.wantFound(t, "alice")
		time.Sleep(10 * time.Second)
		e.wantError(t, "alice", ErrUnknown)
		e.truth.signIn(KindSession, "alice") // prolonged by activity elsewhere
		time.Sleep(unknownFor)
		e.wantFound(t, "alice")
	})
}

func TestLeavingCallerGetsItsOwnError(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		e.truth.set(func() { e.truth.hold = make(chan struct{}) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := e.Find(ctx, KindSession, "x"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrSilent) {
			t.Errorf("got %v", err)
		}
	})
}

func TestLookupsAreBounded(t *testing.T) {
	run(t, func(t *testing.T, e *edge) {
		hold := make(chan struct{})
		e.truth.set(func() { e.truth.hold = hold })
		var wg sync.WaitGroup
		for i := range maxLookups {
			wg.Go(func() { e.wantError(t, fmt.Sprint("guess ", i), ErrUnknown) })
		}
		synctest.Wait()
		begin := time.Now()
		e.wantError(t, "one more", ErrSilent)
		if took := time.Since(begin); took != 0 {
			t.Errorf("waited %s for a free place", took)
		}
		close(hold)
		wg.Wait()
	})
}

func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFinder(10)
		for i := range 1000 {
			l := f.begin(key{KindSession, HashOf(fmt.Sprint(i))})
			f.settle(l, Credential{}, nil, time.Now())
		}
		f.known.CleanUp()
		if n := f.known.EstimatedSize(); n > 10 || len(f.open) != 0 {
			t.Errorf("%d credentials kept of at most 10, %d look-ups left open", n, len(f.open))
		}
		synctest.Wait()
	})
}

func TestRightsRoundTripInJSON(t *testing.T) {
	want := Rights{Revision: 3, Ended: []Hash{HashOf("a"), HashOf("b")}, Complete: true}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Rights
	if err := json.Unmarshal(data, &got); err != nil || got.Revision != 3 || len(got.Ended) != 2 || got.Ended[1] != want.Ended[1] || !got.Complete {
		t.Errorf("%s read as %+v, %v", data, got, err)
	}
}

func FuzzHash(f *testing.F) {
	f.Add(HashOf("x").String())
	f.Add("")
	f.Add(strings.Repeat("A", 42) + "B")   // spare bits set: a second spelling
	f.Add("0\r" + strings.Repeat("0", 42)) // a line break: a second spelling
	f.Fuzz(func(t *testing.T, text string) {
		var h Hash
		if err := h.UnmarshalText([]byte(text)); err == nil && h.String() != text {
			t.Errorf("%q read as %s: two spellings of one hash", text, h)
		}
	})
}

func BenchmarkFindKnown(b *testing.B) {
	a := newTruth()
	a.signIn(KindSession, "alice")
	k := NewKeeper(Config{Authority: a, Lease: lease, Fallback: "login", Now: time.Now})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := k.Find(b.Context(), KindSession, "alice"); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
