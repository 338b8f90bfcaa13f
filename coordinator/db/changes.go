package db

import (
	"context"
	"fmt"

	"github.com/tessera-iiif/tessera/internal/session"
)

// Revision gives the newest revision and the horizon: what changed up to the
// horizon is no longer on record.
func (r Reader) Revision(ctx context.Context) (current, horizon int64, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT current, horizon FROM revision WHERE id = 1`).Scan(&current, &horizon)
	if err != nil {
		return 0, 0, fmt.Errorf("revision: %w", err)
	}
	return current, horizon, nil
}

// EndedSince lists the credentials that edges must forget since a revision, at
// most limit of them.
func (r Reader) EndedSince(ctx context.Context, since int64, limit int) ([]session.Hash, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT hash FROM changes WHERE revision > $1 ORDER BY revision LIMIT $2`, since, limit)
	texts, err := collect(rows, err, scanText)
	if err != nil {
		return nil, fmt.Errorf("log of changes: %w", err)
	}
	hashes := make([]session.Hash, len(texts))
	for i, text := range texts {
		if hashes[i], err = parseHash(text); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}
