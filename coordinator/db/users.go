package db

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// User is a person who can sign in. The password hash is read apart.
type User struct {
	ID     string
	Email  string // lower case
	Name   string
	Groups []string // given here, ascending
	Lent   []string // that providers say she is in, ascending, without those in Groups
	Admin  bool
	Active bool

	Created, Updated time.Time
}

// UserQuery asks for a page of users in ascending order of e-mail address.
type UserQuery struct {
	Search string // part of address or name; "" finds everybody
	Email  string // the whole address, lower case; "" finds everybody
	Group  string // "" finds everybody
	After  string // address after which the page begins
	Limit  int
}

const userColumns = `u.id, u.email, u.name, u.admin, u.active, u.created, u.updated`

func (u *User) fields(created, updated *int64) []any {
	return []any{&u.ID, &u.Email, &u.Name, &u.Admin, &u.Active, created, updated}
}

func scanUser(rows interface{ Scan(...any) error }) (u User, err error) {
	var created, updated int64
	err = rows.Scan(u.fields(&created, &updated)...)
	u.Created, u.Updated = instant(created), instant(updated)
	return u, err
}

// User finds a user by id.
func (r Reader) User(ctx context.Context, id string) (User, error) {
	return r.userWhere(ctx, `u.id = $1`, id)
}

// UserByEmail finds a user by address in lower case.
func (r Reader) UserByEmail(ctx context.Context, email string) (User, error) {
	return r.userWhere(ctx, `u.email = $1`, email)
}

func (r Reader) userWhere(ctx context.Context, where string, arg string) (User, error) {
	u, err := scanUser(r.q.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u WHERE `+where, arg))
	if err != nil {
		return User{}, notFound("user", err)
	}
	return u, r.join(ctx, &u)
}

// join reads a user's groups of both kinds.
func (r Reader) join(ctx context.Context, u *User) error {
	rows, err := r.q.QueryContext(ctx, `SELECT name, TRUE FROM memberships WHERE user_id = $1
		UNION ALL SELECT m.name, FALSE FROM provider_memberships m
			JOIN identities i ON i.issuer = m.issuer AND i.subject = m.subject WHERE i.user_id = $1`, u.ID)
	_, err = collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
		var name string
		var own bool
		err := rows.Scan(&name, &own)
		u.enter(name, own)
		return struct{}{}, err
	})
	if err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	u.sortGroups()
	return nil
}

// enter adds a group as it is read.
func (u *User) enter(name string, own bool) {
	if own {
		u.Groups = append(u.Groups, name)
	} else {
		u.Lent = append(u.Lent, name)
	}
}

// sortGroups puts groups in order, which PostgreSQL does as people do.
func (u *User) sortGroups() {
	slices.Sort(u.Groups)
	slices.Sort(u.Lent)
	u.Lent = slices.DeleteFunc(slices.Compact(u.Lent), func(name string) bool {
		_, own := slices.BinarySearch(u.Groups, name)
		return own
	})
}

// Users lists a page.
func (r Reader) Users(ctx context.Context, q UserQuery) ([]User, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT `+userColumns+` FROM users u
		WHERE u.email > $1 AND ($2 = '' OR u.email = $2)
		  AND ($3 = '' OR u.email LIKE $3 ESCAPE '\' OR LOWER(u.name) LIKE $3 ESCAPE '\')
		  AND ($4 = '' OR EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id AND m.name = $4))
		ORDER BY u.email LIMIT $5`, q.After, q.Email, containing(q.Search), q.Group, q.Limit)
	users, err := collect(rows, err, func(rows *sql.Rows) (User, error) { return scanUser(rows) })
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	return users, r.fillGroups(ctx, users)
}

// fillGroups reads the groups of a page of users in ascending order of address.
func (r Reader) fillGroups(ctx context.Context, users []User) error {
	if len(users) == 0 {
		return nil
	}
	index := make(map[string]*User, len(users))
	for i := range users {
		index[users[i].ID] = &users[i]
	}
	rows, err := r.q.QueryContext(ctx, `SELECT m.user_id, m.name, TRUE FROM memberships m JOIN users u ON u.id = m.user_id
			WHERE u.email BETWEEN $1 AND $2
		UNION ALL SELECT i.user_id, m.name, FALSE FROM provider_memberships m
			JOIN identities i ON i.issuer = m.issuer AND i.subject = m.subject JOIN users u ON u.id = i.user_id
			WHERE u.email BETWEEN $1 AND $2`, users[0].Email, users[len(users)-1].Email)
	_, err = collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
		var id, name string
		var own bool
		err := rows.Scan(&id, &name, &own)
		if u := index[id]; u != nil {
			u.enter(name, own)
		}
		return struct{}{}, err
	})
	if err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	for i := range users {
		users[i].sortGroups()
	}
	return nil
}

// containing makes a LIKE pattern that matches text anywhere, literally.
func containing(text string) string {
	if text == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(text)) + "%"
}

// CountUsers counts every user there is.
func (r Reader) CountUsers(ctx context.Context) (n int, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM users`).Scan(&n)
	return n, err
}

// OtherAdmins counts the active administrators besides one user.
func (r Reader) OtherAdmins(ctx context.Context, userID string) (n int, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM users WHERE admin AND active AND id <> $1`, userID).Scan(&n)
	return n, err
}

// Password gives the PHC string of a user, "" if she has none.
func (r Reader) Password(ctx context.Context, userID string) (phc string, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT password FROM users WHERE id = $1`, userID).Scan(&phc)
	if err != nil {
		return "", notFound("password", err)
	}
	return phc, nil
}

// InsertUser adds a user; ErrTaken if the address belongs to somebody.
func (tx *Tx) InsertUser(ctx context.Context, u User, phc string) error {
	err := tx.exec(ctx, `INSERT INTO users (id, email, name, password, admin, active, created, updated)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`,
		u.ID, u.Email, u.Name, phc, u.Admin, u.Active, millis(tx.now))
	if err != nil {
		return taken("insert user", err)
	}
	return tx.setGroups(ctx, u.ID, u.Groups)
}

// SaveUser replaces everything of a user but the password.
func (tx *Tx) SaveUser(ctx context.Context, u User) error {
	err := tx.execOne(ctx, "save user", `UPDATE users SET email = $1, name = $2, admin = $3, active = $4, updated = $5 WHERE id = $6`,
		u.Email, u.Name, u.Admin, u.Active, millis(tx.now), u.ID)
	if err != nil {
		return taken("save user", err)
	}
	if err := tx.exec(ctx, `DELETE FROM memberships WHERE user_id = $1`, u.ID); err != nil {
		return fmt.Errorf("leave groups: %w", err)
	}
	return tx.setGroups(ctx, u.ID, u.Groups)
}

func (tx *Tx) setGroups(ctx context.Context, userID string, groups []string) error {
	for _, name := range groups {
		err := tx.exec(ctx, `INSERT INTO memberships (user_id, name) VALUES ($1, $2)`, userID, name)
		if err != nil {
			return fmt.Errorf("join group: %w", err)
		}
	}
	return nil
}

// SetPassword replaces a user's PHC string.
func (tx *Tx) SetPassword(ctx context.Context, userID, phc string) error {
	return tx.execOne(ctx, "set password", `UPDATE users SET password = $1, updated = $2 WHERE id = $3`,
		phc, millis(tx.now), userID)
}

// DeleteUser deletes a user with all she holds.
func (tx *Tx) DeleteUser(ctx context.Context, userID string) error {
	if err := tx.ForgetUser(ctx, userID); err != nil {
		return err
	}
	return tx.execOne(ctx, "delete user", `DELETE FROM users WHERE id = $1`, userID)
}

// ForgetUser makes edges ask anew about every credential of a user.
func (tx *Tx) ForgetUser(ctx context.Context, userID string) error {
	return tx.forgetHolders(ctx, `user_id = $1`, userID)
}
