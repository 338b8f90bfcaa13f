package db

import (
	"context"
	"database/sql"
	"fmt"
)

// Group is a label that users bear. It is there as long as somebody bears it.
type Group struct {
	Name    string
	Members int
}

// GroupQuery asks for a page of groups in ascending order of name.
type GroupQuery struct {
	Search string // part of the name; "" finds all
	After  string // name after which the page begins
	Limit  int
}

// Groups lists a page.
func (r Reader) Groups(ctx context.Context, q GroupQuery) ([]Group, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT name, COUNT(*) FROM memberships
		WHERE name > $1 AND ($2 = '' OR LOWER(name) LIKE $2 ESCAPE '\')
		GROUP BY name ORDER BY name LIMIT $3`, q.After, containing(q.Search), q.Limit)
	groups, err := collect(rows, err, func(rows *sql.Rows) (g Group, err error) {
		err = rows.Scan(&g.Name, &g.Members)
		return g, err
	})
	if err != nil {
		return nil, fmt.Errorf("groups: %w", err)
	}
	return groups, nil
}

// Group counts the members of a group; ErrNotFound if it has none.
func (r Reader) Group(ctx context.Context, name string) (Group, error) {
	g := Group{Name: name}
	err := r.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM memberships WHERE name = $1`, name).Scan(&g.Members)
	if err == nil && g.Members == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Group{}, fmt.Errorf("group: %w", err)
	}
	return g, nil
}

// RenameGroup gives the members of a group another one instead, that nobody bears yet.
func (tx *Tx) RenameGroup(ctx context.Context, from, to string) error {
	if err := tx.forgetGroup(ctx, from); err != nil {
		return err
	}
	if err := tx.touchMembers(ctx, from); err != nil {
		return err
	}
	return tx.execOne(ctx, "rename group", `UPDATE memberships SET name = $1 WHERE name = $2`, to, from)
}

// DeleteGroup takes a group from all who bear it.
func (tx *Tx) DeleteGroup(ctx context.Context, name string) error {
	if err := tx.forgetGroup(ctx, name); err != nil {
		return err
	}
	if err := tx.touchMembers(ctx, name); err != nil {
		return err
	}
	return tx.execOne(ctx, "delete group", `DELETE FROM memberships WHERE name = $1`, name)
}

func (tx *Tx) touchMembers(ctx context.Context, name string) error {
	return tx.exec(ctx, `UPDATE users SET updated = $1 WHERE id IN (SELECT user_id FROM memberships WHERE name = $2)`,
		millis(tx.now), name)
}

// forgetGroup makes edges ask anew about whatever a group's members hold.
func (tx *Tx) forgetGroup(ctx context.Context, name string) error {
	return tx.forgetHolders(ctx, `user_id IN (SELECT user_id FROM memberships WHERE name = $1)`, name)
}
