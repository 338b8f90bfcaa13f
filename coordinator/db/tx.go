package db

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
)

// Tx is one change of people and rights. It collects what edges must hear about
// and writes that to the log of changes when it commits.
type Tx struct {
	Reader
	now     time.Time
	changed bool
	audited bool
	ended   map[session.Hash]struct{}
}

// Update runs fn in a transaction and commits what it did unless it fails.
// revision is the new one, 0 if edges have nothing to hear.
//
// Changes come one after the other, whichever coordinator makes them: fn sees all
// that came before. It may run more than once; only its last run counts.
func (d *DB) Update(ctx context.Context, now time.Time, fn func(*Tx) error) (revision int64, err error) {
	return d.change(ctx, now, change{turn: d.turn, patience: patience}, fn)
}

// Note is Update for a row that edges need not hear about and that depends on
// nothing read: it waits for no other change.
func (d *DB) Note(ctx context.Context, now time.Time, fn func(*Tx) error) error {
	_, err := d.change(ctx, now, change{patience: patience}, func(tx *Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if tx.changed || tx.audited || len(tx.ended) > 0 {
			return errors.New("a change of rights, or a word on record, has to wait for its turn")
		}
		return nil
	})
	return err
}

// change is how a transaction is made.
type change struct {
	turn     string        // as in DB
	patience time.Duration // for all tries together
}

func (d *DB) change(ctx context.Context, now time.Time, how change, fn func(*Tx) error) (revision int64, err error) {
	bounded, cancel := context.WithTimeout(ctx, how.patience)
	defer cancel()
	for try := 1; ; try++ {
		revision, err = d.try(bounded, now, how.turn, fn)
		if err == nil || try == maxTries || !isPassing(err) || !pause(bounded, try) {
			return revision, inTime(ctx, err)
		}
	}
}

func (d *DB) try(ctx context.Context, now time.Time, turn string, fn func(*Tx) error) (revision int64, err error) {
	raw, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("begin: %w", err)
	}
	defer raw.Rollback() //nolint:errcheck // does nothing after a commit
	if turn != "" {
		if _, err := raw.ExecContext(ctx, turn); err != nil {
			return 0, fmt.Errorf("wait for a turn: %w", err)
		}
	}
	tx := &Tx{Reader: Reader{plain{raw}}, now: now, ended: map[session.Hash]struct{}{}}
	if err := fn(tx); err != nil {
		return 0, err
	}
	if tx.changed || len(tx.ended) > 0 {
		if revision, err = tx.logChanges(ctx); err != nil {
			return 0, err
		}
	}
	if err := raw.Commit(); err != nil {
		return 0, fmt.Errorf("commit: %w", unsureError{err})
	}
	return revision, nil
}

func (tx *Tx) logChanges(ctx context.Context) (int64, error) {
	revision, err := tx.nextRevision(ctx)
	if err != nil {
		return 0, err
	}
	for some := range slices.Chunk(slices.Collect(maps.Keys(tx.ended)), changesAtOnce) {
		if err := tx.insertChanges(ctx, revision, some); err != nil {
			return 0, err
		}
	}
	return revision, nil
}

// changesAtOnce bounds the rows of one statement: somebody who ends a provider's
// sessions ends a hundred thousand.
const changesAtOnce = 500

func (tx *Tx) insertChanges(ctx context.Context, revision int64, hashes []session.Hash) error {
	var rows strings.Builder
	args := []any{revision, millis(tx.now)}
	for i, hash := range hashes {
		if i > 0 {
			rows.WriteString(", ")
		}
		args = append(args, hash.String())
		fmt.Fprintf(&rows, "($1, $%d, $2)", len(args))
	}
	if err := tx.exec(ctx, `INSERT INTO changes (revision, hash, at) VALUES `+rows.String(), args...); err != nil {
		return fmt.Errorf("log of changes: %w", err)
	}
	return nil
}

func (tx *Tx) nextRevision(ctx context.Context) (revision int64, err error) {
	err = tx.q.QueryRowContext(ctx, `UPDATE revision SET current = current + 1 WHERE id = 1 RETURNING current`).Scan(&revision)
	if err != nil {
		return 0, fmt.Errorf("next revision: %w", err)
	}
	return revision, nil
}

func (tx *Tx) exec(ctx context.Context, statement string, args ...any) error {
	_, err := tx.q.ExecContext(ctx, statement, args...)
	return err
}

// execOne is exec for statements that must hit a row.
func (tx *Tx) execOne(ctx context.Context, what, statement string, args ...any) error {
	result, err := tx.q.ExecContext(ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// forget marks the credentials whose hashes the query selects.
func (tx *Tx) forget(ctx context.Context, query string, args ...any) error {
	rows, err := tx.q.QueryContext(ctx, query, args...)
	hashes, err := collect(rows, err, scanText)
	if err != nil {
		return fmt.Errorf("credentials to forget: %w", err)
	}
	for _, text := range hashes {
		hash, err := parseHash(text)
		if err != nil {
			return err
		}
		tx.ended[hash] = struct{}{}
	}
	return nil
}

func parseHash(text string) (hash session.Hash, err error) {
	err = hash.UnmarshalText([]byte(text))
	return hash, err
}
