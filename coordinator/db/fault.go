package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A change that the database itself gave up is tried again, within patience.
const (
	maxTries   = 4
	firstPause = 20 * time.Millisecond
)

// unsureError is a COMMIT that failed: what it did may be there or not, so it is
// never tried again.
type unsureError struct{ error }

func (e unsureError) Unwrap() error { return e.error }

// isPassing tells whether a change that failed so left nothing and may succeed when
// tried again: it lost against another one, or the connection broke before COMMIT.
func isPassing(err error) bool {
	switch sqlState(err) {
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return true
	}
	var unsure unsureError
	return !errors.As(err, &unsure) && isBroken(err)
}

// pause waits before try number next, longer each time, and tells whether ctx lasted.
func pause(ctx context.Context, next int) bool {
	wait := firstPause << next
	timer := time.NewTimer(wait/2 + rand.N(wait/2)) //nolint:gosec // no secret
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// IsAway tells whether an error of this package says that the database cannot be
// asked or written at the moment, which may pass, and is nobody's mistake.
func IsAway(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false // whoever asked has left
	}
	return errors.Is(err, ErrAway) || isBroken(err) || isCongested(err)
}

// inTime tells an operation that our own patience ended from one whose caller left.
func inTime(caller context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && caller.Err() == nil {
		return fmt.Errorf("%w in time: %w", ErrAway, err)
	}
	return err
}

// isBroken tells whether there is no connection any more.
func isBroken(err error) bool {
	var dial *pgconn.ConnectError
	var network *net.OpError
	if errors.As(err, &dial) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	if pgconn.SafeToRetry(err) { // nothing was sent: the connection was found closed
		return true
	}
	switch state := sqlState(err); state {
	case "57P01", "57P02", "57P03", "25P03": // the server ends, or ended our session
		return true
	default:
		return len(state) == 5 && state[:2] == "08" // connection exceptions
	}
}

// isCongested tells whether a lock, room or time ran out.
func isCongested(err error) bool {
	var file *sqlite.Error
	if errors.As(err, &file) {
		switch file.Code() & 0xff { // the primary code
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
			return true
		}
		return false
	}
	switch state := sqlState(err); state {
	case "55P03", "57014", "25006": // lock_not_available, query_canceled, a standby
		return true
	default:
		return len(state) == 5 && state[:2] == "53" || pgconn.Timeout(err) // insufficient resources
	}
}

// sqlState is PostgreSQL's code, "" of other errors.
func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// taken tells a broken UNIQUE constraint, or a second row of a key, from other errors.
func taken(what string, err error) error {
	var file *sqlite.Error
	if sqlState(err) == "23505" || errors.As(err, &file) &&
		(file.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || file.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY) {
		return fmt.Errorf("%s: %w", what, ErrTaken)
	}
	return fmt.Errorf("%s: %w", what, err)
}
