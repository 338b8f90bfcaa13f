package natsconf

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
)

var everybody = []string{"edge-1", "edge-2", "worker-1", "worker-2", "coordinator-1", "storage"}

var (
	edges   = []string{"edge-1", "edge-2"}
	workers = []string{"worker-1", "worker-2"}
	coord   = []string{"coordinator-1"}
	store   = []string{"storage"}
)

// key is the public key of a process, the user in its subjects.
func (c *cluster) key(t *testing.T, name string) string {
	t.Helper()
	seed, err := os.ReadFile(c.seed(name))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := nkeys.ParseDecoratedNKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestPermissions is R22: every user, subject and verb on a server started from the
// generated files. The table is written by hand, not taken from the code.
func TestPermissions(t *testing.T) {
	c := startCluster(t, 1)
	edge1, edge2 := c.key(t, "edge-1"), c.key(t, "edge-2")
	worker1, coordinator1 := c.key(t, "worker-1"), c.key(t, "coordinator-1")
	cases := []struct {
		verb, subject, queue string
		may                  []string
	}{
		{"pub", "tessera.job.render", "", edges},
		{"pub", "tessera.job.list", "", append([]string{"coordinator-1"}, edges...)},
		{"pub", "tessera.job.info", "", edges},
		{"pub", "tessera.job.render.w1", "", nil},
		{"pub", "tessera.authority.lookup", "", edges},
		{"pub", "tessera.cancel.job", "", append([]string{"coordinator-1"}, edges...)},
		{"pub", "tessera.cancel.authority", "", edges},
		{"pub", "tessera.flow." + worker1 + ".r.s", "", edges},
		{"pub", "tessera.inbox.edge." + edge1 + ".job.x", "", workers},
		{"pub", "tessera.inbox.edge." + edge2 + ".job.x.y", "", workers},
		{"pub", "tessera.inbox.edge." + edge1 + ".authority.x", "", coord},
		{"pub", "tessera.inbox.edge." + edge2 + ".authority.x.y", "", coord},
		{"pub", "tessera.inbox.edge." + edge1 + ".authority.job.x", "", coord},
		{"pub", "tessera.inbox.edge." + edge1 + ".job", "", nil},
		{"pub", "tessera.inbox.edge." + edge1 + ".authority", "", nil},
		{"pub", "tessera.inbox.edge." + edge1 + ".x", "", nil},
		{"pub", "tessera.inbox.edge." + edge1 + ".x.y", "", nil},
		{"pub", "tessera.inbox.coordinator." + coordinator1 + ".x", "", nil},
		{"pub", "tessera.inbox.coordinator." + coordinator1 + ".job.x", "", workers},
		{"pub", "tessera.inbox.coordinator." + coordinator1 + ".job", "", nil},
		{"pub", "tessera.inbox.coordinator." + coordinator1 + ".authority.x", "", nil},
		{"pub", "tessera.state.edge." + edge1, "", []string{"edge-1"}},
		{"pub", "tessera.state.edge." + edge2, "", []string{"edge-2"}},
		{"pub", "tessera.state.worker." + worker1, "", []string{"worker-1"}},
		{"pub", "tessera.state.worker." + edge1, "", nil},
		{"pub", "tessera.state.coordinator." + coordinator1, "", coord},
		{"pub", "tessera.state.edge", "", nil},
		{"pub", "tessera.turn." + worker1, "", []string{"worker-1"}},
		{"pub", "tessera.turn." + worker1 + ".x", "", nil},
		{"pub", "tessera.turn." + edge1, "", nil},
		{"pub", "tessera.turn." + coordinator1, "", nil},
		{"pub", "tessera.turn", "", nil},
		{"pub", "tessera.purge", "", coord},
		{"pub", "tessera.purge.x", "", nil},
		{"pub", "tessera.inbox.worker." + worker1 + ".x", "", nil},
		{"pub", "tessera.inbox.edge", "", nil},
		{"pub", "tessera.revision", "", coord},
		{"pub", "tessera.revision.x", "", nil},
		{"pub", "tessera.sighting", "", edges},
		{"pub", "tessera.sighting.x", "", nil},
		{"pub", "tessera", "", nil},
		{"pub", "minio.events", "", store},
		{"pub", "minio.events.x", "", nil},
		{"pub", "$KV.policy.x", "", coord},
		{"pub", "$JS.API.INFO", "", coord},
		{"pub", "$JS.API.STREAM.CREATE.x", "", coord},
		{"pub", "$JS.API.STREAM.DELETE.KV_policy", "", coord},
		{"pub", "$JS.ACK.x", "", nil},
		{"pub", "$SYS.REQ.SERVER.PING", "", nil},
		{"pub", "_INBOX.x", "", nil},
		{"pub", "elsewhere", "", nil},

		{"sub", ">", "", nil},
		{"sub", "*.>", "", nil},
		{"sub", ">", "tessera", nil},
		{"sub", "tessera.>", "", nil},
		{"sub", "tessera.job.>", "", nil},
		{"sub", "tessera.job.*", "", nil},
		{"sub", "tessera.job.render", "", nil},
		{"sub", "tessera.job.*", "tessera", workers},
		{"sub", "tessera.job.render", "tessera", workers},
		{"sub", "tessera.job.*", "spies", nil},
		{"sub", "tessera.job.>", "tessera", workers},
		{"sub", "tessera.job.render.w1", "tessera", nil},
		{"sub", "tessera.authority.*", "", nil},
		{"sub", "tessera.authority.*", "tessera", coord},
		{"sub", "tessera.authority.*", "spies", nil},
		{"sub", "tessera.sighting", "", nil},
		{"sub", "tessera.sighting", "tessera", coord},
		{"sub", "tessera.sighting", "spies", nil},
		{"sub", "tessera.cancel.job", "", workers},
		{"sub", "tessera.cancel.authority", "", coord},
		{"sub", "tessera.cancel.*", "", nil},
		{"sub", "tessera.flow." + worker1 + ".r.*", "", []string{"worker-1"}},
		{"sub", "tessera.flow." + coordinator1 + ".r.*", "", coord},
		{"sub", "tessera.flow.*.*.*", "", nil},
		{"sub", "tessera.flow.>", "", nil},
		{"sub", "tessera.inbox.edge." + edge1 + ".>", "", []string{"edge-1"}},
		{"sub", "tessera.inbox.edge." + edge1 + ".x.*", "", []string{"edge-1"}},
		{"sub", "tessera.inbox.edge." + edge2 + ".>", "", []string{"edge-2"}},
		{"sub", "tessera.inbox.edge.*.>", "", nil},
		{"sub", "tessera.inbox.edge.>", "", nil},
		{"sub", "tessera.inbox.>", "", nil},
		{"sub", "tessera.inbox.coordinator." + coordinator1 + ".>", "", coord},
		{"sub", "tessera.inbox.coordinator.>", "", nil},
		{"sub", "tessera.revision", "", edges},
		{"sub", "tessera.state.*.*", "", coord},
		{"sub", "tessera.state.edge." + edge1, "", coord},
		{"sub", "tessera.state.>", "", nil},
		{"sub", "tessera.turn.*", "", workers},
		{"sub", "tessera.turn." + worker1, "", workers},
		{"sub", "tessera.turn", "", nil},
		{"sub", "tessera.purge", "", append(append([]string{}, edges...), workers...)},
		{"sub", "minio.events", "", workers},
		{"sub", "minio.>", "", nil},
		{"sub", "$KV.>", "", nil},
		{"sub", "$JS.API.>", "", nil},
		{"sub", "$JS.EVENT.>", "", nil},
		{"sub", "$SYS.>", "", nil},
		{"sub", "_INBOX.>", "", nil},
	}
	for _, name := range everybody {
		nc := c.raw(t, name)
		for _, k := range cases {
			refused := violation(t, nc, func() error {
				switch {
				case k.verb == "pub":
					return nc.Publish(k.subject, nil)
				case k.queue != "":
					_, err := nc.QueueSubscribeSync(k.subject, k.queue)
					return err
				}
				_, err := nc.SubscribeSync(k.subject)
				return err
			})
			if may := slices.Contains(k.may, name); may == refused {
				t.Errorf("%s %s %s %q: refused %v, want %v", name, k.verb, k.subject, k.queue, refused, !may)
			}
		}
	}
}

// TestReplySubjectsOpenNothing: whatever an edge names as the reply subject, nobody
// writes there who might not have anyway, not even a worker that answers blindly.
func TestReplySubjectsOpenNothing(t *testing.T) {
	c := startCluster(t, 1)
	edge, victim := c.raw(t, "edge-1"), c.raw(t, "edge-2")
	heard, err := victim.SubscribeSync("tessera.revision")
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Flush(); err != nil {
		t.Fatal(err)
	}
	tricks := []string{
		"tessera.revision", "$KV.policy.x", "$JS.API.STREAM.DELETE.KV_policy", "minio.events", "tessera.job.render",
		"tessera.flow." + c.key(t, "worker-2") + ".r.s", "tessera.inbox.coordinator." + c.key(t, "coordinator-1") + ".x", "_INBOX.x",
	}
	for _, trick := range tricks {
		// Nobody serves yet: the server's own answer goes to the asker alone.
		if err := edge.PublishRequest("tessera.job.render", trick, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := edge.Flush(); err != nil {
		t.Fatal(err)
	}

	for subject, name := range map[string]string{"tessera.job.*": "worker-1", "tessera.authority.*": "coordinator-1"} {
		blind := c.raw(t, name)
		jobs, err := blind.QueueSubscribeSync(subject, "tessera")
		if err != nil {
			t.Fatal(err)
		}
		if err := blind.Flush(); err != nil {
			t.Fatal(err)
		}
		for _, trick := range tricks {
			if name == "coordinator-1" && slices.Contains([]string{"tessera.revision", "$KV.policy.x", "$JS.API.STREAM.DELETE.KV_policy"}, trick) {
				continue // its own to write: what keeps it from that is in its code, below
			}
			if err := edge.PublishRequest(subject[:len(subject)-1]+"x", trick, nil); err != nil {
				t.Fatal(err)
			}
			m, err := jobs.NextMsg(patience)
			if err != nil {
				t.Fatal(err)
			}
			if !violation(t, blind, func() error { return m.Respond([]byte("99")) }) {
				t.Errorf("%s was made to write to %s", name, trick)
			}
		}
		blind.Close()
	}

	// With our code answering, the coordinator's own subjects are closed too.
	served(t, c.dial(t, bus.RoleWorker, "worker-1", 0), worker{info: echo})
	authority, err := bus.ServeAuthority(c.dial(t, bus.RoleCoordinator, "coordinator-1", 0), people{revision: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer authority.Close()
	for _, subject := range []string{"tessera.job.info", "tessera.authority.rights"} {
		for _, trick := range tricks {
			if err := edge.PublishRequest(subject, trick, []byte("{}")); err != nil {
				t.Fatal(err)
			}
		}
	}
	client := c.dial(t, bus.RoleEdge, "edge-1", 0)
	if _, err := bus.NewClient(client, bus.ClientConfig{}).Info(t.Context(), "after the tricks"); err != nil {
		t.Error(err)
	}
	if _, err := bus.NewAuthority(client).Rights(t.Context(), 0); err != nil {
		t.Error(err)
	}
	authority.Announce(6)
	for {
		m, err := heard.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		if s := string(m.Data); s == "6" {
			break
		} else if s != "5" {
			t.Errorf("a revision was announced by a trick: %q", s)
		}
	}
}

// people is an authority that knows one credential.
type people struct{ revision int64 }

func (p people) Lookup(_ context.Context, k session.Kind, h session.Hash) (session.Credential, error) {
	if h != session.HashOf("secret") {
		return session.Credential{}, session.ErrUnknown
	}
	return session.Credential{Kind: k, Session: "s"}, nil
}

func (p people) Identity(context.Context, string, string) (session.Credential, error) {
	return session.Credential{}, session.ErrUnknown
}

func (p people) Rights(context.Context, int64) (session.Rights, error) {
	return session.Rights{Revision: p.revision, Complete: true}, nil
}

// TestEachRoleCanDoItsWork: the same table lets through what the roles need.
func TestEachRoleCanDoItsWork(t *testing.T) {
	c := startCluster(t, 1)
	large := noise(5 << 20)
	started, left := make(chan struct{}), make(chan struct{})
	workerConn := c.dial(t, bus.RoleWorker, "worker-1", 0)
	served(t, workerConn, worker{
		info: func(ctx context.Context, id string) (tile.Image, error) {
			if id != "endless" {
				return tile.Image{ID: id}, nil
			}
			close(started)
			<-ctx.Done()
			close(left)
			return tile.Image{}, ctx.Err()
		},
		render: func(ctx context.Context, j tile.Job) (tile.Result, error) {
			if j.ID == "large" {
				return rendering(large)(ctx, j)
			}
			return rendering(large[:30_000])(ctx, j)
		},
	})
	authority, err := bus.ServeAuthority(c.dial(t, bus.RoleCoordinator, "coordinator-1", 0), people{revision: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer authority.Close()
	edge := c.dial(t, bus.RoleEdge, "edge-1", 0)
	client, asks := bus.NewClient(edge, bus.ClientConfig{}), bus.NewAuthority(edge)

	for id, want := range map[string][]byte{"tile": large[:30_000], "large": large} {
		res, err := client.Render(t.Context(), tile.Job{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", id, len(got), err)
		}
		_ = res.Body.Close()
	}
	ctx, leave := context.WithCancel(t.Context())
	go func() { _, _ = client.Info(ctx, "endless") }()
	within(t, "the job begins", started)
	leave()
	within(t, "the cancel is heard", left)
	if cred, err := asks.Lookup(t.Context(), session.KindSession, session.HashOf("secret")); err != nil || cred.Session != "s" {
		t.Errorf("lookup: %+v, %v", cred, err)
	}
	if r, err := asks.Rights(t.Context(), 0); err != nil || r.Revision != 7 {
		t.Errorf("rights: %+v, %v", r, err)
	}
	authority.Announce(8)
	eventually(t, "revision 8", func() bool {
		select {
		case got := <-asks.Revisions():
			return got == 8
		default:
			return false
		}
	})
	turns, err := bus.JoinTurns(workerConn, bus.TurnsConfig{Settle: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer turns.Close()
	if end, _ := turns.Claim(t.Context(), "an image"); end == nil {
		t.Error("nobody's turn is another's")
	} else {
		defer end("done")
	}
	late, err := bus.JoinTurns(c.dial(t, bus.RoleWorker, "worker-2", 0), bus.TurnsConfig{Settle: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if end, _ := late.Claim(t.Context(), "an image"); end != nil {
		t.Error("another worker's turn was taken")
	}
	events := make(chan string, 1)
	stop, err := bus.Listen(workerConn, bus.DefaultEvents, func(data []byte) { events <- string(data) })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if err := c.raw(t, "storage").Publish("minio.events", []byte("new object")); err != nil {
		t.Fatal(err)
	}
	if got := within(t, "an object event", events); got != "new object" {
		t.Errorf("event %q", got)
	}
	if _, err := bus.Listen(edge, bus.DefaultEvents, func([]byte) {}); err == nil {
		t.Error("an edge listens to an object store's events")
	}
	for name, conn := range map[string]*bus.Conn{"edge": edge, "worker": workerConn} {
		if s := conn.Stats(); s.SlowConsumers != 0 || s.In == 0 || s.Out == 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestNobodyWithoutCredentialsOrTLS(t *testing.T) {
	c := startCluster(t, 1)
	addr := c.servers[0].Addr().String()
	ca := nats.RootCAs(filepath.Join(c.dir, caCert))
	for name, options := range map[string][]nats.Option{
		"nobody":                 {ca},
		"a made-up user":         {ca, nats.UserInfo("edge-1", "x")},
		"a wrong password":       {ca, nats.UserInfo("storage", "x")},
		"a server not vouched":   {nats.Secure(), nats.UserInfo("storage", "x")},
		"a key nobody was given": {ca, newKey(t)},
	} {
		nc, err := nats.Connect("nats://"+addr, options...)
		if err == nil {
			nc.Close()
			t.Errorf("%s was let in", name)
		}
	}
	_, err := bus.Dial(t.Context(), bus.DialConfig{URL: "tls://" + addr, Name: "e", Role: bus.RoleEdge, Creds: c.seed("edge-1"), Log: quiet})
	if err == nil || !strings.Contains(err.Error(), "--nats-tls-ca") {
		t.Errorf("a server nobody vouches for: %v", err)
	}
	plain, err := nats.Connect("nats://"+addr, nats.Timeout(time.Second), nats.UserInfo("storage", "x"))
	if err == nil {
		plain.Close()
		t.Error("plain text was let in")
	}
}

func newKey(t *testing.T) nats.Option {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return nats.Nkey(key, pair.Sign)
}
