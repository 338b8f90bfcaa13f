package bus

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

func listening(t *testing.T, addr string) *Embedded {
	t.Helper()
	e, err := StartEmbedded(Config{Dir: t.TempDir(), Listen: addr, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func dial(t *testing.T, url, name string) *Conn {
	t.Helper()
	c, err := Dial(url, name, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// eventually tries until f is satisfied.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// TestServerRestart is R21: what was under way fails at once, what is asked in the
// meantime fails at once, nothing of it is done afterwards, and then all is well.
func TestServerRestart(t *testing.T) {
	first := listening(t, "127.0.0.1:0")
	url := first.URL()
	conn := dial(t, url, "edge")
	client := NewClient(conn, ClientConfig{})
	started, release := make(chan struct{}), make(chan struct{})
	large := noise(50 * chunkSize)
	var stale atomic.Int64
	serve(t, dial(t, url, "worker"), worker{
		info: func(_ context.Context, id string) (tile.Image, error) {
			switch id {
			case "stale":
				stale.Add(1)
			case "slow":
				close(started)
				<-release // the caller's leaving cannot reach it
			}
			return tile.Image{ID: id}, nil
		},
		render: rendering(large).render,
	}, ServerConfig{Credit: time.Second})
	t.Cleanup(func() { close(release) })

	stream, err := client.Render(t.Context(), tile.Job{})
	if err != nil {
		t.Fatal(err)
	}
	underway := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	go func() {
		_, err := client.Info(ctx, "slow")
		underway <- err
	}()
	within(t, "the job begins", started)

	first.Close()
	wantCode(t, <-underway, tile.Unavailable)
	n, err := io.Copy(io.Discard, stream.Body)
	if wantCode(t, err, tile.Unavailable); n >= int64(len(large)) {
		t.Errorf("%d bytes of the stream were handed out", n)
	}
	_ = stream.Body.Close()
	for range 20 {
		_, err := client.Info(ctx, "stale")
		wantCode(t, err, tile.Unavailable)
	}
	if conn.Check(t.Context()) == nil {
		t.Error("the connection is said to be up")
	}
	if conn.tiles.nc.Publish(revisionSubject, nil) == nil || conn.bulk.nc.Publish(revisionSubject, nil) == nil {
		t.Error("a message was kept to be sent later")
	}

	listening(t, url[len("nats://"):])
	eventually(t, "both sides are back", func() bool {
		_, err := client.Info(ctx, "fresh")
		return err == nil
	})
	if n := stale.Load(); n != 0 {
		t.Errorf("%d jobs reached the worker that were asked for while there was no connection", n)
	}
	eventually(t, "streams are back", func() bool {
		res, err := client.Render(ctx, tile.Job{})
		if err != nil {
			return false
		}
		defer res.Body.Close() //nolint:errcheck // nothing to lose
		got, err := io.ReadAll(res.Body)
		return err == nil && bytes.Equal(got, large)
	})
	if err := conn.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCloseEndsWhatWaits(t *testing.T) {
	e := startServer(t)
	conn := join(t, e, "edge")
	started := make(chan struct{})
	serve(t, join(t, e, "worker"), worker{info: func(ctx context.Context, _ string) (tile.Image, error) {
		close(started)
		<-ctx.Done()
		return tile.Image{}, ctx.Err()
	}}, ServerConfig{})
	failed := make(chan error, 1)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		_, err := NewClient(conn, ClientConfig{Budget: time.Second}).Info(ctx, "x")
		failed <- err
	}()
	within(t, "the job begins", started)
	conn.Close()
	wantCode(t, <-failed, tile.Unavailable)
	leave()
}

func TestConnectSaysWhatIsWrong(t *testing.T) {
	if _, err := startServer(t).Connect("edge.1"); err == nil {
		t.Error("a name that is two tokens of a subject was accepted")
	}
	if _, err := Dial("nats://127.0.0.1:1", "edge", quiet); err == nil {
		t.Error("connected to nobody")
	}
}

// TestInboxesArePrivate: no connection may be able to name another's inbox (R22).
func TestInboxesArePrivate(t *testing.T) {
	e := startServer(t)
	a, b := join(t, e, "edge"), join(t, e, "edge")
	seen := map[string]bool{}
	for _, l := range []*link{a.tiles, a.bulk, b.tiles, b.bulk} {
		prefix := l.nc.Opts.InboxPrefix
		if seen[prefix] || !isInbox(prefix+".x") {
			t.Errorf("inbox prefix %q", prefix)
		}
		seen[prefix] = true
	}
}
