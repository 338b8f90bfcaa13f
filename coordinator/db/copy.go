package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// longPatience is for somebody who copies a whole database and waits for it.
const longPatience = 10 * time.Minute

// ErrNotEmpty says that a database is in use already.
var ErrNotEmpty = errors.New("the database is not empty")

// Account is a user with the PHC string of her password.
type Account struct {
	User
	Password   string // "" if she has none
	Identities []Identity
}

// ViewAll is View for a copy of everything.
func (d *DB) ViewAll(ctx context.Context, fn func(Reader) error) error {
	return d.view(ctx, longPatience, fn)
}

// Fill is Update for a database without users, rules and record; ErrNotEmpty if it has
// any.
func (d *DB) Fill(ctx context.Context, now time.Time, fn func(*Tx) error) error {
	_, err := d.change(ctx, now, change{turn: d.turn, patience: longPatience}, func(tx *Tx) error {
		users, errUsers := tx.CountUsers(ctx)
		rules, errRules := tx.Rules(ctx)
		record, errRecord := tx.AuditHead(ctx)
		if err := errors.Join(errUsers, errRules, errRecord); err != nil {
			return err
		}
		if users > 0 || rules.Revision > 0 || record.Seq > 0 {
			return ErrNotEmpty
		}
		return fn(tx)
	})
	return err
}

// Accounts lists a page in the order of addresses, after an address.
func (r Reader) Accounts(ctx context.Context, after string, limit int) ([]Account, error) {
	users, err := r.Users(ctx, UserQuery{After: after, Limit: limit})
	if err != nil || len(users) == 0 {
		return nil, err
	}
	passwords, err := r.passwords(ctx, users[0].Email, users[len(users)-1].Email)
	if err != nil {
		return nil, err
	}
	identities, err := r.identitiesOf(ctx, users[0].Email, users[len(users)-1].Email)
	if err != nil {
		return nil, err
	}
	accounts := make([]Account, len(users))
	for i, u := range users {
		accounts[i] = Account{User: u, Password: passwords[u.ID], Identities: identities[u.ID]}
	}
	return accounts, nil
}

func (r Reader) identitiesOf(ctx context.Context, first, last string) (map[string][]Identity, error) {
	rows, err := r.q.QueryContext(ctx, identitySelect+`
		WHERE user_id IN (SELECT id FROM users WHERE email BETWEEN $1 AND $2) ORDER BY created, issuer, subject`, first, last)
	all, err := collect(rows, err, func(rows *sql.Rows) (Identity, error) { return scanIdentity(rows) })
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	byUser := map[string][]Identity{}
	for _, i := range all {
		byUser[i.UserID] = append(byUser[i.UserID], i)
	}
	return byUser, nil
}

func (r Reader) passwords(ctx context.Context, first, last string) (map[string]string, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT id, password FROM users WHERE email BETWEEN $1 AND $2`, first, last)
	pairs, err := collect(rows, err, func(rows *sql.Rows) (pair [2]string, err error) {
		err = rows.Scan(&pair[0], &pair[1])
		return pair, err
	})
	if err != nil {
		return nil, fmt.Errorf("passwords: %w", err)
	}
	byID := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		byID[pair[0]] = pair[1]
	}
	return byID, nil
}

// InsertAccount adds a user as she was elsewhere, instants included.
func (tx *Tx) InsertAccount(ctx context.Context, a Account) error {
	err := tx.exec(ctx, `INSERT INTO users (id, email, name, password, admin, active, created, updated)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		a.ID, a.Email, a.Name, a.Password, a.Admin, a.Active, millis(a.Created), millis(a.Updated))
	if err != nil {
		return taken("insert user", err)
	}
	for _, i := range a.Identities {
		i.UserID = a.ID
		if err := tx.InsertIdentity(ctx, i); err != nil {
			return err
		}
	}
	return tx.setGroups(ctx, a.ID, a.Groups)
}
