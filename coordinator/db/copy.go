package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/internal/session"
)

// longPatience is for somebody who copies a whole database and waits for it.
const longPatience = 10 * time.Minute

// ErrNotEmpty says that a database is in use already.
var ErrNotEmpty = errors.New("the database is not empty")

// Account is a user with all that lasts of her.
type Account struct {
	User
	Password   string // PHC string; "" if she has none
	Identities []Identity
	Accepted   []Acceptance
	Tokens     []KeptToken
}

// Acceptance is that a user accepted a version of terms.
type Acceptance struct {
	Name, Version string
	At            time.Time
}

// KeptToken is a personal token as it is stored.
type KeptToken struct {
	PersonalToken // without the user
	Hash          session.Hash
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
	first, last := users[0].Email, users[len(users)-1].Email
	passwords, errPasswords := r.passwords(ctx, first, last)
	identities, errIdentities := r.identitiesOf(ctx, first, last)
	accepted, errAccepted := r.acceptedOf(ctx, first, last)
	tokens, errTokens := r.tokensOf(ctx, first, last)
	if err := errors.Join(errPasswords, errIdentities, errAccepted, errTokens); err != nil {
		return nil, err
	}
	accounts := make([]Account, len(users))
	for i, u := range users {
		accounts[i] = Account{User: u, Password: passwords[u.ID], Identities: identities[u.ID], Accepted: accepted[u.ID], Tokens: tokens[u.ID]}
	}
	return accounts, nil
}

// ofThose selects what belongs to the users of a page.
const ofThose = ` user_id IN (SELECT id FROM users WHERE email BETWEEN $1 AND $2) `

// byUser gathers rows by the user they belong to.
func byUser[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (user string, row T, err error)) (map[string][]T, error) {
	all := map[string][]T{}
	_, err = collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
		user, row, err := scan(rows)
		all[user] = append(all[user], row)
		return struct{}{}, err
	})
	return all, err
}

func (r Reader) identitiesOf(ctx context.Context, first, last string) (map[string][]Identity, error) {
	rows, err := r.q.QueryContext(ctx, identitySelect+`WHERE`+ofThose+`ORDER BY created, issuer, subject`, first, last)
	all, err := byUser(rows, err, func(rows *sql.Rows) (string, Identity, error) {
		i, err := scanIdentity(rows)
		return i.UserID, i, err
	})
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	return all, nil
}

func (r Reader) acceptedOf(ctx context.Context, first, last string) (map[string][]Acceptance, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT user_id, name, version, accepted FROM user_terms
		WHERE`+ofThose+`ORDER BY accepted, name, version`, first, last)
	all, err := byUser(rows, err, func(rows *sql.Rows) (user string, a Acceptance, err error) {
		var at int64
		err = rows.Scan(&user, &a.Name, &a.Version, &at)
		a.At = instant(at)
		return user, a, err
	})
	if err != nil {
		return nil, fmt.Errorf("accepted terms: %w", err)
	}
	return all, nil
}

func (r Reader) tokensOf(ctx context.Context, first, last string) (map[string][]KeptToken, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT user_id, id, hash, name, scopes, created, used, expires FROM personal_tokens
		WHERE`+ofThose+`ORDER BY id`, first, last)
	all, err := byUser(rows, err, func(rows *sql.Rows) (user string, t KeptToken, err error) {
		var hash string
		var created, used, expires int64
		err = rows.Scan(&user, &t.ID, &hash, &t.Name, &t.Scopes, &created, &used, &expires)
		t.Created, t.Used, t.Expires = instant(created), instant(used), instant(expires)
		return user, t, errors.Join(err, t.Hash.UnmarshalText([]byte(hash)))
	})
	if err != nil {
		return nil, fmt.Errorf("personal tokens: %w", err)
	}
	return all, nil
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
	if err := tx.insertKept(ctx, a); err != nil {
		return err
	}
	return tx.setGroups(ctx, a.ID, a.Groups)
}

func (tx *Tx) insertKept(ctx context.Context, a Account) error {
	for _, t := range a.Accepted {
		err := tx.exec(ctx, `INSERT INTO user_terms (user_id, name, version, accepted) VALUES ($1, $2, $3, $4)`, a.ID, t.Name, t.Version, millis(t.At))
		if err != nil {
			return taken("insert accepted terms", err)
		}
	}
	for _, t := range a.Tokens {
		err := tx.exec(ctx, `INSERT INTO personal_tokens (id, hash, user_id, name, scopes, created, used, expires)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, t.ID, t.Hash.String(), a.ID, t.Name, t.Scopes, millis(t.Created), millis(t.Used), millis(t.Expires))
		if err != nil {
			return taken("insert personal token", err)
		}
	}
	return nil
}
