package natsconf

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// asking keeps asking for info from several places and counts.
type asking struct {
	stop     chan struct{}
	done     sync.WaitGroup
	answered atomic.Int64

	mu     sync.Mutex
	failed []error
}

// ask starts four askers per client. Each id is asked for once and fails once at most.
func ask(clients ...*bus.Client) *asking {
	a := &asking{stop: make(chan struct{})}
	for i, c := range clients {
		for j := range 4 {
			a.done.Go(func() { a.loop(c, fmt.Sprintf("%d-%d", i, j)) })
		}
	}
	return a
}

func (a *asking) loop(c *bus.Client, name string) {
	for n := 0; ; n++ {
		select {
		case <-a.stop:
			return
		default:
		}
		id := fmt.Sprintf("%s-%d", name, n)
		img, err := c.Info(context.Background(), id)
		if err == nil && img.ID == id {
			a.answered.Add(1)
			continue
		}
		a.mu.Lock()
		a.failed = append(a.failed, fmt.Errorf("%s: %q, %w", id, img.ID, err))
		a.mu.Unlock()
	}
}

// more returns when as many questions again have been answered.
func (a *asking) more(t *testing.T, n int64) {
	t.Helper()
	want := a.answered.Load() + n
	eventually(t, "more answers", func() bool { return a.answered.Load() >= want })
}

func (a *asking) end(t *testing.T) {
	t.Helper()
	close(a.stop)
	a.done.Wait()
	if len(a.failed) > 0 {
		t.Errorf("%d questions failed, %d were answered; the first: %v", len(a.failed), a.answered.Load(), a.failed[0])
	}
}

func client(c *bus.Conn) *bus.Client {
	return bus.NewClient(c, bus.ClientConfig{Stall: 2 * time.Second})
}

// TestServerOfTheEdgeDies: what is under way is asked again through another server,
// and a stream ends with an error.
func TestServerOfTheEdgeDies(t *testing.T) {
	c := startCluster(t, 3)
	large := noise(20 << 20)
	began, release := make(chan struct{}, 2), make(chan struct{})
	served(t, c.dial(t, bus.RoleWorker, "worker-1", 1), worker{
		info: func(_ context.Context, id string) (tile.Image, error) {
			if id == "slow" {
				began <- struct{}{}
				<-release
			}
			return tile.Image{ID: id}, nil
		},
		render: rendering(large),
	})
	conn := c.dial(t, bus.RoleEdge, "edge-1", 0)
	edge := client(conn)
	eventually(t, "the worker is known to the other servers", func() bool {
		_, err := edge.Info(t.Context(), "x")
		return err == nil
	})
	stream, err := edge.Render(t.Context(), tile.Job{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close() //nolint:errcheck // nothing to lose
	slow := make(chan error, 1)
	go func() {
		_, err := edge.Info(context.Background(), "slow")
		slow <- err
	}()
	within(t, "the job begins", began)
	load := ask(edge)
	load.more(t, 100)

	end(c.servers[0])
	got, err := io.ReadAll(stream.Body)
	if wantCode(t, err, tile.Unavailable); len(got) >= len(large) || !bytes.Equal(got, large[:len(got)]) {
		t.Errorf("%d bytes of the stream, wrong or too many", len(got))
	}
	within(t, "the job is asked for again", began)
	close(release)
	if err := within(t, "the answer", slow); err != nil {
		t.Errorf("under way when the server died: %v", err)
	}
	load.more(t, 100)
	load.end(t)
	if s := conn.Stats(); s.Reconnects == 0 || s.SlowConsumers != 0 {
		t.Errorf("%+v", s)
	}
	again, err := edge.Render(t.Context(), tile.Job{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(again.Body); err != nil || !bytes.Equal(got, large) {
		t.Errorf("after the heal: %d bytes, %v", len(got), err)
	}
	_ = again.Body.Close()
}

// TestServerOfTheWorkerDies: answers come through another server.
func TestServerOfTheWorkerDies(t *testing.T) {
	c := startCluster(t, 3)
	large := noise(20 << 20)
	began, release := make(chan struct{}), make(chan struct{})
	conn := c.dial(t, bus.RoleWorker, "worker-1", 1)
	served(t, conn, worker{
		info: func(_ context.Context, id string) (tile.Image, error) {
			if id == "slow" {
				close(began)
				<-release
			}
			return tile.Image{ID: id}, nil
		},
		render: rendering(large),
	})
	edge := client(c.dial(t, bus.RoleEdge, "edge-1", 0))
	eventually(t, "the worker is known to the other servers", func() bool {
		_, err := edge.Info(t.Context(), "x")
		return err == nil
	})
	stream, err := edge.Render(t.Context(), tile.Job{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close() //nolint:errcheck // nothing to lose
	first := make([]byte, 1000)
	if _, err := io.ReadFull(stream.Body, first); err != nil {
		t.Fatal(err)
	}
	slow := make(chan error, 1)
	go func() {
		_, err := edge.Info(context.Background(), "slow")
		slow <- err
	}()
	within(t, "the job begins", began)

	end(c.servers[1])
	rest, err := io.ReadAll(stream.Body)
	if got := append(first, rest...); err == nil || !bytes.Equal(got, large[:len(got)]) {
		// The worker may be back within its reader's patience: then all must be there.
		if err != nil || !bytes.Equal(got, large) {
			t.Errorf("%d bytes of the stream, %v", len(got), err)
		}
	}
	close(release)
	if err := within(t, "the answer", slow); err != nil {
		t.Errorf("under way when the worker's server died: %v", err)
	}
	eventually(t, "the worker is back", func() bool {
		_, err := edge.Info(t.Context(), "y")
		return err == nil
	})
}

// TestWorkerDiesMidStream: an error, never other bytes; another worker goes on.
func TestWorkerDiesMidStream(t *testing.T) {
	c := startCluster(t, 3)
	large := noise(20 << 20)
	conn := c.dial(t, bus.RoleWorker, "worker-1", 1)
	dying := serve(t, conn, worker{info: echo, render: rendering(large)})
	edge := client(c.dial(t, bus.RoleEdge, "edge-1", 0))
	eventually(t, "the worker is known to the other servers", func() bool {
		_, err := edge.Info(t.Context(), "x")
		return err == nil
	})
	stream, err := edge.Render(t.Context(), tile.Job{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close() //nolint:errcheck // nothing to lose
	first := make([]byte, 1000)
	if _, err := io.ReadFull(stream.Body, first); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	rest, err := io.ReadAll(stream.Body)
	wantCode(t, err, tile.Unavailable)
	if got := append(first, rest...); len(got) >= len(large) || !bytes.Equal(got, large[:len(got)]) {
		t.Errorf("%d bytes of the stream, wrong or too many", len(got))
	}
	if err := dying.Drain(t.Context()); err == nil {
		t.Error("a drain without a connection went well")
	}
	eventually(t, "nobody is left, and it is said at once", func() bool {
		_, err := edge.Info(t.Context(), "x")
		return tile.CodeOf(err) == tile.Unavailable
	})
	served(t, c.dial(t, bus.RoleWorker, "worker-2", 2), worker{info: echo, render: rendering(large)})
	eventually(t, "another worker serves", func() bool {
		res, err := edge.Render(t.Context(), tile.Job{})
		if err != nil {
			return false
		}
		defer res.Body.Close() //nolint:errcheck // nothing to lose
		got, err := io.ReadAll(res.Body)
		return err == nil && bytes.Equal(got, large)
	})
}

// TestNothingStaleAfterTheHeal is R21 for a cluster that is gone as a whole: what
// failed in the meantime is never done later.
func TestNothingStaleAfterTheHeal(t *testing.T) {
	c := startCluster(t, 3)
	var failed sync.Map
	var stale atomic.Int64
	serving := serve(t, c.dial(t, bus.RoleWorker, "worker-1", 1), worker{info: func(_ context.Context, id string) (tile.Image, error) {
		if _, given := failed.Load(id); given {
			stale.Add(1)
		}
		return tile.Image{ID: id}, nil
	}})
	edge := client(c.dial(t, bus.RoleEdge, "edge-1", 0))
	for _, s := range c.servers {
		end(s)
	}
	asked := time.Now()
	for n := 0; n < 50 || time.Since(asked) < 2*time.Second; n++ {
		id := fmt.Sprint("lost-", n)
		if _, err := edge.Info(t.Context(), id); err == nil {
			t.Fatal("answered without a server")
		}
		failed.Store(id, true)
	}
	for i := range c.servers {
		c.servers[i] = startNode(t, fmt.Sprintf("%s/%s.conf", c.dir, nodeName(i)), time.Second)
	}
	eventually(t, "all are back", func() bool {
		_, err := edge.Info(t.Context(), "fresh")
		return err == nil
	})
	if n := stale.Load(); n != 0 {
		t.Errorf("%d jobs were done after their callers had been told that they failed", n)
	}
	drain(t, serving)
}

// TestLameDuckLosesNothing is R14 for the servers themselves: one is taken down the
// way its operators are told to, under load from all sides.
func TestLameDuckLosesNothing(t *testing.T) {
	c := startCluster(t, 3)
	served(t, c.dial(t, bus.RoleWorker, "worker-1", 0), worker{info: echo})
	served(t, c.dial(t, bus.RoleWorker, "worker-2", 1), worker{info: echo})
	staying, moving := client(c.dial(t, bus.RoleEdge, "edge-1", 1)), client(c.dial(t, bus.RoleEdge, "edge-2", 0))
	for _, edge := range []*bus.Client{staying, moving} {
		eventually(t, "workers are known to all servers", func() bool {
			_, err := edge.Info(t.Context(), "x")
			return err == nil
		})
	}
	load := ask(staying, moving)
	load.more(t, 100)
	gone := make(chan struct{})
	go func(s *server.Server) {
		defer close(gone)
		s.LameDuckShutdown()
	}(c.servers[0])
	within(t, "the server has ended", gone)
	load.more(t, 100)
	load.end(t)
}

// TestWorkersLeaveALameServerByThemselves: they do not wait to be cut off, which
// would lose the jobs on their way to them.
func TestWorkersLeaveALameServerByThemselves(t *testing.T) {
	c := startClusterWith(t, 3, time.Hour)
	leaving, staying := c.dial(t, bus.RoleWorker, "worker-1", 0), c.dial(t, bus.RoleWorker, "worker-2", 1)
	served(t, leaving, worker{info: echo})
	served(t, staying, worker{info: echo})
	conn := c.dial(t, bus.RoleEdge, "edge-1", 0)
	edge := client(conn)
	eventually(t, "workers are known to all servers", func() bool {
		_, err := edge.Info(t.Context(), "x")
		return err == nil
	})
	load := ask(edge)
	gone := make(chan struct{})
	lame := startLame(c.servers[0], gone)
	eventually(t, "the worker has moved", func() bool { return leaving.Stats().Reconnects > 0 })
	if n := conn.Stats().Reconnects; n != 0 {
		t.Error("the server had begun to cut connections off: nothing was shown")
	}
	load.more(t, 500)
	end(lame)
	within(t, "the server has ended", gone)
	load.more(t, 100)
	load.end(t)
	if n := staying.Stats().Reconnects; n != 0 {
		t.Errorf("a worker at another server reconnected %d times", n)
	}
}

// startLame takes s down so slowly that nobody is cut off.
func startLame(s *server.Server, gone chan<- struct{}) *server.Server {
	go func() {
		defer close(gone)
		s.LameDuckShutdown()
	}()
	return s
}

// TestRollingRestartOfWorkers is R14 over routes: a worker that drains at one server
// gets no more from another.
func TestRollingRestartOfWorkers(t *testing.T) {
	c := startCluster(t, 3)
	running := []*bus.Server{
		serve(t, c.dial(t, bus.RoleWorker, "worker-1", 0), worker{info: echo}),
		serve(t, c.dial(t, bus.RoleWorker, "worker-2", 1), worker{info: echo}),
	}
	edge := client(c.dial(t, bus.RoleEdge, "edge-1", 2))
	eventually(t, "workers are known to all servers", func() bool {
		_, err := edge.Info(t.Context(), "x")
		return err == nil
	})
	load := ask(edge)
	for round := range 6 {
		load.more(t, 100)
		drain(t, running[round%2])
		running[round%2] = serve(t, c.dial(t, bus.RoleWorker, fmt.Sprint("worker-", round%2+1), round%3), worker{info: echo})
	}
	load.more(t, 100)
	load.end(t)
	for _, s := range running {
		drain(t, s)
	}
}

// TestSlowReaderAcrossServers is R20 over a route: an edge that does not read costs
// neither itself nor anybody else a connection.
func TestSlowReaderAcrossServers(t *testing.T) {
	c := startCluster(t, 3)
	large := noise(10 << 20)
	patient := serveFor(t, c.dial(t, bus.RoleWorker, "worker-1", 1), worker{info: echo, render: rendering(large)}, patience)
	t.Cleanup(func() { drain(t, patient) })
	conn := c.dial(t, bus.RoleEdge, "edge-1", 0)
	edge := client(conn)
	eventually(t, "the worker is known to the other servers", func() bool {
		_, err := edge.Info(t.Context(), "x")
		return err == nil
	})
	var unread []tile.Result
	for range 40 {
		res, err := edge.Render(t.Context(), tile.Job{})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close() //nolint:errcheck // nothing to lose
		unread = append(unread, res)
	}
	load := ask(edge)
	load.more(t, 500)
	load.end(t)
	for i, res := range unread {
		if i%8 != 0 {
			continue // closed unread
		}
		if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, large) {
			t.Errorf("stream %d: %d bytes, %v", i, len(got), err)
		}
	}
	if s := conn.Stats(); s.SlowConsumers != 0 || s.Reconnects != 0 {
		t.Errorf("%+v", s)
	}
	for i, s := range c.servers {
		if n := s.NumSlowConsumers(); n != 0 {
			t.Errorf("server %d cut off %d slow consumers", i, n)
		}
	}
}
