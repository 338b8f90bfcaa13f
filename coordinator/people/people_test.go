package people_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

func TestMain(m *testing.M) {
	if source := os.Getenv(auditChild); source != "" {
		fmt.Fprintln(os.Stderr, auditing(source))
		os.Exit(1)
	}
	goleak.VerifyTestMain(dbtest.Both(m))
}

// house is a service on a database of its own with a clock that stands still.
type house struct {
	*people.Service
	db   *db.DB
	now  time.Time
	tick func() // called whenever the clock is read, nil for none
}

func (h *house) clock() time.Time {
	if h.tick != nil {
		h.tick()
	}
	return h.now
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{db: dbtest.Fresh(t), now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	h.Service = people.New(h.config(password.Config{MemoryKiB: 64, Iterations: 1}))
	return h
}

func (h *house) config(cost password.Config) people.Config {
	return people.Config{
		DB: h.db, Passwords: password.NewHasher(cost), SessionIdle: time.Hour, SessionMax: 10 * time.Hour, TokenLife: time.Minute,
		Fallback: authz.Login, Announce: func(int64) {}, Now: h.clock, Log: slog.New(slog.DiscardHandler),
	}
}

const (
	email  = "reader@example.org"
	secret = "quiet bone ground"
)

func (h *house) reader(t *testing.T) people.User {
	t.Helper()
	name, text := email, secret
	u, err := h.CreateUser(t.Context(), people.Actor{}, people.UserChange{Email: &name, Password: &text})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (h *house) signIn(t *testing.T) people.SignedIn {
	t.Helper()
	in, err := h.SignIn(t.Context(), people.Attempt{
		Email: email, Password: secret, Addr: netip.MustParseAddr("192.0.2.1"), Agent: "browser\x00\n" + strings.Repeat("ü", 300),
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestNetwork(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.77": "192.0.2.0/24", "::ffff:192.0.2.77": "192.0.2.0/24",
		"2001:db8:1:2::3": "2001:db8:1::/48", "fe80::1%eth0": "fe80::/48",
	} {
		if got := people.Network(netip.MustParseAddr(addr)); got != want {
			t.Errorf("R61 %s: %s", addr, got)
		}
	}
	if got := people.Network(netip.Addr{}); got != "unknown" {
		t.Errorf("no address: %s", got)
	}
}

// R60: the cost of a password is brought up to date when its owner signs in.
func TestRehash(t *testing.T) {
	h := newHouse(t)
	u := h.reader(t)
	cheap, err := h.db.Password(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.Service = people.New(h.config(password.Config{MemoryKiB: 128, Iterations: 1}))
	h.signIn(t)
	dear, err := h.db.Password(t.Context(), u.ID)
	if err != nil || dear == cheap || !strings.Contains(dear, "m=128") {
		t.Errorf("R60: %s, %v", dear, err)
	}
	h.signIn(t)
	if again, err := h.db.Password(t.Context(), u.ID); err != nil || again != dear {
		t.Errorf("R60: rehashed for nothing: %v", err)
	}
}

// A look-up counts as activity, written at most once a minute.
func TestActivity(t *testing.T) {
	h := newHouse(t)
	h.reader(t)
	in := h.signIn(t)
	hash := session.HashOf(in.Secret)
	began := h.now
	for _, step := range []struct{ after, seen time.Duration }{
		{30 * time.Second, 0}, {59 * time.Second, 0}, {60 * time.Second, 60 * time.Second}, {100 * time.Second, 60 * time.Second},
	} {
		h.now = began.Add(step.after)
		found, err := h.Lookup(t.Context(), session.KindSession, hash)
		if err != nil {
			t.Fatal(err)
		}
		if want := began.Add(step.seen + time.Hour); !found.Expires.Equal(want) {
			t.Errorf("after %v it expires at %v, want %v", step.after, found.Expires, want)
		}
	}
	h.now = began.Add(9*time.Hour + 59*time.Minute)
	if _, err := h.Lookup(t.Context(), session.KindSession, hash); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("R38: %v", err)
	}
}

func TestSessionsAreTidy(t *testing.T) {
	h := newHouse(t)
	u := h.reader(t)
	h.signIn(t)
	listed, err := h.Sessions(t.Context(), people.SessionQuery{SessionFilter: people.SessionFilter{UserID: u.ID}, Limit: 5})
	if err != nil || len(listed) != 1 {
		t.Fatalf("%d sessions, %v", len(listed), err)
	}
	if s := listed[0]; s.Network != "192.0.2.0/24" || !strings.HasPrefix(s.Agent, "browserü") || len(s.Agent) > 200 || strings.Contains(s.Agent, "\uFFFD") {
		t.Errorf("%+v", s)
	}
}

// Who has lapsed is not listed as signed in, although the row is kept for a day.
func TestLapsedSessionsAreNotListed(t *testing.T) {
	h := newHouse(t)
	u := h.reader(t)
	listed := func() int {
		found, err := h.Sessions(t.Context(), people.SessionQuery{SessionFilter: people.SessionFilter{UserID: u.ID}, Limit: 5})
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	in := h.signIn(t)
	h.now = h.now.Add(time.Hour - time.Millisecond)
	if listed() != 1 {
		t.Error("a live session is not listed")
	}
	h.now = h.now.Add(time.Millisecond)
	if _, err := h.SessionBySecret(t.Context(), in.Secret); listed() != 0 || !errors.Is(err, people.ErrExpired) {
		t.Errorf("idle: %d listed, %v", listed(), err)
	}
	in = h.signIn(t)
	for end := in.Session.Expires; h.now.Before(end); h.now = h.now.Add(30 * time.Minute) {
		if _, err := h.SessionBySecret(t.Context(), in.Secret); err != nil || listed() != 1 {
			t.Fatalf("%d listed, %v", listed(), err)
		}
	}
	if listed() != 0 {
		t.Error("listed beyond its absolute limit")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	h := newHouse(t)
	u := h.reader(t)
	first := h.signIn(t)
	for range 100 {
		h.now = h.now.Add(time.Second)
		h.signIn(t)
	}
	listed, err := h.Sessions(t.Context(), people.SessionQuery{SessionFilter: people.SessionFilter{UserID: u.ID}, Limit: 1000})
	if err != nil || len(listed) != 100 {
		t.Errorf("%d sessions, %v", len(listed), err)
	}
	if _, err := h.SessionBySecret(t.Context(), first.Secret); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("the stalest: %v", err)
	}
}

// An edge that was away for too long, or missed too much, starts afresh.
func TestIncompleteRights(t *testing.T) {
	h := newHouse(t)
	h.reader(t)
	in := h.signIn(t)
	if err := h.SignOut(t.Context(), in.Secret); err != nil {
		t.Fatal(err)
	}
	complete := func(since int64) (bool, int) {
		rights, err := h.Rights(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		return rights.Complete, len(rights.Ended)
	}
	if ok, n := complete(0); !ok || n != 1 {
		t.Errorf("before: %v, %d", ok, n)
	}
	h.now = h.now.Add(25 * time.Hour)
	if err := h.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ok, n := complete(0); ok || n != 0 {
		t.Errorf("too long ago: %v, %d", ok, n)
	}
	if ok, n := complete(1); !ok || n != 0 {
		t.Errorf("up to date: %v, %d", ok, n)
	}
	_, err := h.db.Update(t.Context(), h.now, func(tx *db.Tx) error {
		for i := range 5001 {
			id := fmt.Sprint("p", i)
			token := db.PersonalToken{ID: id, User: people.User{ID: in.Session.User.ID}, Expires: h.now}
			if err := tx.InsertPersonalToken(t.Context(), session.HashOf(id), token); err != nil {
				return err
			}
		}
		return tx.DeleteUser(t.Context(), in.Session.User.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
	if ok, n := complete(1); ok || n != 0 {
		t.Errorf("too much: %v, %d", ok, n)
	}
}

func TestPersonalTokensAreBounded(t *testing.T) {
	h := newHouse(t)
	u := h.reader(t)
	var err error
	for range 51 {
		_, _, err = h.CreatePersonalToken(t.Context(), people.Actor{}, people.NewToken{UserID: u.ID, Name: "x"})
	}
	var refused *people.Error
	if !errors.As(err, &refused) || refused.Kind != people.Conflict {
		t.Errorf("the 51st: %v", err)
	}
}

// R61: what we had no time for, or whose asker left, is no wrong guess.
func TestUnansweredAttemptsDoNotCount(t *testing.T) {
	h := newHouse(t)
	h.reader(t)
	right := people.Attempt{Email: email, Password: secret, Addr: netip.MustParseAddr("192.0.2.1")}
	h.Service = people.New(h.config(password.Config{MemoryKiB: 64, Iterations: 1, Queue: -1}))
	for range 20 {
		var refused *people.Error
		if _, err := h.SignIn(t.Context(), right); !errors.As(err, &refused) || refused.Kind != people.Busy {
			t.Fatalf("without a slot: %v", err)
		}
	}
	h.Service = people.New(h.config(password.Config{MemoryKiB: 64, Iterations: 1}))
	for range 20 {
		ctx, leave := context.WithCancel(t.Context())
		h.tick = func() { // leaves as soon as the attempt is counted
			if found, err := h.db.Throttle(t.Context(), "network 192.0.2.0/24"); err == nil && found.Failures > 0 {
				leave()
			}
		}
		_, err := h.SignIn(ctx, right)
		h.tick = nil
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("left: %v", err)
		}
	}
	h.signIn(t)
	if found, err := h.db.Throttle(t.Context(), "network 192.0.2.0/24"); err != nil || found.Failures != 0 {
		t.Errorf("R61: %d failures, %v", found.Failures, err)
	}
}

func TestBootstrapMakesUpAPassword(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"", "a b", "a@", "@b"} {
		if _, err := h.Bootstrap(t.Context(), name, "x"); err == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
	madeUp, err := h.Bootstrap(t.Context(), "Admin", "")
	if err != nil || len(madeUp) != 23 {
		t.Fatalf("%q, %v", madeUp, err)
	}
	in, err := h.SignIn(t.Context(), people.Attempt{Email: "admin", Password: madeUp})
	if err != nil || !in.Session.User.Admin || in.AdminSecret == "" || in.AdminSecret == in.Secret {
		t.Errorf("%+v, %v", in.Session.User, err)
	}
}

// What cannot be anybody's address is answered like any wrong one, and counted: databases
// differ in what they do with such text.
func TestAddressesThatAreNone(t *testing.T) {
	h := newHouse(t)
	h.reader(t)
	var kinds []people.Kind
	for i := range 40 {
		odd := []string{"reader\x00@example.org", "\xff\xfe@example.org", strings.Repeat("ü", 500), "r\xc3", ""}[i%5]
		_, err := h.SignIn(t.Context(), people.Attempt{Email: odd, Password: secret, Addr: netip.MustParseAddr("203.0.113.9")})
		var refused *people.Error
		if !errors.As(err, &refused) {
			t.Fatalf("%q: %v", odd, err)
		}
		kinds = append(kinds, refused.Kind)
	}
	if kinds[0] != people.Denied || kinds[1] != people.Denied || kinds[len(kinds)-1] != people.Throttled {
		t.Errorf("answered %v", kinds)
	}
	h.signIn(t) // nobody else waits for that
}
