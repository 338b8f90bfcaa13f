package db

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// RuleSet is the ordered table of rules and the revision that made it so.
type RuleSet struct {
	Revision int64
	Rules    []authz.Rule
}

// Rules reads the rules in force.
func (r Reader) Rules(ctx context.Context) (RuleSet, error) {
	var set RuleSet
	var document string
	err := r.q.QueryRowContext(ctx, `SELECT revision, document FROM rules WHERE id = 1`).Scan(&set.Revision, &document)
	if err != nil {
		return RuleSet{}, notFound("rules", err)
	}
	if err := json.Unmarshal([]byte(document), &set.Rules); err != nil {
		return RuleSet{}, fmt.Errorf("stored rules: %w", err)
	}
	return set, nil
}

// ReplaceRules stores another table of rules as the revision that this
// transaction will have.
func (tx *Tx) ReplaceRules(ctx context.Context, rules []authz.Rule) error {
	document, err := json.Marshal(rules)
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	tx.changed = true
	return tx.execOne(ctx, "replace rules", `UPDATE rules SET document = $1,
		revision = (SELECT current + 1 FROM revision WHERE id = 1) WHERE id = 1`, string(document))
}
