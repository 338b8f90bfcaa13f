package s3

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// turnstile is a way to the real server on which requests for ranges wait to be let through.
type turnstile struct {
	*httptest.Server
	waiting atomic.Int64 // so far
	open    chan struct{}
}

func newTurnstile(t *testing.T) *turnstile {
	t.Helper()
	to, err := url.Parse(server.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	way := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // which is signed
	}}
	s := &turnstile{open: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			s.waiting.Add(1)
			select {
			case <-s.open:
			case <-r.Context().Done():
				return
			}
		}
		way.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// joint is a place behind a turnstile, and an object there.
func joint(t *testing.T) (p *place, s *turnstile, body []byte) {
	t.Helper()
	s = newTurnstile(t)
	p = newPlace(t, func(c *Config) { c.Account.Endpoint = s.URL })
	body = noise(4, 2<<20)
	p.put(t, "a.jp2", string(body))
	return p, s, body
}

// fetching fetches ranges on a goroutine, and compares them in the end.
func fetching(t *testing.T, group *sync.WaitGroup, b store.Blob, body []byte, ranges ...store.Range) {
	t.Helper()
	group.Go(func() {
		r, err := b.Fetch(ranges)
		if err != nil {
			t.Errorf("%+v: %v", ranges, err)
			return
		}
		for _, g := range ranges {
			got := make([]byte, g.Length)
			if _, err := r.ReadAt(got, g.Offset); err != nil || !bytes.Equal(got, body[g.Offset:g.Offset+g.Length]) {
				t.Errorf("%+v: other bytes, %v", g, err)
			}
		}
	})
}

// TestFetchesJoin: what several tiles need at the same moment is asked for once.
func TestFetchesJoin(t *testing.T) {
	p, s, body := joint(t)
	var group sync.WaitGroup
	first := []store.Range{{Offset: 10_000, Length: 100_000}, {Offset: 1 << 20, Length: 50_000}}
	fetching(t, &group, p.reopen(t, "a.jp2"), body, first...)
	until(t, "the first does not ask", func() bool { return s.waiting.Load() == 2 })
	before := p.Stats()
	fetching(t, &group, p.reopen(t, "a.jp2"), body, first...)
	until(t, "an equal one does not join", func() bool { return p.Stats().Joined == 2 })
	// Around the first range and between both: two of its own, before and after.
	fetching(t, &group, p.reopen(t, "a.jp2"), body, store.Range{Offset: 0, Length: 300_000})
	until(t, "an overlapping one does not join", func() bool { return p.Stats().Joined == 3 && s.waiting.Load() == 4 })
	if n := p.Stats().Misses - before.Misses; n != (300_000+blockBytes-1)/blockBytes-(110_000/blockBytes+1-10_000/blockBytes) {
		t.Errorf("%d blocks asked for by those who joined", n)
	}
	close(s.open)
	group.Wait()
	if n := s.waiting.Load(); n != 4 {
		t.Errorf("%d requests", n)
	}
	if b := p.reopen(t, "a.jp2").(*blob); len(b.copy.claims) != 0 {
		t.Errorf("%d claims are left", len(b.copy.claims))
	}
}

// TestFetcherLeaves: whoever is waited for may leave, or fail; then it is not others' loss.
func TestFetcherLeaves(t *testing.T) {
	p, s, body := joint(t)
	o, err := p.Find(t.Context(), "a.jp2")
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	leaver, err := p.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = leaver.Close() }()
	g := store.Range{Offset: 0, Length: 3 << 19} // two requests
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := leaver.Fetch([]store.Range{g}); err == nil {
			t.Error("fetched although nobody waits")
		}
	})
	until(t, "the first does not ask", func() bool { return s.waiting.Load() == 2 })
	for range 3 {
		fetching(t, &group, p.reopen(t, "a.jp2"), body, g)
	}
	until(t, "others do not join", func() bool { return p.Stats().Joined == 6 })
	leave()
	until(t, "nobody takes over", func() bool { return s.waiting.Load() == 4 })
	close(s.open)
	group.Wait()
	if n := s.waiting.Load(); n != 4 {
		t.Errorf("%d requests", n)
	}
}

// TestFailureIsShared: what the store says to one it says to all who wait for it.
func TestFailureIsShared(t *testing.T) {
	p, s, body := joint(t)
	var group sync.WaitGroup
	fail := func() {
		b := p.reopen(t, "a.jp2")
		group.Go(func() {
			_, err := b.Fetch([]store.Range{{Offset: 0, Length: 100_000}})
			wantCode(t, err, tile.Changed)
		})
	}
	fail()
	until(t, "the first does not ask", func() bool { return s.waiting.Load() == 1 })
	fail()
	fail()
	until(t, "others do not join", func() bool { return p.Stats().Joined == 2 })
	p.put(t, "a.jp2", string(body[1:]))
	close(s.open)
	group.Wait()
	if n := s.waiting.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}
