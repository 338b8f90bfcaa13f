package people_test

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/internal/session"
)

func (h *house) verdict(t *testing.T) people.Verdict {
	t.Helper()
	v, err := h.VerifyAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// busy leaves entries of several kinds.
func (h *house) busy(t *testing.T) people.User {
	t.Helper()
	u := h.reader(t)
	h.signIn(t)
	for i := range 5 {
		name := fmt.Sprint("name ", i)
		if _, err := h.UpdateUser(t.Context(), people.Actor{UserID: u.ID}, u.ID, people.UserChange{Name: &name}, people.AnyVersion); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// R64: one row altered by whoever may write to the database is named.
func TestAlteredRowIsNamed(t *testing.T) {
	for name, test := range map[string]struct {
		statement string
		names     int64
	}{
		"actor":    {`UPDATE audit SET actor = 'somebody else' WHERE seq = 4`, 4},
		"details":  {`UPDATE audit SET details = '{}' WHERE seq = 4`, 4},
		"no JSON":  {`UPDATE audit SET details = 'nothing' WHERE seq = 4`, 4},
		"no hash":  {`UPDATE audit SET hash = 'nothing' WHERE seq = 4`, 4},
		"instant":  {`UPDATE audit SET at = at + 1 WHERE seq = 4`, 4},
		"row gone": {`DELETE FROM audit WHERE seq = 4`, 4},
		"end gone": {`DELETE FROM audit WHERE seq > 5`, 6},
		"all gone": {`DELETE FROM audit`, 1},
		"first":    {`DELETE FROM audit WHERE seq < 3`, 2},
	} {
		t.Run(name, func(t *testing.T) {
			source := dbtest.Source(t)
			h := houseOn(t, source)
			h.busy(t)
			if v := h.verdict(t); v.Broken != nil || v.Entries != 7 {
				t.Fatalf("before: %+v", v)
			}
			dbtest.Exec(t, source, test.statement)
			if v := h.verdict(t); v.Broken == nil || v.Broken.Seq != test.names {
				t.Errorf("R64: %+v, want entry %d", v.Broken, test.names)
			}
		})
	}
}

// R64: coordinators that write at the same time write one chain.
func TestOneChainOfSeveral(t *testing.T) {
	source := dbtest.Source(t)
	houses := []*house{houseOn(t, source), houseOn(t, source)}
	const each, many = 10, 4
	var all sync.WaitGroup
	for i, h := range houses {
		for j := range many {
			all.Go(func() {
				for k := range each {
					address := fmt.Sprintf("u%d-%d-%d@example.org", i, j, k)
					if _, err := h.CreateUser(t.Context(), people.Actor{}, people.UserChange{Email: &address}); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	if v := houses[0].verdict(t); v.Broken != nil || v.Entries != 2*many*each {
		t.Errorf("R64: %+v", v)
	}
}

// R64: what did not happen is not on record, and what is not on record did not happen.
func TestRecordAndChangeAreOne(t *testing.T) {
	h := newHouse(t)
	u := h.busy(t)
	before := h.verdict(t).Entries
	taken, no := email, false
	if _, err := h.CreateUser(t.Context(), people.Actor{}, people.UserChange{Email: &taken}); err == nil {
		t.Fatal("an address was taken twice")
	}
	if _, err := h.UpdateUser(t.Context(), people.Actor{}, u.ID, people.UserChange{Active: &no}, "another version"); err == nil {
		t.Fatal("somebody else's change was overwritten")
	}
	if err := h.EndSession(t.Context(), people.Actor{}, "none"); err == nil {
		t.Fatal("a session that is not there was ended")
	}
	if v := h.verdict(t); v.Entries != before {
		t.Errorf("R64: %d entries of changes that never were", v.Entries-before)
	}
}

// auditChild is the database that this test binary, started by another, writes to until
// it is killed.
const auditChild = "TESSERA_TEST_AUDIT_CHILD"

// auditing writes until it is killed, and says what was acknowledged.
func auditing(source string) error {
	d, err := db.Open(context.Background(), source)
	if err != nil {
		return err
	}
	h := &house{db: d, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	h.Service = people.New(h.config(password.Config{MemoryKiB: 64, Iterations: 1}))
	for i := 0; ; i++ {
		address := fmt.Sprintf("u%d@example.org", i)
		u, err := h.CreateUser(context.Background(), people.Actor{}, people.UserChange{Email: &address})
		if err != nil {
			return err
		}
		fmt.Println("acknowledged", u.ID)
	}
}

// R64: SIGKILL loses no entry of what was acknowledged.
func TestKilledCoordinatorLosesNoEntry(t *testing.T) {
	source := dbtest.Source(t)
	h := houseOn(t, source)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), auditChild+"="+source)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "acknowledged "); ok {
			acknowledged = append(acknowledged, id)
		}
		if len(acknowledged) == 50 {
			_ = child.Process.Kill()
		}
	}
	_ = child.Wait()
	if len(acknowledged) < 50 {
		t.Fatalf("only %d were acknowledged", len(acknowledged))
	}
	if v := h.verdict(t); v.Broken != nil {
		t.Errorf("R64: %v", v.Broken)
	}
	for _, id := range acknowledged {
		found, _, err := h.Audit(t.Context(), people.AuditQuery{Target: "user:" + id, Limit: 2})
		if err != nil || len(found) != 1 {
			t.Errorf("R64: %d entries of user %s, %v", len(found), id, err)
		}
	}
}

// What is too old goes, from the oldest on, and the rest can still be verified.
func TestRetention(t *testing.T) {
	source := dbtest.Source(t)
	h := houseOn(t, source)
	h.AuditKeep = 30 * 24 * time.Hour
	h.busy(t)
	prune := func(want int64) {
		t.Helper()
		if n, err := h.PruneAudit(t.Context()); err != nil || n != want {
			t.Errorf("%d removed, %v; want %d", n, err, want)
		}
		if v := h.verdict(t); v.Broken != nil {
			t.Errorf("R64: %v", v.Broken)
		}
	}
	prune(0)
	h.now = h.now.Add(20 * 24 * time.Hour)
	h.signIn(t)
	h.now = h.now.Add(12 * 24 * time.Hour)
	prune(7)
	prune(0)
	h.now = h.now.Add(40 * 24 * time.Hour)
	prune(2) // the sign-in and the checkpoint, about which there is another now
	if v := h.verdict(t); v.Entries != 1 {
		t.Errorf("left: %+v", v)
	}
	// What retention did not remove is missed.
	h.signIn(t)
	dbtest.Exec(t, source, `DELETE FROM audit WHERE seq = (SELECT MIN(seq) FROM audit)`)
	if v := h.verdict(t); v.Broken == nil {
		t.Error("R64: an entry is missing and nobody says so")
	}
	h.AuditKeep = 0
	h.now = h.now.Add(4000 * 24 * time.Hour)
	if n, err := h.PruneAudit(t.Context()); err != nil || n != 0 {
		t.Errorf("kept for ever: %d, %v", n, err)
	}
}

// R61, R64: guessing is on record, and the wait it leads to; what is refused while the
// wait lasts is not, or the record would be theirs to fill.
func TestGuessesOnRecord(t *testing.T) {
	h := newHouse(t)
	u := h.reader(t)
	for range 20 {
		_, _ = h.SignIn(t.Context(), people.Attempt{Email: email, Password: "wrong", Addr: netip.MustParseAddr("192.0.2.1")})
	}
	count := func(event string) int {
		found, _, err := h.Audit(t.Context(), people.AuditQuery{Event: event, Target: "user:" + u.ID, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	if fails, locks := count("authn_login_fail"), count("authn_login_lock"); fails != 6 || locks != 1 {
		t.Errorf("%d failures and %d waits", fails, locks)
	}
}

// R64: what edges saw goes on record, within bounds, whatever they say.
func TestSightingsOnRecord(t *testing.T) {
	h := newHouse(t)
	u := h.reader(t)
	before := h.verdict(t).Entries
	seen := session.Sighting{Granted: true, User: u.ID, Image: "maps/\x00\xff", Rule: "r", Addr: netip.MustParseAddr("::ffff:192.0.2.7"), Request: "q"}
	if err := h.RecordSightings(t.Context(), []session.Sighting{seen, {Image: "x"}}, 0); err != nil {
		t.Fatal(err)
	}
	if err := h.RecordSightings(t.Context(), make([]session.Sighting, 1000), 5); err != nil {
		t.Fatal(err)
	}
	if v := h.verdict(t); v.Broken != nil || v.Entries != before+2+100+1 {
		t.Errorf("R64: %+v", v)
	}
	page, _, err := h.Audit(t.Context(), people.AuditQuery{Actor: email, Event: "sensitive_read", Limit: 2})
	if err != nil || len(page) != 1 || page[0].Addr != "192.0.2.7" || page[0].RequestID != "q" || !strings.HasPrefix(page[0].Target, "image:maps/") {
		t.Errorf("R64: %+v, %v", page, err)
	}
	page, _, err = h.Audit(t.Context(), people.AuditQuery{Event: "audit_dropped", Limit: 2})
	if err != nil || len(page) != 1 || !strings.Contains(string(page[0].Details), "905") {
		t.Errorf("R64: %+v, %v", page, err)
	}
}
