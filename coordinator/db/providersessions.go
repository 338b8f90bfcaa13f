package db

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// ProviderSession is what a session needs of the provider it was signed in by. Tokens
// are as their owner encrypted them.
type ProviderSession struct {
	SessionID       string
	Provider        string // of the session
	Issuer, Subject string
	SID             string // the provider's name of its own session; "": it gave none
	IDToken         string
	Refresh         string    // "": none
	Due             time.Time // when the provider is asked again; zero: never
	Confirmed       time.Time // when it last said that the person may stay
}

const providerSessionSelect = `SELECT p.session_id, s.provider, p.issuer, p.subject, p.sid, p.id_token, p.refresh, p.due, p.confirmed
	FROM provider_sessions p JOIN sessions s ON s.id = p.session_id `

func scanProviderSession(row interface{ Scan(...any) error }) (p ProviderSession, err error) {
	var due, confirmed int64
	err = row.Scan(&p.SessionID, &p.Provider, &p.Issuer, &p.Subject, &p.SID, &p.IDToken, &p.Refresh, &due, &confirmed)
	p.Due, p.Confirmed = instant(due), instant(confirmed)
	return p, err
}

// ProviderSession finds that of a session.
func (r Reader) ProviderSession(ctx context.Context, sessionID string) (ProviderSession, error) {
	p, err := scanProviderSession(r.q.QueryRowContext(ctx, providerSessionSelect+`WHERE p.session_id = $1`, sessionID))
	if err != nil {
		return ProviderSession{}, notFound("session of a provider", err)
	}
	return p, nil
}

// DueSessions lists sessions of some providers that are to be asked again by now, the
// longest due first; those that were not active after seen are left out.
func (r Reader) DueSessions(ctx context.Context, now, seen time.Time, providers []string, limit int) ([]ProviderSession, error) {
	if len(providers) == 0 {
		return nil, nil
	}
	args := []any{millis(now), millis(seen), limit}
	marks := make([]string, len(providers))
	for i, name := range providers {
		args = append(args, name)
		marks[i] = fmt.Sprintf("$%d", len(args))
	}
	return r.providerSessions(ctx, `WHERE p.due > 0 AND p.due <= $1 AND s.seen > $2
		AND s.provider IN (`+strings.Join(marks, ", ")+`) ORDER BY p.due LIMIT $3`, args...)
}

// SessionsOfSID lists the sessions that an issuer knows by a name.
func (r Reader) SessionsOfSID(ctx context.Context, issuer, sid string) ([]ProviderSession, error) {
	return r.providerSessions(ctx, `WHERE p.issuer = $1 AND p.sid = $2`, issuer, sid)
}

// SessionsOfSubject lists the sessions that an issuer's subject signed in to.
func (r Reader) SessionsOfSubject(ctx context.Context, issuer, subject string) ([]ProviderSession, error) {
	return r.providerSessions(ctx, `WHERE p.issuer = $1 AND p.subject = $2`, issuer, subject)
}

// SessionClients lists what there are sessions of, one of each provider and issuer.
func (r Reader) SessionClients(ctx context.Context) ([]ProviderSession, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT DISTINCT s.provider, p.issuer FROM sessions s
		LEFT JOIN provider_sessions p ON p.session_id = s.id WHERE s.provider <> ''`)
	all, err := collect(rows, err, func(rows *sql.Rows) (p ProviderSession, err error) {
		var issuer sql.NullString
		err = rows.Scan(&p.Provider, &issuer)
		p.Issuer = issuer.String
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("sessions of providers: %w", err)
	}
	return all, nil
}

func (r Reader) providerSessions(ctx context.Context, where string, args ...any) ([]ProviderSession, error) {
	rows, err := r.q.QueryContext(ctx, providerSessionSelect+where, args...)
	all, err := collect(rows, err, func(rows *sql.Rows) (ProviderSession, error) { return scanProviderSession(rows) })
	if err != nil {
		return nil, fmt.Errorf("sessions of a provider: %w", err)
	}
	return all, nil
}

// InsertProviderSession stores what a new session needs of its provider.
func (tx *Tx) InsertProviderSession(ctx context.Context, p ProviderSession) error {
	err := tx.exec(ctx, `INSERT INTO provider_sessions (session_id, issuer, subject, sid, id_token, refresh, due, confirmed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		p.SessionID, p.Issuer, p.Subject, p.SID, p.IDToken, p.Refresh, millis(p.Due), millis(p.Confirmed))
	if err != nil {
		return fmt.Errorf("insert session of a provider: %w", err)
	}
	return nil
}

// SaveProviderSession writes what the provider gave for the next time.
func (tx *Tx) SaveProviderSession(ctx context.Context, p ProviderSession) error {
	return tx.execOne(ctx, "save session of a provider", `UPDATE provider_sessions SET id_token = $1, refresh = $2, due = $3, confirmed = $4
		WHERE session_id = $5`, p.IDToken, p.Refresh, millis(p.Due), millis(p.Confirmed), p.SessionID)
}

// Postpone sets when a session's provider is asked again, unless somebody else did: it
// tells whether it was the first.
func (tx *Tx) Postpone(ctx context.Context, sessionID string, due, until time.Time) (first bool, err error) {
	result, err := tx.q.ExecContext(ctx, `UPDATE provider_sessions SET due = $1 WHERE session_id = $2 AND due = $3`,
		millis(until), sessionID, millis(due))
	if err != nil {
		return false, fmt.Errorf("postpone: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// EndProviderSessions ends the sessions signed in by a provider, all of them or those of
// one issuer.
func (tx *Tx) EndProviderSessions(ctx context.Context, provider, issuer string) error {
	const all = `provider = $1 AND ($2 = '' OR id IN (SELECT session_id FROM provider_sessions WHERE issuer = $2))`
	if err := tx.forgetSessions(ctx, all, provider, issuer); err != nil {
		return err
	}
	return tx.exec(ctx, `DELETE FROM sessions WHERE `+all, provider, issuer)
}
