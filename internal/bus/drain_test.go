package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

func draining(ctx context.Context, s *Server) <-chan error {
	done := make(chan error, 1)
	go func() { done <- s.Drain(ctx) }()
	return done
}

func serveUndrained(t *testing.T, c *Conn, w worker, cfg ServerConfig) *Server {
	t.Helper()
	s, err := ServeWorker(c, "w", w, w, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDrainFinishesWhatIsUnderWay is R14 for one worker.
func TestDrainFinishesWhatIsUnderWay(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	large := noise(3 * window * chunkSize)
	started, release := make(chan struct{}), make(chan struct{})
	s := serveUndrained(t, join(t, e, RoleWorker, "worker"), worker{
		info: func(_ context.Context, id string) (tile.Image, error) {
			if id == "slow" {
				close(started)
				<-release
			}
			return tile.Image{ID: id}, nil
		},
		render: rendering(large).render,
	}, ServerConfig{})

	stream, err := client.Render(t.Context(), tile.Job{})
	if err != nil {
		t.Fatal(err)
	}
	slow := make(chan error, 1)
	go func() {
		_, err := client.Info(t.Context(), "slow")
		slow <- err
	}()
	within(t, "the job begins", started)
	done := draining(t.Context(), s)
	eventually(t, "new jobs find nobody", func() bool {
		_, err := client.Info(t.Context(), "new")
		return tile.CodeOf(err) == tile.Unavailable
	})
	select {
	case err := <-done:
		t.Fatalf("drained with a job under way: %v", err)
	default:
	}
	close(release)
	if err := <-slow; err != nil {
		t.Errorf("job under way: %v", err)
	}
	if !bytes.Equal(readAll(t, stream.Body), large) {
		t.Error("stream under way differs")
	}
	if err := <-done; err != nil {
		t.Errorf("drain: %v", err)
	}
}

func TestDrainOutOfTimeCancels(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	started := make(chan struct{})
	s := serveUndrained(t, join(t, e, RoleWorker, "worker"), worker{info: func(ctx context.Context, _ string) (tile.Image, error) {
		close(started)
		<-ctx.Done()
		return tile.Image{}, ctx.Err()
	}}, ServerConfig{})
	failed := make(chan error, 1)
	go func() {
		_, err := client.Info(t.Context(), "x")
		failed <- err
	}()
	within(t, "the job begins", started)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("drain: %v", err)
	}
	wantCode(t, <-failed, tile.Unavailable) // another worker may do it
}

// TestRollingRestartLosesNothing is R14 for several: one worker after the other goes
// and comes back while requests keep coming.
func TestRollingRestartLosesNothing(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	conn := join(t, e, RoleWorker, "workers")
	echo := worker{info: func(_ context.Context, id string) (tile.Image, error) { return tile.Image{ID: id}, nil }}
	running := []*Server{serveUndrained(t, conn, echo, ServerConfig{}), serveUndrained(t, conn, echo, ServerConfig{})}

	stop := make(chan struct{})
	var load sync.WaitGroup
	for i := range 4 {
		load.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("%d-%d", i, n)
				if img, err := client.Info(t.Context(), id); err != nil || img.ID != id {
					t.Errorf("request %s: %q, %v", id, img.ID, err)
					return
				}
			}
		})
	}
	for round := range 6 {
		old := running[round%2]
		running[round%2] = serveUndrained(t, conn, echo, ServerConfig{})
		if err := old.Drain(t.Context()); err != nil {
			t.Errorf("drain %d: %v", round, err)
		}
	}
	close(stop)
	load.Wait()
	for _, s := range running {
		if err := s.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestCancelNeverOvertakesItsJob: jobs and cancels are handled in the order in which
// they were sent, so no job runs on because its cancel came first.
func TestCancelNeverOvertakesItsJob(t *testing.T) {
	e := startServer(t)
	conn := join(t, e, RoleEdge, "edge")
	const n = 200
	ended := make(chan struct{}, n)
	serve(t, join(t, e, RoleWorker, "worker"), worker{info: func(ctx context.Context, _ string) (tile.Image, error) {
		<-ctx.Done()
		ended <- struct{}{}
		return tile.Image{}, ctx.Err()
	}}, ServerConfig{})
	for range n {
		m := newRequest(jobs.subject(kindInfo), newToken(), "", time.Hour, []byte(`{"name":"x"}`))
		m.Reply = conn.tiles.nc.NewInbox()
		if err := errors.Join(conn.tiles.nc.PublishMsg(m),
			conn.tiles.nc.Publish(jobs.cancelSubject(), []byte(m.Header.Get(headerJob)))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatalf("%d of %d jobs ended", i, n)
		}
	}
}
