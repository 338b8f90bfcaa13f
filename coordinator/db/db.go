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
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

// Errors that callers tell apart with errors.Is.
var (
	ErrNotFound = errors.New("no such row")
	ErrTaken    = errors.New("the name is taken")
)

//go:embed migrations/*.sql
var migrations embed.FS

// readers bounds the connections that read at the same time.
const readers = 8

// DB is an open database. Its Reader reads outside any transaction.
type DB struct {
	Reader
	read  *sql.DB
	write *sql.DB // a single connection: SQLite has one writer, so they queue here
}

// Open opens the database named by dsn, "sqlite:PATH", and brings its schema up
// to date. The file is created, readable by its owner alone, if there is none.
func Open(ctx context.Context, dsn string) (*DB, error) {
	path, ok := strings.CutPrefix(dsn, "sqlite:")
	if !ok || path == "" {
		return nil, fmt.Errorf("database %q: write it as sqlite:PATH", redact(dsn))
	}
	db, err := openSQLite(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	return db, nil
}

// redact keeps the scheme of a data source name: the rest may hold a password.
func redact(dsn string) string {
	scheme, _, _ := strings.Cut(dsn, ":")
	return scheme + ":…"
}

func openSQLite(ctx context.Context, path string) (*DB, error) {
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	write, err := connect(abs, 1, url.Values{"_txlock": {"immediate"}})
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, write); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read, err := connect(abs, readers, url.Values{"_pragma": {"query_only(1)"}})
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return &DB{Reader: Reader{read}, read: read, write: write}, nil
}

func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make its folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func connect(path string, conns int, query url.Values) (*sql.DB, error) {
	// An acknowledged revocation must survive a power cut, hence synchronous(FULL).
	for _, pragma := range []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"} {
		query.Add("_pragma", pragma)
	}
	source := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	pool, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	return pool, nil
}

func migrate(ctx context.Context, pool *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, pool, files)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Close closes the database; it waits for statements under way.
func (d *DB) Close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// View reads a consistent snapshot.
func (d *DB) View(ctx context.Context, fn func(Reader) error) error {
	tx, err := d.read.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return fn(Reader{tx})
}

// querier is what a connection pool and a transaction share.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
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
