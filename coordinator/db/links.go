package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
)

// Link is a sign-in link that has not been used.
type Link struct {
	User     User
	Password bool // its bearer chooses a new password
	Created  time.Time
	Expires  time.Time
}

// Link finds the link of a user.
func (r Reader) Link(ctx context.Context, userID string) (Link, error) {
	return r.linkWhere(ctx, `l.user_id = $1`, userID)
}

// LinkByHash finds a link by its secret.
func (r Reader) LinkByHash(ctx context.Context, hash session.Hash) (Link, error) {
	return r.linkWhere(ctx, `l.hash = $1`, hash.String())
}

func (r Reader) linkWhere(ctx context.Context, where, arg string) (l Link, err error) {
	var created, expires, userCreated, userUpdated int64
	fields := append([]any{&l.Password, &created, &expires}, l.User.fields(&userCreated, &userUpdated)...)
	err = r.q.QueryRowContext(ctx, `SELECT l.password, l.created, l.expires, `+userColumns+`
		FROM sign_in_links l JOIN users u ON u.id = l.user_id WHERE `+where, arg).Scan(fields...)
	if err != nil {
		return Link{}, notFound("sign-in link", err)
	}
	l.Created, l.Expires = instant(created), instant(expires)
	l.User.Created, l.User.Updated = instant(userCreated), instant(userUpdated)
	return l, r.join(ctx, &l.User)
}

// SetLink stores a link in the place of the user's earlier one.
func (tx *Tx) SetLink(ctx context.Context, hash session.Hash, l Link) error {
	err := tx.exec(ctx, `INSERT INTO sign_in_links (user_id, hash, password, created, expires) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, password = excluded.password,
			created = excluded.created, expires = excluded.expires`,
		l.User.ID, hash.String(), l.Password, millis(tx.now), millis(l.Expires))
	if err != nil {
		return fmt.Errorf("sign-in link: %w", err)
	}
	return nil
}

// DeleteLink deletes a user's link and tells whether there was one.
func (tx *Tx) DeleteLink(ctx context.Context, userID string) (bool, error) {
	err := tx.execOne(ctx, "delete sign-in link", `DELETE FROM sign_in_links WHERE user_id = $1`, userID)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
