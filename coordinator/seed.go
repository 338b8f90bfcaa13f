package coordinator

import (
	"context"
	"errors"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Seed puts rules in force if none ever were. It tells whether it did.
func (c *Coordinator) Seed(ctx context.Context, rules authz.Document) (bool, error) {
	_, err := c.people.ReplaceDocument(ctx, people.Actor{UserID: audit.System}, rules, 0)
	var refused *people.Error
	if errors.As(err, &refused) && refused.Kind == people.Precondition {
		return false, nil
	}
	return err == nil, err
}
