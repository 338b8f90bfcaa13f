package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
)

// AccessToken is an IIIF access token: what a session may see, for one origin
// and one auth service.
type AccessToken struct {
	Session Session
	Origin  string // "" for clients that are no browsers
	Service string // its path below /auth/, such as "2/members"
	Expires time.Time
}

// PersonalToken is an API client's credential.
type PersonalToken struct {
	ID      string // public
	User    User
	Name    string
	Scopes  string // separated by spaces
	Created time.Time
	Used    time.Time // zero: never
	Expires time.Time
}

// TokenQuery asks for a page of personal tokens, latest first.
type TokenQuery struct {
	UserID string // "" finds everybody's
	Search string // part of its name or of the user's address
	After  string // id after which the page begins
	Limit  int
}

// AccessTokenByHash finds an access token with its session.
func (r Reader) AccessTokenByHash(ctx context.Context, hash session.Hash) (AccessToken, error) {
	var t AccessToken
	var sessionID string
	var expires int64
	err := r.q.QueryRowContext(ctx, `SELECT session_id, origin, service, expires FROM access_tokens WHERE hash = $1`,
		hash.String()).Scan(&sessionID, &t.Origin, &t.Service, &expires)
	if err != nil {
		return AccessToken{}, notFound("access token", err)
	}
	t.Expires = instant(expires)
	t.Session, err = r.sessionWhere(ctx, `WHERE s.id = $1`, sessionID)
	return t, err
}

// AccessTokenExpires is when the last of the tokens of a session, origin and service
// ends; zero if there is none.
func (r Reader) AccessTokenExpires(ctx context.Context, sessionID, origin, service string) (time.Time, error) {
	var expires int64
	err := r.q.QueryRowContext(ctx, `SELECT COALESCE(MAX(expires), 0) FROM access_tokens
		WHERE session_id = $1 AND origin = $2 AND service = $3`, sessionID, origin, service).Scan(&expires)
	if err != nil {
		return time.Time{}, fmt.Errorf("access tokens: %w", err)
	}
	return instant(expires), nil
}

// InsertAccessToken stores a token and gives how many its session then holds, without
// those that have expired. A token that lives must never be deleted to make room: an
// edge that knows it would not hear when its session ends.
func (tx *Tx) InsertAccessToken(ctx context.Context, hash session.Hash, t AccessToken) (held int, err error) {
	err = tx.exec(ctx, `DELETE FROM access_tokens WHERE session_id = $1 AND expires <= $2`, t.Session.ID, millis(tx.now))
	if err != nil {
		return 0, fmt.Errorf("delete expired access tokens: %w", err)
	}
	err = tx.exec(ctx, `INSERT INTO access_tokens (hash, session_id, origin, service, expires) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (hash) DO NOTHING`, // two coordinators derive equal tokens at the same instant
		hash.String(), t.Session.ID, t.Origin, t.Service, millis(t.Expires))
	if err != nil {
		return 0, fmt.Errorf("insert access token: %w", err)
	}
	err = tx.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM access_tokens WHERE session_id = $1`, t.Session.ID).Scan(&held)
	return held, err
}

const personalSelect = `SELECT t.id, t.name, t.scopes, t.created, t.used, t.expires, ` + userColumns + `
	FROM personal_tokens t JOIN users u ON u.id = t.user_id `

func scanPersonal(row interface{ Scan(...any) error }) (t PersonalToken, err error) {
	var created, used, expires, userCreated, userUpdated int64
	fields := append([]any{&t.ID, &t.Name, &t.Scopes, &created, &used, &expires}, t.User.fields(&userCreated, &userUpdated)...)
	err = row.Scan(fields...)
	t.Created, t.Used, t.Expires = instant(created), instant(used), instant(expires)
	t.User.Created, t.User.Updated = instant(userCreated), instant(userUpdated)
	return t, err
}

// PersonalTokenByHash finds a personal token.
func (r Reader) PersonalTokenByHash(ctx context.Context, hash session.Hash) (PersonalToken, error) {
	t, err := scanPersonal(r.q.QueryRowContext(ctx, personalSelect+`WHERE t.hash = $1`, hash.String()))
	if err != nil {
		return PersonalToken{}, notFound("personal token", err)
	}
	return t, r.join(ctx, &t.User)
}

// PersonalTokens lists a page; the users' groups are left out.
func (r Reader) PersonalTokens(ctx context.Context, q TokenQuery) ([]PersonalToken, error) {
	rows, err := r.q.QueryContext(ctx, personalSelect+`
		WHERE ($1 = '' OR t.user_id = $1) AND ($2 = '' OR t.id < $2)
		  AND ($3 = '' OR LOWER(t.name) LIKE $3 ESCAPE '\' OR u.email LIKE $3 ESCAPE '\')
		ORDER BY t.id DESC LIMIT $4`, q.UserID, q.After, containing(q.Search), q.Limit)
	all, err := collect(rows, err, func(rows *sql.Rows) (PersonalToken, error) { return scanPersonal(rows) })
	if err != nil {
		return nil, fmt.Errorf("personal tokens: %w", err)
	}
	return all, nil
}

// PersonalToken finds a personal token by its public id, without the user's groups.
func (r Reader) PersonalToken(ctx context.Context, id string) (PersonalToken, error) {
	t, err := scanPersonal(r.q.QueryRowContext(ctx, personalSelect+`WHERE t.id = $1`, id))
	if err != nil {
		return PersonalToken{}, notFound("personal token", err)
	}
	return t, nil
}

// CountPersonalTokens counts a user's.
func (r Reader) CountPersonalTokens(ctx context.Context, userID string) (n int, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM personal_tokens WHERE user_id = $1`, userID).Scan(&n)
	return n, err
}

// InsertPersonalToken stores a token.
func (tx *Tx) InsertPersonalToken(ctx context.Context, hash session.Hash, t PersonalToken) error {
	err := tx.exec(ctx, `INSERT INTO personal_tokens (id, hash, user_id, name, scopes, created, used, expires)
		VALUES ($1, $2, $3, $4, $5, $6, 0, $7)`, t.ID, hash.String(), t.User.ID, t.Name, t.Scopes, millis(tx.now), millis(t.Expires))
	if err != nil {
		return fmt.Errorf("insert personal token: %w", err)
	}
	return nil
}

// TouchPersonalToken records use.
func (tx *Tx) TouchPersonalToken(ctx context.Context, id string) error {
	return tx.exec(ctx, `UPDATE personal_tokens SET used = $1 WHERE id = $2 AND used < $1`, millis(tx.now), id)
}

// DeletePersonalToken ends a personal token.
func (tx *Tx) DeletePersonalToken(ctx context.Context, id string) error {
	if err := tx.forget(ctx, `SELECT hash FROM personal_tokens WHERE id = $1`, id); err != nil {
		return err
	}
	return tx.execOne(ctx, "delete personal token", `DELETE FROM personal_tokens WHERE id = $1`, id)
}
