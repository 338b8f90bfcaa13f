package natsconf

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/tile"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The server's process-wide clock for statistics has no end.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server/ats.init.0.func1"))
}

var quiet = slog.New(slog.DiscardHandler)

const patience = 30 * time.Second // for what must happen; never waited for when it does

// cluster is a set of real servers started from what Write makes.
type cluster struct {
	dir     string
	servers []*server.Server
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() //nolint:errcheck // held until all are known
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func loopback(t *testing.T, dir string, nodes int) Config {
	t.Helper()
	cfg := Config{Dir: dir, Now: time.Now()}
	ports := freePorts(t, 2*nodes)
	for i := range nodes {
		cfg.Nodes = append(cfg.Nodes, Node{Host: "127.0.0.1", Port: ports[2*i], ClusterPort: ports[2*i+1]})
	}
	return cfg
}

func startCluster(t *testing.T, nodes int) *cluster {
	t.Helper()
	return startClusterWith(t, nodes, 3*time.Second)
}

// startClusterWith sets how long a server in lame duck mode waits before it cuts off.
func startClusterWith(t *testing.T, nodes int, grace time.Duration) *cluster {
	t.Helper()
	c := &cluster{dir: t.TempDir()}
	if _, err := Write(loopback(t, c.dir, nodes)); err != nil {
		t.Fatal(err)
	}
	for i := range nodes {
		c.servers = append(c.servers, startNode(t, filepath.Join(c.dir, nodeName(i)+".conf"), grace))
	}
	for _, s := range c.servers {
		eventually(t, "the servers find one another", func() bool { return s.NumRemotes() == nodes-1 })
	}
	return c
}

func startNode(t *testing.T, conf string, grace time.Duration) *server.Server {
	t.Helper()
	o, err := server.ProcessConfigFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	o.NoSigs, o.NoLog = true, true
	o.LameDuckGracePeriod, o.LameDuckDuration = grace, grace+time.Second
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { end(s) })
	if !s.ReadyForConnections(patience) {
		t.Fatal("server not ready")
	}
	return s
}

func end(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func (c *cluster) seed(name string) string { return filepath.Join(c.dir, credentials, name+seedExt) }

// dial connects a process to one node; it learns of the others there.
func (c *cluster) dial(t *testing.T, role bus.Role, name string, node int) *bus.Conn {
	t.Helper()
	conn, err := bus.Dial(t.Context(), bus.DialConfig{
		URL: "tls://" + c.servers[node].Addr().String(), Name: name, Role: role,
		Creds: c.seed(name), CA: filepath.Join(c.dir, caCert), Log: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// raw connects as a user without any of our code in between.
func (c *cluster) raw(t *testing.T, name string) *nats.Conn {
	t.Helper()
	options := []nats.Option{
		nats.RootCAs(filepath.Join(c.dir, caCert)), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
		nats.Timeout(patience),
	}
	if name == storageName {
		password, err := os.ReadFile(filepath.Join(c.dir, passwordFile))
		if err != nil {
			t.Fatal(err)
		}
		options = append(options, nats.UserInfo(name, strings.TrimSpace(string(password))))
	} else {
		key, err := nats.NkeyOptionFromSeed(c.seed(name))
		if err != nil {
			t.Fatal(err)
		}
		options = append(options, key)
	}
	nc, err := nats.Connect("tls://"+c.servers[0].Addr().String(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// worker is a tile.Renderer and tile.Library made of functions.
type worker struct {
	tile.Library // not asked
	render       func(context.Context, tile.Job) (tile.Result, error)
	info         func(context.Context, string) (tile.Image, error)
}

func (w worker) Render(ctx context.Context, j tile.Job) (tile.Result, error) { return w.render(ctx, j) }

func (w worker) Info(ctx context.Context, id string) (tile.Image, error) { return w.info(ctx, id) }

func echo(_ context.Context, id string) (tile.Image, error) { return tile.Image{ID: id}, nil }

// rendering answers every render with body.
func rendering(body []byte) func(context.Context, tile.Job) (tile.Result, error) {
	return func(context.Context, tile.Job) (tile.Result, error) {
		return tile.Result{Type: "image/png", Size: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body))}, nil
	}
}

func serve(t *testing.T, c *bus.Conn, w worker) *bus.Server {
	t.Helper()
	// Short, so that a drain does not wait long for readers that are gone.
	return serveFor(t, c, w, time.Second)
}

// serveFor waits up to credit for readers of large bodies.
func serveFor(t *testing.T, c *bus.Conn, w worker, credit time.Duration) *bus.Server {
	t.Helper()
	s, err := bus.ServeWorker(c, "w", w, w, bus.ServerConfig{Credit: credit})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func served(t *testing.T, c *bus.Conn, w worker) {
	t.Helper()
	s := serve(t, c, w)
	t.Cleanup(func() { drain(t, s) })
}

func drain(t *testing.T, s *bus.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Drain(ctx); err != nil {
		t.Errorf("drain: %v", err)
	}
}

func noise(size int) []byte {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{7})
	_, _ = r.Read(b)
	return b
}

func wantCode(t *testing.T, err error, want tile.Code) {
	t.Helper()
	if got := tile.CodeOf(err); got != want {
		t.Errorf("error %v has code %q, want %q", err, got, want)
	}
}

func within[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s: not within %s", what, patience)
	}
	return v
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

// violation tells whether the server refused what nc has just sent.
func violation(t *testing.T, nc *nats.Conn, do func() error) bool {
	t.Helper()
	before := nc.LastError()
	if err := errors.Join(do(), nc.FlushTimeout(patience)); err != nil {
		t.Fatal(err)
	}
	err := nc.LastError()
	return err != before && errors.Is(err, nats.ErrPermissionViolation) //nolint:errorlint // this very error or another
}
