package people

import (
	"context"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/cluster"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Policy compiles the rules in force, with the own settings of some images.
func (s *Service) Policy(ctx context.Context, images ...string) (*authz.Policy, error) {
	set, err := s.Rules(ctx)
	if err != nil {
		return nil, err
	}
	policy, err := set.Document().Compile(s.Fallback)
	if err != nil {
		return nil, err
	}
	return s.withItems(ctx, policy, images...)
}

// RecordPurge puts on record that edges and workers are to forget what they keep.
func (s *Service) RecordPurge(ctx context.Context, actor Actor, p cluster.Purge) error {
	return s.update(ctx, func(tx *db.Tx) error { return record(ctx, tx, actor, audit.Purged, "cache", p) })
}
