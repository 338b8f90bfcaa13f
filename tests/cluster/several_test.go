package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/tests/cluster/rig"
)

// several is a cluster with two coordinators on one PostgreSQL database.
func several(t *testing.T) *cluster {
	t.Helper()
	source := dbtest.NewServer(t).Source(t)
	return start(t, func(cfg *rig.Config) {
		cfg.Coordinators = 2
		cfg.Coordinator = append(cfg.Coordinator, "--db", source)
	})
}

// signInAgain signs in over and over at both edges until the test is through with it,
// and counts what failed.
func signInAgain(c *cluster) (stop func() (count int, failed []error)) {
	ctx, cancel := context.WithCancel(c.t.Context())
	var done sync.WaitGroup
	var count int
	var failed []error
	done.Go(func() {
		for ; ctx.Err() == nil; count++ {
			if a := post(c.t, c.edge(count%2), "reader@example.org"); a.StatusCode != http.StatusSeeOther {
				failed = append(failed, fmt.Errorf("%s: %s", a.Status, a.body))
			}
		}
	})
	return func() (int, []error) {
		cancel()
		done.Wait()
		return count, failed
	}
}

// R14: with a second coordinator not even signing in notices that one is restarted.
func TestRollingRestartOfCoordinators(t *testing.T) {
	c := several(t)
	session := signIn(t, c.edge(0), adminEmail)
	member(t, c.edge(0), session, "reader@example.org")
	l := run(c, session)
	stop := signInAgain(c)
	for _, name := range []string{"coordinator-1", "coordinator-2", "coordinator-1"} {
		l.pass(60)
		c.restart(name)
	}
	l.pass(60)
	count, failed := stop()
	l.mustBeClean(t)
	if len(failed) > 0 {
		t.Error(errors.Join(failed...))
	}
	t.Logf("%d sign-ins, %d failed", count, len(failed))
}

// A coordinator that is killed is replaced by the other: for sessions nobody knew, for
// signing in, and for revocations.
func TestKilledCoordinator(t *testing.T) {
	c := several(t)
	admin := signIn(t, c.edge(0), adminEmail)
	member(t, c.edge(0), admin, "reader@example.org")
	session := signIn(t, c.edge(0), "reader@example.org")
	c.Process("coordinator-1").Kill()
	for i := range 4 {
		if a := get(t, c.edge(1)+tileOf("members", 64*i, 0), "Cookie", session); a.StatusCode != http.StatusOK {
			t.Errorf("a session nobody knew: %s %s", a.Status, a.body)
		}
		c.eventually("signing in goes on", func() bool { return post(t, c.edge(i%2), "reader@example.org").StatusCode == http.StatusSeeOther })
	}
	if a := api(t, c.edge(0), admin, http.MethodDelete, "/sessions/"+sessionOf(t, c, admin, "reader@example.org"), ""); a.StatusCode >= 300 {
		t.Errorf("ending a session: %s %s", a.Status, a.body)
	}
}
