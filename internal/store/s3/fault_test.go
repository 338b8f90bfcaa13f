package s3

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// Whatever happens on the way: right bytes or an error with the right code, few
// retries, and all is well when the way is.
func TestFaultsCostAnErrorAtMost(t *testing.T) {
	for name, c := range map[string]struct {
		kind, attributes string
		fails            bool // nothing comes through
	}{
		"latency":    {"latency", `{"latency": 20, "jitter": 10}`, false},
		"slices":     {"slicer", `{"average_size": 700, "size_variation": 300, "delay": 10}`, false},
		"reset":      {"reset_peer", `{"timeout": 0}`, true},
		"cut header": {"limit_data", `{"bytes": 100}`, true},
		"cut body":   {"limit_data", `{"bytes": 30000}`, true},
		"black hole": {"timeout", `{"timeout": 0}`, true},
		"trickle":    {"bandwidth", `{"rate": 200}`, true},
		"down":       {"", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			body := noise(7, 100_000)
			p.put(t, "a.jp2", string(body))
			way := server.Faults(t)
			through := newPlaceOn(t, p, way.Endpoint())
			spoil := func() { way.Add(c.kind, c.attributes) }
			heal := way.Heal
			if c.kind == "" {
				spoil, heal = way.Down, way.Up
			}
			o, err := through.Find(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			spoil()
			through.client.wire.CloseIdleConnections()
			if c.fails {
				through.client.timeout = 100 * time.Millisecond // some never end by themselves
			}
			const calls = 40
			before := through.Stats()
			for range calls / 2 {
				wantBytesOrUnavailable(t, through, o, body, c.fails)
			}
			after := through.Stats()
			if n := after.Retries - before.Retries; n > retrySaved+calls/10+retryAtOnce {
				t.Errorf("%d retries of %d calls", n, calls)
			}
			if c.fails && after.Refused == 0 {
				t.Error("the store was never left alone")
			}
			heal()
			through.client.timeout = answerTime
			recovered(t, through, o, body)
		})
	}
}

// newPlaceOn is another source on the bucket of p, by another way and with copies of
// its own.
func newPlaceOn(t *testing.T, p *place, endpoint string) *Source {
	t.Helper()
	c := Config{Account: account(), Location: p.where, Recheck: time.Hour, Log: quiet}
	withCopies(t, 1<<20)(&c)
	c.Account.Endpoint = endpoint
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func readAll(s *Source, o store.Object) ([]byte, error) {
	b, err := s.Open(context.Background(), o)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	got := make([]byte, o.Size)
	_, err = b.ReadAt(got, 0)
	return got, err
}

// readWhole takes a way that nothing is kept on.
func readWhole(s *Source, o store.Object) ([]byte, error) {
	got, _, err := s.Read(context.Background(), o.Key, o.Size)
	return got, err
}

func wantBytesOrUnavailable(t *testing.T, s *Source, o store.Object, body []byte, fails bool) {
	t.Helper()
	for _, read := range []func(*Source, store.Object) ([]byte, error){readAll, readWhole} {
		got, err := read(s, o)
		switch {
		case err == nil && (fails || !bytes.Equal(got, body)):
			t.Fatal("bytes that cannot be right")
		case err != nil && (!fails || tile.CodeOf(err) != tile.Unavailable):
			t.Fatal(err)
		}
	}
}

func recovered(t *testing.T, s *Source, o store.Object, body []byte) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		got, err := readAll(s, o)
		if err == nil {
			if !bytes.Equal(got, body) {
				t.Error("other bytes after the heal")
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not recovered: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// One answer lost on the way is asked for again, and nobody notices.
func TestOneFaultIsRetried(t *testing.T) {
	p := newPlace(t)
	p.put(t, "a.jp2", "body")
	way := server.Faults(t)
	s := newPlaceOn(t, p, way.Endpoint())
	// The connection that is kept from Open is closed behind the client's back.
	way.Down()
	way.Up()
	if _, err := s.Find(t.Context(), "a.jp2"); err != nil {
		t.Errorf("%v, after %+v", err, s.Stats())
	}
}

// A caller that leaves is told so, and says nothing about the store.
func TestLeavingIsNoFault(t *testing.T) {
	p := newPlace(t)
	p.put(t, "a.jp2", "body")
	l := newLiar(t)
	s := newPlaceOn(t, p, l.URL)
	l.tell(func(r *http.Response) { <-r.Request.Context().Done() })
	for range 2 * failuresToOpen {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if _, err := s.Find(ctx, "a.jp2"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		cancel()
	}
	s.jobs.Wait()
	if n := s.Stats(); n.Refused != 0 || n.Failures != 0 {
		t.Errorf("%+v", n)
	}
}

// A slow shared store is a miss, soon without being asked.
func TestSlowResultsAreMisses(t *testing.T) {
	bucket := server.Bucket(t)
	way := server.Faults(t)
	a := account()
	a.Endpoint = way.Endpoint()
	r := openResults(t, bucket, a)
	if err := r.Put(t.Context(), aKey, "image/png", bytes.NewReader([]byte("pixels")), 6); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Get(t.Context(), aKey); !ok {
		t.Fatal("a miss")
	}
	r.patience = 20 * time.Millisecond
	way.Add("latency", `{"latency": 1000}`)
	for range 2 * failuresToOpen {
		if _, ok := r.Get(t.Context(), aKey); ok {
			t.Error("a hit that was waited for")
		}
	}
	if r.Stats().Refused == 0 {
		t.Error("a slow store is asked again and again")
	}
}

// The budget of retries: a tenth of all calls, whatever fails.
func TestRetriesAreATenth(t *testing.T) {
	a := newAllowance()
	retries := 0
	const calls = 1000
	for range calls {
		a.earn()
		for range maxRetries {
			if a.spend() {
				retries++
			}
		}
	}
	if retries > calls/10+retryAtOnce {
		t.Errorf("%d retries of %d calls", retries, calls)
	}
}
