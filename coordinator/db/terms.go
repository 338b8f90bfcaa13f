package db

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Definitions reads what the rules refer to, without the rules.
func (r Reader) Definitions(ctx context.Context) (d authz.Definitions, err error) {
	var text string
	if err := r.q.QueryRowContext(ctx, `SELECT definitions FROM rules WHERE id = 1`).Scan(&text); err != nil {
		return d, notFound("rules", err)
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return d, fmt.Errorf("stored definitions of rules: %w", err)
	}
	return d, nil
}

// UserTerms lists what a user has accepted, each as name@version.
func (r Reader) UserTerms(ctx context.Context, userID string) ([]string, error) {
	return r.terms(ctx, `SELECT name || '@' || version FROM user_terms WHERE user_id = $1`, userID)
}

func (r Reader) terms(ctx context.Context, query, subject string) ([]string, error) {
	rows, err := r.q.QueryContext(ctx, query+` ORDER BY accepted DESC, name LIMIT `+mostTerms, subject)
	keys, err := collect(rows, err, scanText)
	if err != nil {
		return nil, fmt.Errorf("accepted terms: %w", err)
	}
	return keys, nil
}

// mostTerms bounds what is told of one reader; the latest count.
const mostTerms = `200`

// AcceptAsUser records that a user has accepted terms. Edges look again at
// whatever she holds.
func (tx *Tx) AcceptAsUser(ctx context.Context, userID string, t authz.Terms) error {
	err := tx.exec(ctx, `INSERT INTO user_terms (user_id, name, version, accepted) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id, name, version) DO NOTHING`, userID, t.Name, t.Version, millis(tx.now))
	if err != nil {
		return fmt.Errorf("accept terms: %w", err)
	}
	return tx.ForgetUser(ctx, userID)
}

// AcceptAsVisit is AcceptAsUser for a visit.
func (tx *Tx) AcceptAsVisit(ctx context.Context, visitID string, t authz.Terms) error {
	err := tx.exec(ctx, `INSERT INTO visit_terms (visit_id, name, version, accepted) VALUES ($1, $2, $3, $4)
		ON CONFLICT (visit_id, name, version) DO NOTHING`, visitID, t.Name, t.Version, millis(tx.now))
	if err != nil {
		return fmt.Errorf("accept terms: %w", err)
	}
	return tx.forgetVisit(ctx, visitID)
}
