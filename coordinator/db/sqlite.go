package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

func openSQLite(ctx context.Context, path string) (*DB, error) {
	d, err := newSQLite(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	return d, nil
}

// newSQLite opens two pools. One connection writes: SQLite has one writer, so
// changes queue there, and behind those of other processes at BEGIN IMMEDIATE.
func newSQLite(ctx context.Context, path string) (*DB, error) {
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
	if err := migrate(ctx, goose.DialectSQLite3, write); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read, err := connect(abs, readers, url.Values{"_pragma": {"query_only(1)"}})
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return &DB{Reader: Reader{plain{read}}, read: read, write: write}, nil
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
