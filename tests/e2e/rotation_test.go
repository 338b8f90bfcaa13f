package e2e

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/internal/egress"
)

// keyReads counts how often a provider's keys are asked for.
type keyReads struct {
	next http.RoundTripper
	n    atomic.Int32
}

func (k *keyReads) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/jwks") {
		k.n.Add(1)
	}
	return k.next.RoundTrip(r)
}

// visitor signs in and has her session renewed, over and over.
type visitor struct{ rounds atomic.Int32 }

func (v *visitor) stay(ctx context.Context, t *testing.T, p *oidc.Provider) {
	for ctx.Err() == nil {
		a, err := arrive(t.Context(), p, "alice")
		if err == nil {
			_, err = p.Refresh(t.Context(), a)
		}
		if err != nil {
			t.Error("R36 turned away or signed out: ", err)
			return
		}
		v.rounds.Add(1)
	}
}

// R36: the certified provider changes its keys, three times, while people sign in and
// sessions are renewed. Nobody is turned away, nobody is signed out, and the keys are read
// once for each change, by whoever comes first.
func TestKeysChangeUnderLoad(t *testing.T) {
	issuer, rotate := startRotatingOP(t, unreachable)
	client := egress.NewClient(egress.Config{Loopback: true})
	reads := &keyReads{next: client.Transport}
	client.Transport = reads
	var later atomic.Int64
	p := partner(t, issuer, client, func() time.Time { return time.Now().Add(time.Duration(later.Load())) })

	ctx, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	people := make([]visitor, 4)
	for i := range people {
		all.Go(func() { people[i].stay(ctx, t, p) })
	}
	goOn(t, people)
	for range 3 {
		later.Add(int64(61 * time.Second)) // keys may be asked for again
		rotate()
		goOn(t, people)
	}
	leave()
	all.Wait()
	if n := reads.n.Load(); n != 4 {
		t.Errorf("R36 the keys were read %d times for 1 + 3 sets of them", n)
	}
}

// goOn waits until everybody has begun and ended two rounds more.
func goOn(t *testing.T, people []visitor) {
	t.Helper()
	for i := range people {
		for enough := people[i].rounds.Load() + 3; people[i].rounds.Load() < enough && !t.Failed(); {
			time.Sleep(5 * time.Millisecond)
		}
	}
}
