package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Both(m)) }

func fresh(t testing.TB) *db.DB {
	t.Helper()
	return dbtest.Fresh(t)
}

// update must succeed; it gives the new revision.
func update(t testing.TB, d *db.DB, now time.Time, fn func(context.Context, *db.Tx) error) int64 {
	t.Helper()
	revision, err := d.Update(t.Context(), now, func(tx *db.Tx) error { return fn(t.Context(), tx) })
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func addUser(t testing.TB, d *db.DB, id string) db.User {
	t.Helper()
	u := db.User{ID: id, Email: id + "@example.org", Active: true, Groups: []string{"a", "b"}}
	update(t, d, start, func(ctx context.Context, tx *db.Tx) error { return tx.InsertUser(ctx, u, "phc") })
	return u
}

func addSession(t testing.TB, d *db.DB, u db.User, id string, expires time.Time) session.Hash {
	t.Helper()
	hash := session.HashOf(id)
	update(t, d, start, func(ctx context.Context, tx *db.Tx) error {
		return tx.InsertSession(ctx, db.NewSession{Session: db.Session{ID: id, User: u, Expires: expires}, Hash: hash})
	})
	return hash
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c%d#e", "x.db")
	addUser(t, dbtest.Open(t, "sqlite:"+path), "u")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: others can read it", info.Mode(), err)
	}
}

func TestOpenAgain(t *testing.T) {
	source := dbtest.Source(t)
	first := dbtest.Open(t, source)
	addUser(t, first, "u")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	u, err := dbtest.Open(t, source).User(t.Context(), "u")
	if err != nil || len(u.Groups) != 2 || !u.Created.Equal(start) {
		t.Errorf("%+v, %v", u, err)
	}
}

// What cannot be opened is said without the secret in it.
func TestRefusedSources(t *testing.T) {
	for name, source := range map[string]string{
		"no scheme": "tessera.db", "no path": "sqlite:", "another": "mysql://root:canary@host/db",
		"unwritable": "sqlite:/proc/tessera.db", "a folder": "sqlite:" + t.TempDir(),
		"broken address": "postgres://u:canary%zz@host/db", "slash in password": "postgres://u:can/canary@host:x/db",
		"nobody there": "postgres://u:canary@127.0.0.1:1/db?sslmode=disable", "no socket": "postgres://u:canary@/db?host=" + t.TempDir(),
	} {
		t.Run(name, func(t *testing.T) {
			if d, err := db.Open(t.Context(), source); err == nil || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v, %v", d, err)
			}
		})
	}
}

func TestUsersAreUnique(t *testing.T) {
	d := fresh(t)
	addUser(t, d, "u")
	other := addUser(t, d, "v")
	_, err := d.Update(t.Context(), start, func(tx *db.Tx) error {
		return tx.InsertUser(t.Context(), db.User{ID: "w", Email: "u@example.org"}, "")
	})
	if !errors.Is(err, db.ErrTaken) {
		t.Errorf("insert: %v", err)
	}
	other.Email = "u@example.org"
	_, err = d.Update(t.Context(), start, func(tx *db.Tx) error { return tx.SaveUser(t.Context(), other) })
	if !errors.Is(err, db.ErrTaken) {
		t.Errorf("save: %v", err)
	}
}

// A transaction that fails leaves nothing, and no revision.
func TestRollback(t *testing.T) {
	d := fresh(t)
	u := addUser(t, d, "u")
	addSession(t, d, u, "s", start.Add(time.Hour))
	boom := errors.New("boom")
	revision, err := d.Update(t.Context(), start, func(tx *db.Tx) error {
		return errors.Join(tx.DeleteUser(t.Context(), u.ID), boom)
	})
	if !errors.Is(err, boom) || revision != 0 {
		t.Errorf("%d, %v", revision, err)
	}
	if _, err := d.User(t.Context(), u.ID); err != nil {
		t.Error(err)
	}
	if current, _, err := d.Revision(t.Context()); err != nil || current != 0 {
		t.Errorf("revision %d, %v", current, err)
	}
}

// Deleting a user takes all she holds with her.
func TestCascade(t *testing.T) {
	d := fresh(t)
	u := addUser(t, d, "u")
	cookie := addSession(t, d, u, "s", start.Add(time.Hour))
	token, personal := session.HashOf("token"), session.HashOf("personal")
	update(t, d, start, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.InsertAccessToken(ctx, token, db.AccessToken{Session: db.Session{ID: "s"}, Expires: start.Add(time.Hour)})
		return errors.Join(
			err,
			tx.InsertPersonalToken(ctx, personal, db.PersonalToken{ID: "p", User: u, Expires: start.Add(time.Hour)}),
			tx.AddOrigin(ctx, "s", "https://viewer.test", 8),
			tx.AddFamiliar(ctx, u.ID, "192.0.2.0/24", 8),
		)
	})
	update(t, d, start, func(ctx context.Context, tx *db.Tx) error { return tx.DeleteUser(ctx, u.ID) })
	_, errCookie := d.SessionByHash(t.Context(), cookie)
	_, errToken := d.AccessTokenByHash(t.Context(), token)
	_, errPersonal := d.PersonalTokenByHash(t.Context(), personal)
	for _, err := range []error{errCookie, errToken, errPersonal} {
		if !errors.Is(err, db.ErrNotFound) {
			t.Errorf("left behind: %v", err)
		}
	}
	ended, err := d.EndedSince(t.Context(), 0, 10)
	if err != nil || len(ended) != 3 {
		t.Errorf("edges are told of %d, %v", len(ended), err)
	}
}

func TestBounds(t *testing.T) {
	d := fresh(t)
	u := addUser(t, d, "u")
	first := addSession(t, d, u, "s0", start.Add(time.Hour))
	for i := range 3 {
		addSession(t, d, u, fmt.Sprintf("s%d", i+1), start.Add(time.Hour))
	}
	update(t, d, start, func(ctx context.Context, tx *db.Tx) error { return tx.EndStalestSessions(ctx, u.ID, 3) })
	if _, err := d.SessionByHash(t.Context(), first); !errors.Is(err, db.ErrNotFound) {
		t.Errorf("the stalest session: %v", err)
	}
	for i := range 3 {
		now := start.Add(time.Duration(i) * time.Second)
		update(t, d, now, func(ctx context.Context, tx *db.Tx) error {
			origin := fmt.Sprintf("https://viewer%d.test", i)
			return errors.Join(tx.AddOrigin(ctx, "s1", origin, 2), tx.AddFamiliar(ctx, u.ID, origin, 2))
		})
	}
	for i, want := range []bool{false, true, true} {
		origin := fmt.Sprintf("https://viewer%d.test", i)
		has, err := d.HasOrigin(t.Context(), "s1", origin)
		familiar, err2 := d.IsFamiliar(t.Context(), u.Email, origin)
		if has != want || familiar != want || err != nil || err2 != nil {
			t.Errorf("%s: %v, %v", origin, has, familiar)
		}
	}
}

func TestPurge(t *testing.T) {
	d := fresh(t)
	u := addUser(t, d, "u")
	lapsed := addSession(t, d, u, "lapsed", start.Add(time.Hour))
	live := addSession(t, d, u, "live", start.Add(100*time.Hour))
	addSession(t, d, u, "ended", start.Add(time.Hour))
	update(t, d, start, func(ctx context.Context, tx *db.Tx) error { return tx.EndSession(ctx, "ended") })
	later := start.Add(10 * time.Hour)
	update(t, d, later, func(ctx context.Context, tx *db.Tx) error {
		return errors.Join(tx.TouchSession(ctx, "live"), tx.SetThrottle(ctx, "fresh", db.Throttle{Failures: 9, Updated: later}))
	})
	update(t, d, start, func(ctx context.Context, tx *db.Tx) error {
		return tx.SetThrottle(ctx, "old", db.Throttle{Failures: 9, Updated: start})
	})
	revision := update(t, d, later, func(ctx context.Context, tx *db.Tx) error {
		return tx.Purge(ctx, db.Limits{
			Seen: later.Add(-time.Hour), Expired: later.Add(-time.Hour), Changes: later.Add(-time.Hour), Throttle: later.Add(-time.Hour),
		})
	})
	if revision != 0 {
		t.Errorf("a purge is told to edges as revision %d", revision)
	}
	if _, err := d.SessionByHash(t.Context(), lapsed); !errors.Is(err, db.ErrNotFound) {
		t.Errorf("lapsed: %v", err)
	}
	if _, err := d.SessionByHash(t.Context(), live); err != nil {
		t.Errorf("live: %v", err)
	}
	old, _ := d.Throttle(t.Context(), "old")
	counted, _ := d.Throttle(t.Context(), "fresh")
	if old.Failures != 0 || counted.Failures != 9 {
		t.Errorf("throttle: old %d, fresh %d", old.Failures, counted.Failures)
	}
	current, horizon, err := d.Revision(t.Context())
	if err != nil || current != 1 || horizon != 1 {
		t.Errorf("revision %d, horizon %d, %v", current, horizon, err)
	}
}

// Writers queue: every change has a revision of its own, none is lost.
func TestConcurrentWriters(t *testing.T) {
	d := fresh(t)
	var all sync.WaitGroup
	revisions := make(chan int64, 40)
	for i := range cap(revisions) {
		all.Go(func() {
			rules := []authz.Rule{{Name: fmt.Sprint(i), Images: []string{"x"}, Access: authz.Open}}
			revision, err := d.Update(t.Context(), start, func(tx *db.Tx) error { return tx.ReplaceRules(t.Context(), authz.Document{Items: rules}) })
			if err != nil {
				t.Error(err)
			}
			revisions <- revision
			if _, err := d.Rules(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	close(revisions)
	seen := map[int64]bool{}
	for revision := range revisions {
		seen[revision] = true
	}
	set, err := d.Rules(t.Context())
	if len(seen) != 40 || !seen[40] || err != nil || set.Revision != 40 {
		t.Errorf("%d revisions, the rules are of %d, %v", len(seen), set.Revision, err)
	}
}

// What SQL stores opens nothing to whoever reads the file.
func TestSecretsAreHashed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	d := dbtest.Open(t, "sqlite:"+path)
	u := addUser(t, d, "u")
	update(t, d, start, func(ctx context.Context, tx *db.Tx) error {
		return tx.InsertPersonalToken(ctx, session.HashOf("canary-token"), db.PersonalToken{ID: "p", User: u, Expires: start})
	})
	_ = d.Close()
	raw, err := os.ReadFile(path)
	if err != nil || len(raw) == 0 {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "canary-token") || !strings.Contains(string(raw), session.HashOf("canary-token").String()) {
		t.Error("the file holds more or less than the hash")
	}
}
