package cluster

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/tests/cluster/rig"
)

// reader is a cluster with somebody signed in whom both edges know.
func reader(t *testing.T) (c *cluster, session string) {
	t.Helper()
	c = start(t)
	session = signIn(t, c.edge(0), adminEmail)
	for i := range c.Edges() {
		if a := get(t, c.edge(i)+tileOf("members", 0, 0), "Cookie", session); a.StatusCode != 200 {
			t.Fatalf("%s %s", a.Status, a.body)
		}
	}
	return c, session
}

// R14: every process is restarted in turn and nobody notices. While the one coordinator
// is away, sessions that are known go on.
func TestRollingRestart(t *testing.T) {
	c, session := reader(t)
	l := run(c, session)
	for _, name := range []string{"worker-1", "worker-2", "edge-1", "edge-2", "coordinator-1", "worker-1"} {
		l.pass(60)
		c.restart(name)
	}
	l.pass(60)
	l.mustBeClean(t)
}

// R12: a worker that is killed is missed by nobody: what it was at is asked of another.
func TestKilledWorker(t *testing.T) {
	c, session := reader(t)
	l := run(c, session)
	for _, name := range []string{"worker-1", "worker-2", "worker-1"} {
		l.pass(60)
		c.Process(name).Kill()
		l.pass(60)
		c.startAgain(name)
	}
	l.mustBeClean(t)
}

// A NATS server that is killed takes nobody along: its clients go to another.
func TestKilledNATS(t *testing.T) {
	c, session := reader(t)
	l := run(c, session)
	for _, name := range []string{"nats-1", "nats-2", "nats-3"} {
		l.pass(60)
		c.Process(name).Kill()
		for _, p := range c.Processes() {
			if p.Ops == "" {
				continue
			}
			if err := p.Await(c.wait()); err != nil {
				t.Fatal(err)
			}
		}
		l.pass(60)
		c.startAgain(name)
	}
	l.mustBeClean(t)
}

// R13: without workers the answer is quick and clear; what is in memory is still shown.
func TestNoWorkers(t *testing.T) {
	c := start(t)
	warm, cold := c.edge(0)+tileOf("open", 0, 0), c.edge(0)+tileOf("open", 7, 7)
	if a := get(t, warm); a.StatusCode != 200 {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	for _, name := range []string{"worker-1", "worker-2"} {
		if err := c.Process(name).Stop(patience); err != nil {
			t.Fatal(err)
		}
	}
	took := quickest(t, 10, func() {
		if a := get(t, cold); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s %v %s", a.Status, a.Header, a.body)
		}
	})
	if took > 50*time.Millisecond {
		t.Errorf("503 took %s", took)
	}
	if a := get(t, warm); a.StatusCode != 200 || a.Header.Get("X-Tessera-Cache") != "edge" {
		t.Errorf("what is in memory: %s %s", a.Status, a.body)
	}
	if err := c.Process("edge-1").AwaitNotReady(c.wait()); err != nil {
		t.Error(err)
	}
	c.startAgain("worker-2")
	if err := c.Process("edge-1").Await(c.wait()); err != nil {
		t.Error(err)
	}
	a := get(t, cold)
	if a.StatusCode != 200 || a.Header.Get("X-Tessera-Worker") != "worker-2" {
		t.Errorf("after one is back: %s, worker %q", a.Status, a.Header.Get("X-Tessera-Worker"))
	}
}

// An edge that is first says that it is not ready, and why, and waits for the others.
func TestEdgeBeforeAllOthers(t *testing.T) {
	c := prepare(t)
	edge := c.Process("edge-1")
	for _, name := range []string{"nats-1", "nats-2", "nats-3", "edge-1"} {
		if err := c.Process(name).Start(); err != nil {
			t.Fatal(err)
		}
	}
	var a answer
	c.eventually("the edge says what it lacks", func() bool {
		if edge.Ready(t.Context()) {
			t.Fatal("an edge alone says that it is ready")
		}
		resp, err := patient.Get(edge.Ops + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return true
	})
	a = get(t, edge.Ops+"/readyz")
	contains(t, "readiness", a.body, "worker: no worker answers", "rights: no coordinator")
	if a := get(t, edge.URL+tileOf("open", 0, 0)); a.StatusCode != 503 {
		t.Errorf("a tile: %s %s", a.Status, a.body)
	}
	for _, name := range []string{"coordinator-1", "worker-1"} {
		if err := c.Process(name).Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := edge.Await(c.wait()); err != nil {
		t.Fatal(err)
	}
	if a := get(t, edge.URL+tileOf("open", 0, 0)); a.StatusCode != 200 {
		t.Errorf("a tile: %s %s", a.Status, a.body)
	}
}

// The first SIGTERM leaves time to notice, the second ends at once.
func TestSecondSignal(t *testing.T) {
	c := start(t, func(cfg *rig.Config) { cfg.Edge = append(cfg.Edge, "--drain-delay", "10m") })
	edge := c.Process("edge-1")
	if err := edge.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.eventually("it is not ready", func() bool { return !edge.Ready(t.Context()) })
	a := get(t, edge.Ops+"/readyz")
	contains(t, "readiness", a.body, "draining")
	if a := get(t, edge.URL+tileOf("open", 0, 0)); a.StatusCode != 200 || !a.Close {
		t.Errorf("a request that came nevertheless: %s, connection closed: %t", a.Status, a.Close)
	}
	ended := edge.Ended()
	if err := edge.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	c.startAgain("edge-1") // and the cleanup of one that is stopped twice is tested at the end
	for _, e := range c.Edges() {
		e.Kill()
	}
}

// A process that is given what it must not have does not start, and says why.
func TestMisplacedSettings(t *testing.T) {
	for _, row := range []struct {
		args []string
		env  string
		want string
	}{
		{[]string{"edge", "--images", "x"}, "", "--images (from flag) is not for an edge"},
		{[]string{"edge"}, "TESSERA_ADMIN_PASSWORD=c4n4ry", "TESSERA_ADMIN_PASSWORD (from environment) is not for an edge"},
		{[]string{"worker", "--public-url", "https://iiif.example.org"}, "", "--public-url (from flag) is not for a worker"},
		{[]string{"coordinator", "--images", "x"}, "", "--images (from flag) is not for a coordinator"},
		{[]string{"serve", "--images", "x", "--nats", "tls://x"}, "", "--nats (from flag) is not for tessera serve"},
		{[]string{"config", "check", "--role", "edge"}, "TESSERA_DATA=x", "TESSERA_DATA"},
	} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(binDir, "tessera"), row.args...)
		cmd.Env = append(cmd.Environ(), row.env)
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 2 || !strings.Contains(string(out), row.want) || strings.Contains(string(out), "c4n4ry") {
			t.Errorf("%v: %v, status %d: %s", row.args, err, code, out)
		}
	}
}
