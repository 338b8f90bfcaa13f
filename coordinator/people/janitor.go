package people

import (
	"context"
	"errors"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
)

// How long rows are kept after they are of no more use to the people they are
// about: lapsed sessions so that a viewer can be told "expired", the rest for
// edges that were cut off.
const (
	keepLapsed   = 24 * time.Hour
	keepChanges  = 24 * time.Hour
	keepFamiliar = 180 * 24 * time.Hour
	purgeEvery   = 10 * time.Minute
)

// Purge deletes what nobody needs any more. Several coordinators may: what one has
// deleted the next does not find.
func (s *Service) Purge(ctx context.Context) error {
	now := s.Now()
	return s.update(ctx, func(tx *db.Tx) error {
		return tx.Purge(ctx, db.Limits{
			Seen:     now.Add(-s.SessionIdle - keepLapsed),
			Expired:  now.Add(-keepLapsed),
			Changes:  now.Add(-keepChanges),
			Throttle: now.Add(-forgetAfter),
			Familiar: now.Add(-keepFamiliar),
		})
	})
}

func (s *Service) cleanUp(ctx context.Context) error {
	removed, err := s.PruneAudit(ctx)
	if removed > 0 {
		s.Log.InfoContext(ctx, "audit entries removed by retention", "entries", removed)
	}
	return errors.Join(err, s.Purge(ctx))
}

// Run purges now and then until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		if err := s.cleanUp(ctx); err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "purge failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Revision is the newest there is, whichever coordinator made it.
func (s *Service) Revision(ctx context.Context) (int64, error) {
	current, _, err := s.DB.Revision(ctx)
	return current, err
}

// AnnounceCurrent tells edges the revision there is.
func (s *Service) AnnounceCurrent(ctx context.Context) error {
	current, err := s.Revision(ctx)
	if err != nil {
		return err
	}
	s.Announce(current)
	return nil
}
