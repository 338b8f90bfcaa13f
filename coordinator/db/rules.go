package db

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// RuleSet is the ordered table of rules and the revision that made it so.
type RuleSet struct {
	Revision    int64
	Rules       []authz.Rule
	Definitions authz.Definitions // what the rules refer to
}

// Document is the rules with what they refer to.
func (s RuleSet) Document() authz.Document {
	return authz.Document{Items: s.Rules, Definitions: s.Definitions}
}

// Rules reads the rules in force.
func (r Reader) Rules(ctx context.Context) (RuleSet, error) {
	var set RuleSet
	var document, definitions string
	err := r.q.QueryRowContext(ctx, `SELECT revision, document, definitions FROM rules WHERE id = 1`).Scan(&set.Revision, &document, &definitions)
	if err != nil {
		return RuleSet{}, notFound("rules", err)
	}
	if err := strictly(document, &set.Rules); err != nil {
		return RuleSet{}, fmt.Errorf("stored rules: %w", err)
	}
	if err := strictly(definitions, &set.Definitions); err != nil {
		return RuleSet{}, fmt.Errorf("stored definitions of rules: %w", err)
	}
	return set, nil
}

// ReplaceRules stores another table of rules as the revision that this
// transaction will have.
func (tx *Tx) ReplaceRules(ctx context.Context, d authz.Document) error {
	document, err := json.Marshal(d.Items)
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	definitions, err := json.Marshal(d.Definitions)
	if err != nil {
		return fmt.Errorf("definitions of rules: %w", err)
	}
	tx.changed = true
	return tx.execOne(ctx, "replace rules", `UPDATE rules SET document = $1, definitions = $2,
		revision = (SELECT current + 1 FROM revision WHERE id = 1) WHERE id = 1`, string(document), string(definitions))
}

// strictly refuses fields that are not known here. A newer coordinator may have written
// them, and a rule without what bounds it opens more than it was meant to.
func strictly(text string, into any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
