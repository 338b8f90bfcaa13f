package db

import (
	"context"
	"fmt"
	"time"
)

// Limits are the instants before which rows are of no use to anybody.
type Limits struct {
	Seen     time.Time // sessions idle since before
	Expired  time.Time // sessions and tokens that expired before
	Changes  time.Time // log of changes: older than what any edge may ask for
	Throttle time.Time // counts that have drained since
	Familiar time.Time // networks not seen since
}

// Purge deletes what Limits says. Nobody needs to hear about it: what it deletes
// had already stopped working.
func (tx *Tx) Purge(ctx context.Context, l Limits) error {
	for _, step := range []struct {
		statement string
		args      []any
	}{
		{`DELETE FROM sessions WHERE seen < $1 OR expires < $2`, []any{millis(l.Seen), millis(l.Expired)}},
		{`DELETE FROM access_tokens WHERE expires < $1`, []any{millis(l.Expired)}},
		{`DELETE FROM personal_tokens WHERE expires < $1`, []any{millis(l.Expired)}},
		{`DELETE FROM sign_in_links WHERE expires < $1`, []any{millis(l.Expired)}},
		{`UPDATE revision SET horizon = COALESCE((SELECT MAX(revision) FROM changes WHERE at < $1), horizon) WHERE id = 1`, []any{millis(l.Changes)}},
		{`DELETE FROM changes WHERE revision <= (SELECT horizon FROM revision WHERE id = 1)`, nil},
		{`DELETE FROM items WHERE setting_id IS NULL AND revision <= (SELECT horizon FROM revision WHERE id = 1)`, nil},
		{`DELETE FROM throttle WHERE updated < $1 AND until < $2`, []any{millis(l.Throttle), millis(tx.now)}},
		{`DELETE FROM departures WHERE expires < $1`, []any{millis(tx.now)}},
		{`DELETE FROM used_tokens WHERE expires < $1`, []any{millis(tx.now)}},
		{`DELETE FROM familiar_networks WHERE seen < $1`, []any{millis(l.Familiar)}},
	} {
		if err := tx.exec(ctx, step.statement, step.args...); err != nil {
			return fmt.Errorf("purge: %w", err)
		}
	}
	if err := tx.purgeVisits(ctx, l); err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	return nil
}
