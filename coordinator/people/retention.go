package people

import (
	"context"
	"errors"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
)

const (
	pruneEvery = 24 * time.Hour // so that checkpoints do not become the record
	pruneBatch = 10_000         // entries of one transaction
)

// PruneAudit removes entries older than AuditKeep, from the oldest on, and leaves a
// checkpoint that says so: the chain begins later and can still be verified. It gives
// how many it removed.
func (s *Service) PruneAudit(ctx context.Context) (int64, error) {
	if s.AuditKeep == 0 {
		return 0, nil
	}
	oldest, err := s.DB.OldestAudit(ctx)
	limit := s.Now().Add(-s.AuditKeep)
	if err != nil || oldest.After(limit.Add(-pruneEvery)) {
		return 0, ignoreMissing(err)
	}
	removed := int64(0)
	for {
		n, err := s.pruneBatch(ctx, limit)
		removed += n
		if err != nil || n < pruneBatch {
			return removed, err
		}
	}
}

func (s *Service) pruneBatch(ctx context.Context, limit time.Time) (entries int64, err error) {
	err = s.update(ctx, func(tx *db.Tx) error {
		var last audit.Head
		last, entries, err = tx.AuditBefore(ctx, limit, pruneBatch)
		if err != nil {
			entries = 0
			return ignoreMissing(err)
		}
		removed := audit.Removed{Through: last.Seq, Hash: last.Hash, Entries: entries}
		err = record(ctx, tx, Actor{UserID: audit.System}, audit.Checkpoint, "audit", removed)
		if err != nil {
			return err
		}
		return tx.DeleteAudit(ctx, last.Seq)
	})
	return entries, err
}

func ignoreMissing(err error) error {
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	return err
}
