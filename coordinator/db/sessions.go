package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
)

// Session is one sign-in of one user, with the user as she is now.
type Session struct {
	ID       string // public
	User     User
	Provider string // that vouched for the user; "" if a password here did
	Network  string
	Agent    string

	Created time.Time
	Seen    time.Time // last activity, at most a minute behind
	Expires time.Time // absolute limit
}

// NewSession is a session to store, with the hashes of its cookies.
type NewSession struct {
	Session
	Hash      session.Hash
	AdminHash *session.Hash // only for administrators
}

// SessionQuery asks for a page of sessions, latest sign-in first.
type SessionQuery struct {
	SessionFilter
	Search  string    // part of the user's address or name, of network or browser
	After   string    // id after which the page begins
	Seen    time.Time // leaves out those that were not active after it
	Expires time.Time // leaves out those that expire by then
	Limit   int
}

// SessionFilter selects sessions that meet both.
type SessionFilter struct {
	UserID   string  // "" is anybody's
	Provider *string // nil is any
}

func (f SessionFilter) provider() (anyProvider bool, name string) {
	if f.Provider == nil {
		return true, ""
	}
	return false, *f.Provider
}

const sessionSelect = `SELECT s.id, s.provider, s.network, s.agent, s.created, s.seen, s.expires, ` + userColumns + `
	FROM sessions s JOIN users u ON u.id = s.user_id `

func scanSession(row interface{ Scan(...any) error }) (s Session, err error) {
	var created, seen, expires, userCreated, userUpdated int64
	fields := append([]any{&s.ID, &s.Provider, &s.Network, &s.Agent, &created, &seen, &expires},
		s.User.fields(&userCreated, &userUpdated)...)
	err = row.Scan(fields...)
	s.Created, s.Seen, s.Expires = instant(created), instant(seen), instant(expires)
	s.User.Created, s.User.Updated = instant(userCreated), instant(userUpdated)
	return s, err
}

// SessionByHash finds the session of a session cookie.
func (r Reader) SessionByHash(ctx context.Context, hash session.Hash) (Session, error) {
	return r.sessionWhere(ctx, `WHERE s.hash = $1`, hash.String())
}

// SessionByAdminHash finds the session of an administrator's cookie.
func (r Reader) SessionByAdminHash(ctx context.Context, hash session.Hash) (Session, error) {
	return r.sessionWhere(ctx, `WHERE s.admin_hash = $1`, hash.String())
}

func (r Reader) sessionWhere(ctx context.Context, where string, arg string) (Session, error) {
	s, err := scanSession(r.q.QueryRowContext(ctx, sessionSelect+where, arg))
	if err != nil {
		return Session{}, notFound("session", err)
	}
	return s, r.join(ctx, &s.User)
}

// Sessions lists a page; the users' groups are left out.
func (r Reader) Sessions(ctx context.Context, q SessionQuery) ([]Session, error) {
	anyProvider, provider := q.provider()
	rows, err := r.q.QueryContext(ctx, sessionSelect+`
		WHERE ($1 = '' OR s.user_id = $1) AND ($2 = '' OR s.id < $2) AND s.seen > $3 AND s.expires > $4
		  AND ($5 OR s.provider = $6)
		  AND ($7 = '' OR u.email LIKE $7 ESCAPE '\' OR LOWER(u.name) LIKE $7 ESCAPE '\'
		    OR s.network LIKE $7 ESCAPE '\' OR LOWER(s.agent) LIKE $7 ESCAPE '\')
		ORDER BY s.id DESC LIMIT $8`,
		q.UserID, q.After, millis(q.Seen), millis(q.Expires), anyProvider, provider, containing(q.Search), q.Limit)
	all, err := collect(rows, err, func(rows *sql.Rows) (Session, error) { return scanSession(rows) })
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	return all, nil
}

// InsertSession stores a new session.
func (tx *Tx) InsertSession(ctx context.Context, s NewSession) error {
	var adminHash sql.NullString
	if s.AdminHash != nil {
		adminHash = sql.NullString{String: s.AdminHash.String(), Valid: true}
	}
	err := tx.exec(ctx, `INSERT INTO sessions (id, hash, admin_hash, user_id, provider, network, agent, created, seen, expires)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)`,
		s.ID, s.Hash.String(), adminHash, s.User.ID, s.Provider, s.Network, s.Agent, millis(tx.now), millis(s.Expires))
	if err != nil {
		return fmt.Errorf("insert session: %w", err)
	}
	return nil
}

// TouchSession records activity.
func (tx *Tx) TouchSession(ctx context.Context, id string) error {
	return tx.exec(ctx, `UPDATE sessions SET seen = $1 WHERE id = $2 AND seen < $1`, millis(tx.now), id)
}

// EndSession ends one session and its access tokens.
func (tx *Tx) EndSession(ctx context.Context, id string) error {
	if err := tx.forgetSessions(ctx, `id = $1`, id); err != nil {
		return err
	}
	return tx.execOne(ctx, "end session", `DELETE FROM sessions WHERE id = $1`, id)
}

// EndSessions ends every session of a user but one, whose id may be "".
func (tx *Tx) EndSessions(ctx context.Context, userID, except string) error {
	if err := tx.forgetSessions(ctx, `user_id = $1 AND id <> $2`, userID, except); err != nil {
		return err
	}
	return tx.exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND id <> $2`, userID, except)
}

// EndSessionsOf ends all that a filter selects and gives their number.
func (tx *Tx) EndSessionsOf(ctx context.Context, f SessionFilter) (int, error) {
	const selected = `($1 = '' OR user_id = $1) AND ($2 OR provider = $3)`
	anyProvider, provider := f.provider()
	if err := tx.forgetSessions(ctx, selected, f.UserID, anyProvider, provider); err != nil {
		return 0, err
	}
	result, err := tx.q.ExecContext(ctx, `DELETE FROM sessions WHERE `+selected, f.UserID, anyProvider, provider)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// Session finds a session by its public id.
func (r Reader) Session(ctx context.Context, id string) (Session, error) {
	return r.sessionWhere(ctx, `WHERE s.id = $1`, id)
}

// EndStalestSessions keeps the sessions of a user that were active last.
func (tx *Tx) EndStalestSessions(ctx context.Context, userID string, keep int) error {
	const stale = `user_id = $1 AND id NOT IN (SELECT id FROM sessions WHERE user_id = $1 ORDER BY seen DESC, id DESC LIMIT $2)`
	if err := tx.forgetSessions(ctx, stale, userID, keep); err != nil {
		return err
	}
	return tx.exec(ctx, `DELETE FROM sessions WHERE `+stale, userID, keep)
}

func (tx *Tx) forgetSessions(ctx context.Context, where string, args ...any) error {
	return tx.forget(ctx, `SELECT hash FROM sessions WHERE `+where+`
		UNION ALL SELECT hash FROM access_tokens WHERE session_id IN (SELECT id FROM sessions WHERE `+where+`)`, args...)
}

// HasOrigin tells whether a session was used to sign in from an origin.
func (r Reader) HasOrigin(ctx context.Context, sessionID, origin string) (bool, error) {
	var n int
	err := r.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM session_origins WHERE session_id = $1 AND origin = $2`,
		sessionID, origin).Scan(&n)
	return n > 0, err
}

// AddOrigin remembers that a session was used to sign in from an origin, and
// keeps the latest keep of them.
func (tx *Tx) AddOrigin(ctx context.Context, sessionID, origin string, keep int) error {
	err := tx.exec(ctx, `INSERT INTO session_origins (session_id, origin, added) VALUES ($1, $2, $3)
		ON CONFLICT (session_id, origin) DO UPDATE SET added = excluded.added`, sessionID, origin, millis(tx.now))
	if err != nil {
		return fmt.Errorf("remember origin: %w", err)
	}
	return tx.exec(ctx, `DELETE FROM session_origins WHERE session_id = $1 AND origin NOT IN
		(SELECT origin FROM session_origins WHERE session_id = $1 ORDER BY added DESC LIMIT $2)`, sessionID, keep)
}

// CountSessions counts the sessions of each provider, "" being passwords here, that were
// active after seen and expire after now.
func (r Reader) CountSessions(ctx context.Context, seen, now time.Time) (map[string]int, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT provider, COUNT(*) FROM sessions WHERE seen > $1 AND expires > $2 GROUP BY provider`,
		millis(seen), millis(now))
	counts := map[string]int{}
	_, err = collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
		var provider string
		var n int
		err := rows.Scan(&provider, &n)
		counts[provider] = n
		return struct{}{}, err
	})
	if err != nil {
		return nil, fmt.Errorf("count sessions: %w", err)
	}
	return counts, nil
}
