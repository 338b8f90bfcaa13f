package db_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/db/dbtest"
)

// A server that goes away is an error that says so, and its return needs no restart.
func TestServerGoesAndComesBack(t *testing.T) {
	if !dbtest.IsPostgres() {
		return // SQLite has no server
	}
	server := dbtest.NewServer(t)
	source := server.Source(t)
	d := dbtest.Open(t, source)
	addUser(t, d, "u")
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	_, read := d.User(t.Context(), "u")
	view := d.View(t.Context(), func(r db.Reader) error { return nil })
	_, write := d.Update(t.Context(), start, func(tx *db.Tx) error { return tx.DeleteUser(t.Context(), "u") })
	_, open := db.Open(t.Context(), source)
	for what, err := range map[string]error{"read": read, "view": view, "write": write, "open": open} {
		if !db.IsAway(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.User(t.Context(), "u"); err != nil {
		t.Error(err)
	}
	addUser(t, d, "v")
}

// A connection that is found closed is no mistake of whoever asks.
func TestConnectionFoundClosed(t *testing.T) {
	if !dbtest.IsPostgres() {
		return // SQLite has no connections to lose
	}
	conn, err := pgx.Connect(t.Context(), dbtest.Source(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Begin(t.Context()); !db.IsAway(err) {
		t.Errorf("got %v", err)
	}
}

// A coordinator that hangs in the middle of a change loses its turn; once it wakes
// its change is made anew.
func TestHangingCoordinator(t *testing.T) {
	if !dbtest.IsPostgres() {
		return // SQLite has no sessions to end
	}
	source := dbtest.Source(t)
	one := dbtest.Open(t, source+"&idle_in_transaction_session_timeout=200")
	two := dbtest.Open(t, source)
	hangs, wakes, runs := make(chan struct{}), make(chan struct{}), 0
	done := make(chan error)
	go func() {
		_, err := one.Update(t.Context(), start, func(tx *db.Tx) error {
			if runs++; runs == 1 {
				close(hangs)
				<-wakes
			}
			counted, err := tx.Throttle(t.Context(), "x")
			return errors.Join(err, setCount(t.Context(), tx, "x", counted.Failures+1))
		})
		done <- err
	}()
	<-hangs
	update(t, two, start, func(ctx context.Context, tx *db.Tx) error { return setCount(ctx, tx, "x", 10) })
	close(wakes)
	if err := <-done; err != nil || runs != 2 {
		t.Errorf("after %d runs: %v", runs, err)
	}
	if counted, err := two.Throttle(t.Context(), "x"); err != nil || counted.Failures != 11 {
		t.Errorf("%d counted, %v", counted.Failures, err)
	}
}

// Nobody waits for a turn without a bound.
func TestTurnThatNeverComes(t *testing.T) {
	if !dbtest.IsPostgres() {
		return // SQLite's bound is a constant, and long
	}
	source := dbtest.Source(t)
	one, two := dbtest.Open(t, source), dbtest.Open(t, source+"&lock_timeout=50")
	update(t, one, start, func(ctx context.Context, _ *db.Tx) error {
		_, err := two.Update(ctx, start, func(tx *db.Tx) error { return setCount(ctx, tx, "x", 1) })
		if !db.IsAway(err) {
			t.Errorf("got %v", err)
		}
		if _, err := two.Throttle(ctx, "x"); err != nil {
			t.Errorf("a reader waits, too: %v", err)
		}
		return nil
	})
	addUser(t, two, "u")
}

// A caller who leaves is not taken for a database that is away.
func TestCallerLeaves(t *testing.T) {
	d := fresh(t)
	ctx, leave := context.WithCancel(t.Context())
	_, err := d.Update(ctx, start, func(tx *db.Tx) error {
		leave()
		return setCount(ctx, tx, "x", 1)
	})
	if err == nil || db.IsAway(err) {
		t.Errorf("got %v", err)
	}
	if counted, err := d.Throttle(t.Context(), "x"); err != nil || counted.Failures != 0 {
		t.Errorf("%d counted, %v", counted.Failures, err)
	}
}
