package db_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
	"github.com/tessera-iiif/tessera/internal/session"
)

// history is what writers acknowledged and readers saw of one database.
type history struct {
	mu        sync.Mutex
	revisions map[session.Hash]int64 // by the credential that ended with it
}

func (h *history) acknowledge(hash session.Hash, revision int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.revisions[hash] = revision
}

// newest is the newest revision that was acknowledged.
func (h *history) newest() (n int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, revision := range h.revisions {
		n = max(n, revision)
	}
	return n
}

// write ends credentials one by one, each in a change of its own.
func (h *history) write(t *testing.T, d *db.DB, name string, changes int) {
	for i := range changes {
		id := fmt.Sprint(name, "-", i)
		hash := session.HashOf(id)
		revision, err := d.Update(t.Context(), start, func(tx *db.Tx) error {
			token := db.PersonalToken{ID: id, User: db.User{ID: "u"}, Expires: start}
			return errors.Join(tx.InsertPersonalToken(t.Context(), hash, token), tx.DeletePersonalToken(t.Context(), id))
		})
		if err != nil {
			t.Error(err)
			return
		}
		h.acknowledge(hash, revision)
	}
}

// follow reads as an edge does: what changed since the revision it has, until it has
// them all. Each revision ends one credential, so none may be missing below it.
func (h *history) follow(t *testing.T, d *db.DB, all int64) {
	var seen []session.Hash
	for int64(len(seen)) < all {
		acknowledged, since := h.newest(), int64(len(seen))
		err := d.View(t.Context(), func(r db.Reader) error {
			current, _, err := r.Revision(t.Context())
			if err != nil {
				return err
			}
			ended, err := r.EndedSince(t.Context(), since, int(all)+1)
			if err != nil {
				return err
			}
			seen = append(seen, ended...)
			if current < acknowledged || int64(len(seen)) != current {
				return fmt.Errorf("revision %d shows %d changes, %d was acknowledged before", current, len(seen), acknowledged)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
			return
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for hash, revision := range h.revisions {
		if i := slices.Index(seen, hash); int64(i+1) != revision {
			t.Errorf("revision %d was acknowledged, seen as %d", revision, i+1)
		}
	}
}

// R23: whoever sees a revision has seen every change up to it, and whoever was
// acknowledged is seen at once, with writers at two coordinators.
func TestReadersNeverSeeAGap(t *testing.T) {
	source := dbtest.Source(t)
	one, two := dbtest.Open(t, source), dbtest.Open(t, source)
	addUser(t, one, "u")
	const writers, changes = 6, 20
	h := &history{revisions: map[session.Hash]int64{}}
	var writing, reading sync.WaitGroup
	for i := range writers {
		writing.Go(func() { h.write(t, []*db.DB{one, two}[i%2], fmt.Sprint("w", i), changes) })
	}
	for _, d := range []*db.DB{one, two} {
		reading.Go(func() { h.follow(t, d, writers*changes) })
	}
	writing.Wait()
	if t.Failed() {
		t.FailNow() // the readers would wait for what never comes; the test's context ends them
	}
	reading.Wait()
}

func setCount(ctx context.Context, tx *db.Tx, subject string, n int) error {
	return tx.SetThrottle(ctx, subject, db.Throttle{Failures: n, Updated: start})
}

// R61: counts lose nothing: a change sees all that came before it, whoever made it.
func TestChangesSeeAllBefore(t *testing.T) {
	source := dbtest.Source(t)
	var all sync.WaitGroup
	for _, d := range []*db.DB{dbtest.Open(t, source), dbtest.Open(t, source)} {
		for range 3 {
			all.Go(func() {
				for range 20 {
					_, err := d.Update(t.Context(), start, func(tx *db.Tx) error {
						counted, err := tx.Throttle(t.Context(), "x")
						return errors.Join(err, setCount(t.Context(), tx, "x", counted.Failures+1))
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	if counted, err := dbtest.Open(t, source).Throttle(t.Context(), "x"); err != nil || counted.Failures != 120 {
		t.Errorf("%d of 120 counted, %v", counted.Failures, err)
	}
}

// Activity waits for no change under way, and cannot carry one.
func TestNote(t *testing.T) {
	source := dbtest.Source(t)
	one, two := dbtest.Open(t, source), dbtest.Open(t, source)
	u := addUser(t, one, "u")
	hash := addSession(t, one, u, "s", start.Add(time.Hour))
	touch := func(ctx context.Context, tx *db.Tx) error { return tx.TouchSession(ctx, "s") }
	later := start.Add(time.Minute)
	if !dbtest.IsPostgres() { // SQLite has one writer at a time whatever is written
		if err := two.Note(t.Context(), later, func(tx *db.Tx) error { return touch(t.Context(), tx) }); err != nil {
			t.Fatal(err)
		}
	} else {
		update(t, one, start, func(ctx context.Context, _ *db.Tx) error {
			return two.Note(ctx, later, func(tx *db.Tx) error { return touch(ctx, tx) })
		})
	}
	if s, err := one.SessionByHash(t.Context(), hash); err != nil || !s.Seen.Equal(later) {
		t.Errorf("seen %v, %v", s.Seen, err)
	}
	if err := one.Note(t.Context(), later, func(tx *db.Tx) error { return tx.EndSession(t.Context(), "s") }); err == nil {
		t.Error("a session was ended out of turn")
	}
	if _, err := one.SessionByHash(t.Context(), hash); err != nil {
		t.Error(err)
	}
}

// Two coordinators that start on an empty database bring up its schema once.
func TestTwoStartAtOnce(t *testing.T) {
	source := dbtest.Source(t)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			d, err := db.Open(t.Context(), source)
			if err != nil {
				t.Error(err)
				return
			}
			if current, _, err := d.Revision(t.Context()); err != nil || current != 0 {
				t.Errorf("revision %d, %v", current, err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
}

// Both may clean up at once; the horizon stays true.
func TestTwoPurgeAtOnce(t *testing.T) {
	source := dbtest.Source(t)
	one, two := dbtest.Open(t, source), dbtest.Open(t, source)
	h := &history{revisions: map[session.Hash]int64{}}
	addUser(t, one, "u")
	h.write(t, one, "w", 30)
	var both sync.WaitGroup
	for _, d := range []*db.DB{one, two, one, two} {
		both.Go(func() {
			_, err := d.Update(t.Context(), start.Add(time.Hour), func(tx *db.Tx) error {
				return tx.Purge(t.Context(), db.Limits{Changes: start.Add(time.Minute)})
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	current, horizon, err := two.Revision(t.Context())
	if err != nil || current != 30 || horizon != 30 {
		t.Errorf("revision %d, horizon %d, %v", current, horizon, err)
	}
}

// Text from outside that PostgreSQL cannot hold names nothing, with either database.
func TestUnstorableText(t *testing.T) {
	d := fresh(t)
	for _, text := range []string{"a\x00b", "\xff", "ü"[:1]} {
		if _, err := d.UserByEmail(t.Context(), text); !errors.Is(err, db.ErrNotFound) {
			t.Errorf("%q: %v", text, err)
		}
		if users, err := d.Users(t.Context(), db.UserQuery{Search: text, Limit: 1}); err != nil || len(users) != 0 {
			t.Errorf("%q: %v, %v", text, users, err)
		}
		update(t, d, start, func(ctx context.Context, tx *db.Tx) error {
			return setCount(ctx, tx, "account "+text, 3)
		})
		if counted, err := d.Throttle(t.Context(), "account "+text); err != nil || counted.Failures != 3 {
			t.Errorf("%q: %+v, %v", text, counted, err)
		}
	}
}
