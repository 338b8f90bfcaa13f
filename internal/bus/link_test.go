package bus

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// keys are the users of a server on loopback, by role.
type keys map[Role]nkeys.KeyPair

func makeKeys(t *testing.T) keys {
	t.Helper()
	k := keys{}
	for _, role := range Roles() {
		pair, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		k[role] = pair
	}
	return k
}

func (k keys) file(t *testing.T, role Role) string {
	t.Helper()
	seed, err := k[role].Seed()
	if err != nil {
		t.Fatal(err)
	}
	return write(t, string(seed))
}

func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// listening starts a server without TLS; port 0 is any. close ends it early.
func listening(t *testing.T, k keys, port int) (url string, close func()) {
	t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true}
	if port == 0 {
		o.Port = server.RANDOM_PORT
	}
	for role, pair := range k {
		user, err := pair.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		o.Nkeys = append(o.Nkeys, &server.NkeyUser{Nkey: user, Permissions: role.Rights(user, DefaultEvents).permissions()})
	}
	s := started(t, o)
	return s.ClientURL(), func() { stop(s) }
}

// started is a server that runs until the test ends.
func started(t testing.TB, o *server.Options) *server.Server {
	t.Helper()
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { stop(s) })
	if !s.ReadyForConnections(patience) {
		t.Fatal("server not ready")
	}
	return s
}

func dial(t *testing.T, k keys, url string, role Role) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), DialConfig{URL: url, Name: string(role), Role: role, Creds: k.file(t, role), Log: quiet})
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
	k := makeKeys(t)
	url, closeFirst := listening(t, k, 0)
	conn := dial(t, k, url, RoleEdge)
	client := NewClient(conn, ClientConfig{})
	started, release := make(chan struct{}), make(chan struct{})
	large := noise(50 * chunkSize)
	var stale atomic.Int64
	answering := dial(t, k, url, RoleWorker)
	w := worker{
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
	}
	served, err := ServeWorker(answering, "w1", w, w, ServerConfig{Credit: time.Second})
	if err != nil {
		t.Fatal(err)
	}

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

	closeFirst()
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

	_, port, err := net.SplitHostPort(url[len("nats://"):])
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	listening(t, k, number)
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
	eventually(t, "both know that they are back", func() bool {
		return conn.Check(t.Context()) == nil && answering.Check(t.Context()) == nil
	})
	close(release)
	if err := served.Drain(t.Context()); err != nil { // while there is a server
		t.Error(err)
	}
}

func TestCloseEndsWhatWaits(t *testing.T) {
	e := startServer(t)
	conn := join(t, e, RoleEdge, "edge")
	started := make(chan struct{})
	serve(t, join(t, e, RoleWorker, "worker"), worker{info: func(ctx context.Context, _ string) (tile.Image, error) {
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
	if _, err := startServer(t).Connect(RoleEdge, "edge.1"); err == nil {
		t.Error("a name that is two tokens of a subject was accepted")
	}
	k := makeKeys(t)
	url, _ := listening(t, k, 0)
	creds := k.file(t, RoleEdge)
	for name, c := range map[string]struct {
		cfg  DialConfig
		want string
	}{
		"no role":               {DialConfig{URL: url, Creds: creds}, "edge, worker or coordinator"},
		"storage is not ours":   {DialConfig{URL: url, Role: RoleStorage, Creds: creds}, "edge, worker or coordinator"},
		"plain text":            {DialConfig{URL: "nats://nats.example.org:4222", Role: RoleEdge, Creds: creds}, "tls://nats.example.org:4222"},
		"plain text by default": {DialConfig{URL: url + ",10.0.0.1:4222", Role: RoleEdge, Creds: creds}, "--nats-tls-ca"},
		"another protocol":      {DialConfig{URL: "http://127.0.0.1", Role: RoleEdge, Creds: creds}, "tls://HOST:4222"},
		"no address":            {DialConfig{Role: RoleEdge, Creds: creds}, "--nats"},
		"password in the URL":   {DialConfig{URL: "nats://u:hunter2@127.0.0.1", Role: RoleEdge, Creds: creds}, "--nats-creds"},
		"no credentials":        {DialConfig{URL: url, Role: RoleEdge}, "--nats-creds"},
		"no such file":          {DialConfig{URL: url, Role: RoleEdge, Creds: creds + "x"}, "no such file"},
		"no seed":               {DialConfig{URL: url, Role: RoleEdge, Creds: write(t, "hello")}, "no nkey seed"},
		"an account's seed":     {DialConfig{URL: url, Role: RoleEdge, Creds: accountSeed(t)}, "not a user's"},
		"unknown user":          {DialConfig{URL: url, Role: RoleEdge, Creds: makeKeys(t).file(t, RoleEdge)}, "--nats-creds"},
		"another role's":        {DialConfig{URL: url, Role: RoleEdge, Creds: k.file(t, RoleWorker)}, "role edge"},
		"no TLS there":          {DialConfig{URL: "tls" + url[len("nats"):], Role: RoleEdge, Creds: creds}, "secure"},
		"no such certificates":  {DialConfig{URL: url, Role: RoleEdge, Creds: creds, CA: creds + "x"}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.Name, c.cfg.Log = "edge", quiet
			conn, err := Dial(t.Context(), c.cfg)
			if err == nil {
				conn.Close()
				t.Fatal("connected")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q does not mention %q", err, c.want)
			}
		})
	}
	if _, err := respond(dial(t, k, url, RoleEdge), jobs, nil, ServerConfig{}.bounds()); err == nil || !strings.Contains(err.Error(), "--nats-creds") {
		t.Errorf("an edge answers jobs: %v", err)
	}
}

func accountSeed(t *testing.T) string {
	t.Helper()
	pair, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return write(t, string(seed))
}

func TestDialWaitsForTheServer(t *testing.T) {
	k := makeKeys(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().(*net.TCPAddr)
	_ = free.Close()
	cfg := DialConfig{URL: "nats://" + addr.String(), Name: "edge", Role: RoleEdge, Creds: k.file(t, RoleEdge)}

	heard := make(chan struct{}, 1) // a first attempt has failed
	cfg.Log = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		select {
		case heard <- struct{}{}:
		default:
		}
		return len(p), nil
	}), nil))
	connected := make(chan error, 1)
	go func() {
		c, err := Dial(t.Context(), cfg)
		if err == nil {
			c.Close()
		}
		connected <- err
	}()
	within(t, "an attempt fails", heard)
	listening(t, k, addr.Port)
	if err := <-connected; err != nil {
		t.Error(err)
	}

	cfg.URL, cfg.Log = "nats://127.0.0.1:1", quiet
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(ctx, cfg); err == nil {
		t.Error("connected to nobody")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestInboxesArePrivate: no connection may be able to name another's inbox (R22).
func TestInboxesArePrivate(t *testing.T) {
	e := startServer(t)
	a, b := join(t, e, RoleEdge, "edge"), join(t, e, RoleEdge, "edge")
	if a.user == b.user {
		t.Errorf("both are %q", a.user)
	}
	seen := map[string]bool{}
	for _, c := range []*Conn{a, b} {
		for inbox, of := range map[string]service{
			c.tiles.nc.Opts.InboxPrefix: jobs, c.bulk.nc.Opts.InboxPrefix: jobs, c.streams[jobs].base: jobs,
			c.people.nc.Opts.InboxPrefix: authority, c.streams[authority].base: authority,
		} {
			if seen[inbox] || jobs.isInbox(inbox+".x") != (of == jobs) || authority.isInbox(inbox+".x") != (of == authority) {
				t.Errorf("inbox %q of %s", inbox, of)
			}
			seen[inbox] = true
		}
	}
	if len(seen) != 10 {
		t.Errorf("%d inboxes, want 10", len(seen))
	}
}

// TestAnswersOutliveAReconnect: what is sent while the connection changes servers
// comes through over the next.
func TestAnswersOutliveAReconnect(t *testing.T) {
	k := makeKeys(t)
	url, _ := listening(t, k, 0)
	edge, answering := dial(t, k, url, RoleEdge), dial(t, k, url, RoleWorker)
	inbox := edge.tiles.nc.NewInbox()
	heard, err := edge.tiles.nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	if err := edge.tiles.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := answering.tiles.nc.ForceReconnect(); err != nil {
			t.Fatal(err)
		}
		m := nats.NewMsg(inbox)
		m.Data = []byte(strconv.Itoa(i))
		if err := answering.tiles.send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got, err := heard.NextMsg(patience)
		if err != nil || string(got.Data) != strconv.Itoa(i) {
			t.Fatalf("answer %d: %v, %v", i, got, err)
		}
	}
}
