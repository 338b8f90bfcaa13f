package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Bounds of the connections of one coordinator to PostgreSQL.
const (
	writers     = 4 // connections that change; apart from readers, who must not wait behind them
	dialTimeout = 5 * time.Second
	idleLife    = 5 * time.Minute
	longestLife = 30 * time.Minute // then connected anew, to wherever the name points by then
)

// sessionBounds are PostgreSQL's own timeouts, in force unless the source sets
// others. A coordinator that hangs in the middle of a change loses it before those
// who wait for their turn give up.
var sessionBounds = map[string]string{
	"application_name":                    "tessera",
	"lock_timeout":                        "5s",
	"statement_timeout":                   "30s",
	"idle_in_transaction_session_timeout": "3s",
	"synchronous_commit":                  "on", // an acknowledged revocation survives a power cut
}

// takeTurn makes changes queue, across all coordinators, from their first statement
// on. Each therefore sees all before it, as with SQLite, and revisions become
// visible in ascending order: PostgreSQL shows a commit before it frees its locks.
const takeTurn = `SELECT current FROM revision WHERE id = 1 FOR UPDATE`

func openPostgres(ctx context.Context, source string) (*DB, error) {
	config, err := pgx.ParseConfig(source)
	if err != nil { // the error repeats what it could not read
		return nil, errors.New("the address of the database cannot be read: write it as postgres://USER:PASSWORD@HOST/NAME?sslmode=verify-full; in USER and PASSWORD write / as %2F, @ as %40, : as %3A, % as %25")
	}
	if err := migratePostgres(ctx, config.Copy()); err != nil {
		return nil, fmt.Errorf("database %s at %s: %w", config.Database, config.Host, err)
	}
	bounded := config.Copy()
	bounded.RuntimeParams = maps.Clone(sessionBounds)
	maps.Copy(bounded.RuntimeParams, config.RuntimeParams)
	read, write := pool(bounded, readers), pool(bounded, writers)
	return &DB{
		Reader: Reader{plain{read}}, read: read, write: write, turn: takeTurn,
		snapshot: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	}, nil
}

// migratePostgres has connections of its own: building an index may take longer
// than any statement may later.
func migratePostgres(ctx context.Context, config *pgx.ConnConfig) error {
	own := pool(config, writers)
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300), lock.WithUnlockTimeout(1, 5))
	if err != nil {
		return errors.Join(err, own.Close())
	}
	return errors.Join(migrate(ctx, goose.DialectPostgres, own, goose.WithSessionLocker(locker)), own.Close())
}

// pool connects when it is first used.
func pool(config *pgx.ConnConfig, conns int) *sql.DB {
	config = config.Copy()
	config.ConnectTimeout = dialTimeout
	config.DialFunc = (&net.Dialer{
		Timeout:         dialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
	}).DialContext
	p := stdlib.OpenDB(*config)
	p.SetMaxOpenConns(conns)
	p.SetMaxIdleConns(conns)
	p.SetConnMaxIdleTime(idleLife)
	p.SetConnMaxLifetime(longestLife)
	return p
}
