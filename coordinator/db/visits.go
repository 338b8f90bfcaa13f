package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
)

// Visit is the session of somebody who has not signed in.
type Visit struct {
	ID      string // public
	Network string
	Agent   string
	Terms   []string // accepted, each name@version

	Created time.Time
	Seen    time.Time // last activity, at most a minute behind
	Expires time.Time // absolute limit
}

// VisitToken is an IIIF access token of a visit.
type VisitToken struct {
	Visit   Visit
	Origin  string // "" for clients that are no browsers
	Service string // its path below /auth/
	Expires time.Time
}

// VisitQuery asks for a page of visits, latest first.
type VisitQuery struct {
	After   string    // id after which the page begins
	Seen    time.Time // leaves out those that were not active after it
	Expires time.Time // leaves out those that expire by then
	Limit   int
}

const visitSelect = `SELECT v.id, v.network, v.agent, v.created, v.seen, v.expires FROM visits v `

func scanVisit(row interface{ Scan(...any) error }) (v Visit, err error) {
	var created, seen, expires int64
	err = row.Scan(&v.ID, &v.Network, &v.Agent, &created, &seen, &expires)
	v.Created, v.Seen, v.Expires = instant(created), instant(seen), instant(expires)
	return v, err
}

// VisitByHash finds the visit of a session cookie.
func (r Reader) VisitByHash(ctx context.Context, hash session.Hash) (Visit, error) {
	return r.visitWhere(ctx, `WHERE v.hash = $1`, hash.String())
}

func (r Reader) visitWhere(ctx context.Context, where, arg string) (Visit, error) {
	v, err := scanVisit(r.q.QueryRowContext(ctx, visitSelect+where, arg))
	if err != nil {
		return Visit{}, notFound("visit", err)
	}
	v.Terms, err = r.terms(ctx, `SELECT name || '@' || version FROM visit_terms WHERE visit_id = $1`, v.ID)
	return v, err
}

// Visits lists a page, without the terms.
func (r Reader) Visits(ctx context.Context, q VisitQuery) ([]Visit, error) {
	rows, err := r.q.QueryContext(ctx, visitSelect+`WHERE ($1 = '' OR v.id < $1) AND v.seen > $2 AND v.expires > $3
		ORDER BY v.id DESC LIMIT $4`, q.After, millis(q.Seen), millis(q.Expires), q.Limit)
	all, err := collect(rows, err, func(rows *sql.Rows) (Visit, error) { return scanVisit(rows) })
	if err != nil {
		return nil, fmt.Errorf("visits: %w", err)
	}
	return all, nil
}

// CountVisits counts the visits that began from a network after an instant.
func (r Reader) CountVisits(ctx context.Context, network string, since time.Time) (n int, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM visits WHERE network = $1 AND created > $2`, network, millis(since)).Scan(&n)
	return n, err
}

// InsertVisit stores a new visit.
func (tx *Tx) InsertVisit(ctx context.Context, hash session.Hash, v Visit) error {
	err := tx.exec(ctx, `INSERT INTO visits (id, hash, network, agent, created, seen, expires) VALUES ($1, $2, $3, $4, $5, $5, $6)`,
		v.ID, hash.String(), v.Network, v.Agent, millis(tx.now), millis(v.Expires))
	if err != nil {
		return fmt.Errorf("insert visit: %w", err)
	}
	return nil
}

// TouchVisit records activity.
func (tx *Tx) TouchVisit(ctx context.Context, id string) error {
	return tx.exec(ctx, `UPDATE visits SET seen = $1 WHERE id = $2 AND seen < $1`, millis(tx.now), id)
}

// EndVisit ends a visit and its access tokens.
func (tx *Tx) EndVisit(ctx context.Context, id string) error {
	if err := tx.forgetVisit(ctx, id); err != nil {
		return err
	}
	return tx.execOne(ctx, "end visit", `DELETE FROM visits WHERE id = $1`, id)
}

func (tx *Tx) forgetVisit(ctx context.Context, id string) error {
	return tx.forget(ctx, `SELECT hash FROM visits WHERE id = $1 UNION ALL SELECT hash FROM visit_tokens WHERE visit_id = $1`, id)
}

// VisitHasOrigin tells whether a visit accepted terms for the viewer of an origin.
func (r Reader) VisitHasOrigin(ctx context.Context, id, origin string) (bool, error) {
	var n int
	err := r.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM visit_origins WHERE visit_id = $1 AND origin = $2`, id, origin).Scan(&n)
	return n > 0, err
}

// AddVisitOrigin remembers that, and keeps the latest keep of them.
func (tx *Tx) AddVisitOrigin(ctx context.Context, id, origin string, keep int) error {
	err := tx.exec(ctx, `INSERT INTO visit_origins (visit_id, origin, added) VALUES ($1, $2, $3)
		ON CONFLICT (visit_id, origin) DO UPDATE SET added = excluded.added`, id, origin, millis(tx.now))
	if err != nil {
		return fmt.Errorf("remember origin: %w", err)
	}
	return tx.exec(ctx, `DELETE FROM visit_origins WHERE visit_id = $1 AND origin NOT IN
		(SELECT origin FROM visit_origins WHERE visit_id = $1 ORDER BY added DESC LIMIT $2)`, id, keep)
}

// VisitTokenByHash finds an access token with its visit.
func (r Reader) VisitTokenByHash(ctx context.Context, hash session.Hash) (VisitToken, error) {
	var t VisitToken
	var id string
	var expires int64
	err := r.q.QueryRowContext(ctx, `SELECT visit_id, origin, service, expires FROM visit_tokens WHERE hash = $1`,
		hash.String()).Scan(&id, &t.Origin, &t.Service, &expires)
	if err != nil {
		return VisitToken{}, notFound("access token", err)
	}
	t.Expires = instant(expires)
	t.Visit, err = r.visitWhere(ctx, `WHERE v.id = $1`, id)
	return t, err
}

// VisitTokenExpires is when the last of the tokens of a visit, origin and service ends;
// zero if there is none.
func (r Reader) VisitTokenExpires(ctx context.Context, id, origin, service string) (time.Time, error) {
	var expires int64
	err := r.q.QueryRowContext(ctx, `SELECT COALESCE(MAX(expires), 0) FROM visit_tokens
		WHERE visit_id = $1 AND origin = $2 AND service = $3`, id, origin, service).Scan(&expires)
	if err != nil {
		return time.Time{}, fmt.Errorf("access tokens: %w", err)
	}
	return instant(expires), nil
}

// InsertVisitToken stores a token and gives how many its visit then holds, as
// InsertAccessToken does for a session's.
func (tx *Tx) InsertVisitToken(ctx context.Context, hash session.Hash, t VisitToken) (held int, err error) {
	err = tx.exec(ctx, `DELETE FROM visit_tokens WHERE visit_id = $1 AND expires <= $2`, t.Visit.ID, millis(tx.now))
	if err != nil {
		return 0, fmt.Errorf("delete expired access tokens: %w", err)
	}
	err = tx.exec(ctx, `INSERT INTO visit_tokens (hash, visit_id, origin, service, expires) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (hash) DO NOTHING`, hash.String(), t.Visit.ID, t.Origin, t.Service, millis(t.Expires))
	if err != nil {
		return 0, fmt.Errorf("insert access token: %w", err)
	}
	err = tx.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM visit_tokens WHERE visit_id = $1`, t.Visit.ID).Scan(&held)
	return held, err
}

// purgeVisits deletes visits and tokens that are of no use to anybody.
func (tx *Tx) purgeVisits(ctx context.Context, l Limits) error {
	err := tx.exec(ctx, `DELETE FROM visits WHERE seen < $1 OR expires < $2`, millis(l.Seen), millis(l.Expired))
	if err != nil {
		return err
	}
	return tx.exec(ctx, `DELETE FROM visit_tokens WHERE expires < $1`, millis(l.Expired))
}
