// Package db keeps people and rights in SQL. It holds every statement of the
// project, in a dialect that SQLite and PostgreSQL share, and no rule of the
// business: what a change means is decided by its caller.
//
// Secrets are stored as SHA-256 hashes (256-bit random values) or as PHC strings
// (passwords), never as themselves.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Errors that callers tell apart with errors.Is.
var (
	ErrNotFound = errors.New("no such row")
	ErrTaken    = errors.New("the name is taken")
	ErrAway     = errors.New("the database does not answer") // or cannot be written; ask with IsAway
)

// Bounds of one coordinator's use of the database.
const (
	readers  = 8                // connections that read at the same time
	patience = 15 * time.Second // for one change or one snapshot, its wait for a turn included
)

// DB is an open database. Its Reader reads outside any transaction.
type DB struct {
	Reader
	read, write *sql.DB
	turn        string         // statement that waits until every other change is over; "" where BEGIN does
	snapshot    *sql.TxOptions // of transactions that read; nil where the default sees one state
}

// Open opens the database that source names, sqlite:PATH or postgres://…, and
// brings its schema up to date. A file is created, readable by its owner alone, if
// there is none. Errors never repeat the source, which may hold a password.
func Open(ctx context.Context, source string) (*DB, error) {
	scheme, rest, _ := strings.Cut(source, ":")
	switch {
	case scheme == "sqlite" && rest != "":
		return openSQLite(ctx, rest)
	case scheme == "postgres" || scheme == "postgresql":
		return openPostgres(ctx, source)
	}
	return nil, errors.New("name the database as sqlite:PATH or as postgres://USER@HOST/NAME")
}

// Close closes the database; it waits for statements under way.
func (d *DB) Close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// View reads a consistent snapshot: whoever sees a revision in it sees everything
// that was changed up to that revision.
func (d *DB) View(ctx context.Context, fn func(Reader) error) error {
	return d.view(ctx, patience, fn)
}

func (d *DB) view(ctx context.Context, patience time.Duration, fn func(Reader) error) error {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return inTime(ctx, d.snapshotOf(bounded, fn))
}

func (d *DB) snapshotOf(ctx context.Context, fn func(Reader) error) error {
	tx, err := d.read.BeginTx(ctx, d.snapshot)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return fn(Reader{plain{tx}})
}

// querier is what a connection pool and a transaction share.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// plain is a querier that is never given what PostgreSQL cannot hold as text, so
// that both databases answer alike: an identifier from outside with such bytes in it
// names nothing. What is stored has been checked before.
type plain struct{ querier }

func (p plain) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.querier.QueryContext(ctx, query, storable(args)...)
}

func (p plain) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.querier.QueryRowContext(ctx, query, storable(args)...)
}

func (p plain) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.querier.ExecContext(ctx, query, storable(args)...)
}

// storable replaces NUL and what is not UTF-8 in texts.
func storable(args []any) []any {
	const instead = "\uFFFD"
	for i, arg := range args {
		text, ok := arg.(string)
		if ok && (!utf8.ValidString(text) || strings.Contains(text, "\x00")) {
			args[i] = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", instead), instead)
		}
	}
	return args
}

// Reader reads. Its methods answer ErrNotFound where a single row is missing.
type Reader struct{ q querier }

// millis is how instants are stored; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// notFound turns the driver's word for a missing row into ours.
func notFound(what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// collect scans every row of a query and closes it.
func collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

func scanText(rows *sql.Rows) (s string, err error) {
	err = rows.Scan(&s)
	return s, err
}
