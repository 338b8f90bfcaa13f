package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Throttle counts what one account or network did wrong.
type Throttle struct {
	Failures int
	Until    time.Time // no attempt before
	Updated  time.Time // when Failures was right; it drains from then on
}

// Throttle reads a count; one that was never written is zero.
func (r Reader) Throttle(ctx context.Context, subject string) (Throttle, error) {
	var t Throttle
	var until, updated int64
	err := r.q.QueryRowContext(ctx, `SELECT failures, until, updated FROM throttle WHERE subject = $1`, subject).
		Scan(&t.Failures, &until, &updated)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Throttle{}, fmt.Errorf("throttle: %w", err)
	}
	t.Until, t.Updated = instant(until), instant(updated)
	return t, nil
}

// SetThrottle writes a count.
func (tx *Tx) SetThrottle(ctx context.Context, subject string, t Throttle) error {
	err := tx.exec(ctx, `INSERT INTO throttle (subject, failures, until, updated) VALUES ($1, $2, $3, $4)
		ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, until = excluded.until, updated = excluded.updated`,
		subject, t.Failures, millis(t.Until), millis(t.Updated))
	if err != nil {
		return fmt.Errorf("set throttle: %w", err)
	}
	return nil
}

// IsFamiliar tells whether an account was signed in to from a network before.
func (r Reader) IsFamiliar(ctx context.Context, email, network string) (bool, error) {
	var n int
	err := r.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM familiar_networks f JOIN users u ON u.id = f.user_id
		WHERE u.email = $1 AND f.network = $2`, email, network).Scan(&n)
	return n > 0, err
}

// AddFamiliar remembers a network and keeps the latest keep of the user's.
func (tx *Tx) AddFamiliar(ctx context.Context, userID, network string, keep int) error {
	err := tx.exec(ctx, `INSERT INTO familiar_networks (user_id, network, seen) VALUES ($1, $2, $3)
		ON CONFLICT (user_id, network) DO UPDATE SET seen = excluded.seen`, userID, network, millis(tx.now))
	if err != nil {
		return fmt.Errorf("remember network: %w", err)
	}
	return tx.exec(ctx, `DELETE FROM familiar_networks WHERE user_id = $1 AND network NOT IN
		(SELECT network FROM familiar_networks WHERE user_id = $1 ORDER BY seen DESC LIMIT $2)`, userID, keep)
}
