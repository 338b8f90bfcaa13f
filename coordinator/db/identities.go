package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
)

// Identity is whom an issuer's subject is here.
type Identity struct {
	Issuer, Subject string
	UserID          string
	Provider        string // name of the provider it was last seen by
	Email           string // as the provider says, for people to read
	Founded         bool   // the user was made for it
	Admin           bool   // the user is an administrator because of it

	Created, Seen time.Time
}

const identitySelect = `SELECT issuer, subject, user_id, provider, email, founded, admin, created, seen FROM identities `

func scanIdentity(row interface{ Scan(...any) error }) (i Identity, err error) {
	var created, seen int64
	err = row.Scan(&i.Issuer, &i.Subject, &i.UserID, &i.Provider, &i.Email, &i.Founded, &i.Admin, &created, &seen)
	i.Created, i.Seen = instant(created), instant(seen)
	return i, err
}

// Identity finds whom an issuer's subject is.
func (r Reader) Identity(ctx context.Context, issuer, subject string) (Identity, error) {
	i, err := scanIdentity(r.q.QueryRowContext(ctx, identitySelect+`WHERE issuer = $1 AND subject = $2`, issuer, subject))
	if err != nil {
		return Identity{}, notFound("identity", err)
	}
	return i, nil
}

// Identities lists a user's, oldest first.
func (r Reader) Identities(ctx context.Context, userID string) ([]Identity, error) {
	rows, err := r.q.QueryContext(ctx, identitySelect+`WHERE user_id = $1 ORDER BY created, issuer, subject`, userID)
	all, err := collect(rows, err, func(rows *sql.Rows) (Identity, error) { return scanIdentity(rows) })
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	return all, nil
}

// AdminIdentities lists those by which somebody is an administrator, oldest first.
func (r Reader) AdminIdentities(ctx context.Context) ([]Identity, error) {
	rows, err := r.q.QueryContext(ctx, identitySelect+`WHERE admin ORDER BY created, issuer, subject`)
	all, err := collect(rows, err, func(rows *sql.Rows) (Identity, error) { return scanIdentity(rows) })
	if err != nil {
		return nil, fmt.Errorf("identities of administrators: %w", err)
	}
	return all, nil
}

// InsertIdentity ties a subject to a user, from now on unless it says since when;
// ErrTaken if it is somebody already.
func (tx *Tx) InsertIdentity(ctx context.Context, i Identity) error {
	if i.Created.IsZero() || i.Seen.IsZero() {
		i.Created, i.Seen = tx.now, tx.now
	}
	err := tx.exec(ctx, `INSERT INTO identities (issuer, subject, user_id, provider, email, founded, admin, created, seen)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		i.Issuer, i.Subject, i.UserID, i.Provider, i.Email, i.Founded, i.Admin, millis(i.Created), millis(i.Seen))
	if err != nil {
		return taken("insert identity", err)
	}
	tx.forgetIdentity(i.Issuer, i.Subject)
	return nil
}

// SaveIdentity writes down what a provider says of a subject now.
func (tx *Tx) SaveIdentity(ctx context.Context, i Identity) error {
	return tx.execOne(ctx, "save identity", `UPDATE identities SET provider = $1, email = $2, admin = $3, seen = $4
		WHERE issuer = $5 AND subject = $6`, i.Provider, i.Email, i.Admin, millis(tx.now), i.Issuer, i.Subject)
}

// TakeAdmin notes that nobody is an administrator by an identity any more.
func (tx *Tx) TakeAdmin(ctx context.Context, issuer, subject string) error {
	return tx.execOne(ctx, "take administration", `UPDATE identities SET admin = FALSE WHERE issuer = $1 AND subject = $2`, issuer, subject)
}

// DeleteIdentity unties a subject, with the groups it brought.
func (tx *Tx) DeleteIdentity(ctx context.Context, issuer, subject string) error {
	tx.forgetIdentity(issuer, subject)
	return tx.execOne(ctx, "delete identity", `DELETE FROM identities WHERE issuer = $1 AND subject = $2`, issuer, subject)
}

// forgetIdentity makes edges ask anew whom a subject is.
func (tx *Tx) forgetIdentity(issuer, subject string) {
	tx.ended[session.IdentityHash(issuer, subject)] = struct{}{}
}

// forgetIdentities makes edges ask anew about whatever providers know the users as whom a
// condition on user_id selects.
func (tx *Tx) forgetIdentities(ctx context.Context, where string, args ...any) error {
	rows, err := tx.q.QueryContext(ctx, identitySelect+`WHERE `+where, args...)
	all, err := collect(rows, err, func(rows *sql.Rows) (Identity, error) { return scanIdentity(rows) })
	if err != nil {
		return fmt.Errorf("identities to forget: %w", err)
	}
	for _, i := range all {
		tx.forgetIdentity(i.Issuer, i.Subject)
	}
	return nil
}

// forgetHolders makes edges ask anew about every credential of the users whom a condition
// on user_id selects.
func (tx *Tx) forgetHolders(ctx context.Context, where string, args ...any) error {
	if err := tx.forgetSessions(ctx, where, args...); err != nil {
		return err
	}
	if err := tx.forget(ctx, `SELECT hash FROM personal_tokens WHERE `+where, args...); err != nil {
		return err
	}
	return tx.forgetIdentities(ctx, where, args...)
}

// LentGroups lists the groups that a subject's provider says it is in, in no order.
func (r Reader) LentGroups(ctx context.Context, issuer, subject string) ([]string, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT name FROM provider_memberships WHERE issuer = $1 AND subject = $2`, issuer, subject)
	names, err := collect(rows, err, scanText)
	if err != nil {
		return nil, fmt.Errorf("groups of an identity: %w", err)
	}
	return names, nil
}

// IsLent tells whether a provider has put anybody into a group.
func (r Reader) IsLent(ctx context.Context, group string) (lent bool, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM provider_memberships WHERE name = $1)`, group).Scan(&lent)
	if err != nil {
		return false, fmt.Errorf("groups of providers: %w", err)
	}
	return lent, nil
}

// SetLentGroups replaces the groups that a subject's provider says it is in, and no
// others.
func (tx *Tx) SetLentGroups(ctx context.Context, issuer, subject string, groups []string) error {
	if err := tx.exec(ctx, `DELETE FROM provider_memberships WHERE issuer = $1 AND subject = $2`, issuer, subject); err != nil {
		return fmt.Errorf("leave groups: %w", err)
	}
	for _, name := range groups {
		err := tx.exec(ctx, `INSERT INTO provider_memberships (issuer, subject, name) VALUES ($1, $2, $3)`, issuer, subject, name)
		if err != nil {
			return fmt.Errorf("join group: %w", err)
		}
	}
	return nil
}

// DropLentGroups forgets the groups that an issuer gave anybody, and makes edges ask
// anew about those who were in them.
func (tx *Tx) DropLentGroups(ctx context.Context, issuer string) error {
	const members = `user_id IN (SELECT i.user_id FROM identities i
		JOIN provider_memberships m ON m.issuer = i.issuer AND m.subject = i.subject WHERE i.issuer = $1)`
	if err := tx.forgetHolders(ctx, members, issuer); err != nil {
		return err
	}
	return tx.exec(ctx, `DELETE FROM provider_memberships WHERE issuer = $1`, issuer)
}

// Lenders lists the issuers that gave anybody a group.
func (r Reader) Lenders(ctx context.Context) ([]string, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT DISTINCT issuer FROM provider_memberships`)
	all, err := collect(rows, err, scanText)
	if err != nil {
		return nil, fmt.Errorf("issuers: %w", err)
	}
	return all, nil
}
