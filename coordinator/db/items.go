package db

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Item is an image with a setting of its own.
type Item struct {
	Image    string
	Setting  string // canonical document; "" where the setting was removed
	Revision int64  // that made it so
}

const itemQuery = `SELECT i.image, COALESCE(s.document, ''), i.revision FROM items i LEFT JOIN item_settings s ON s.id = i.setting_id `

func scanItem(rows interface{ Scan(...any) error }) (i Item, err error) {
	err = rows.Scan(&i.Image, &i.Setting, &i.Revision)
	return i, err
}

// Item finds the setting of an image.
func (r Reader) Item(ctx context.Context, image string) (Item, error) {
	i, err := scanItem(r.q.QueryRowContext(ctx, itemQuery+`WHERE i.image = $1 AND i.setting_id IS NOT NULL`, image))
	if err != nil {
		return Item{}, notFound("item", err)
	}
	return i, nil
}

// Items lists a page of settings in the database's order of identifiers, those that begin
// with prefix.
func (r Reader) Items(ctx context.Context, prefix, after string, limit int) ([]Item, error) {
	return r.items(ctx, itemQuery+`WHERE i.image > $1 AND i.setting_id IS NOT NULL AND substr(i.image, 1, length($2)) = $2
		ORDER BY i.image LIMIT $3`, after, prefix, limit)
}

// ItemsNamed finds the settings of images; those without are left out.
func (r Reader) ItemsNamed(ctx context.Context, images []string) ([]Item, error) {
	var all []Item
	for len(images) > 0 {
		batch := images[:min(itemsAtOnce, len(images))]
		images = images[len(batch):]
		marks, args := make([]string, len(batch)), make([]any, len(batch))
		for i, image := range batch {
			marks[i], args[i] = fmt.Sprintf("$%d", i+1), image
		}
		found, err := r.items(ctx, itemQuery+`WHERE i.setting_id IS NOT NULL AND i.image IN (`+strings.Join(marks, ", ")+`)`, args...)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// ItemsSince lists a page of what changed behind a revision and an identifier, in the
// order of both; removals are among it.
func (r Reader) ItemsSince(ctx context.Context, revision int64, image string, limit int) ([]Item, error) {
	return r.items(ctx, itemQuery+`WHERE (i.revision, i.image) > ($1, $2) ORDER BY i.revision, i.image LIMIT $3`, revision, image, limit)
}

func (r Reader) items(ctx context.Context, query string, args ...any) ([]Item, error) {
	rows, err := r.q.QueryContext(ctx, query, args...)
	items, err := collect(rows, err, func(rows *sql.Rows) (Item, error) { return scanItem(rows) })
	if err != nil {
		return nil, fmt.Errorf("items: %w", err)
	}
	return items, nil
}

// ItemsRevision is the newest revision that changed an item, 0 for none.
func (r Reader) ItemsRevision(ctx context.Context) (revision int64, err error) {
	err = r.q.QueryRowContext(ctx, `SELECT COALESCE(MAX(revision), 0) FROM items`).Scan(&revision)
	if err != nil {
		return 0, fmt.Errorf("revision of items: %w", err)
	}
	return revision, nil
}

// itemsAtOnce bounds the rows of one statement.
const itemsAtOnce = 200

// SetItems gives images settings, or removes those whose Setting is "". Each image is
// named once. It tells how many were changed by that.
func (tx *Tx) SetItems(ctx context.Context, items []Item) (changed int64, err error) {
	ids, err := tx.settingIDs(ctx, items)
	if err != nil {
		return 0, err
	}
	for len(items) > 0 {
		batch := items[:min(itemsAtOnce, len(items))]
		items = items[len(batch):]
		set, err := tx.setItems(ctx, batch, ids)
		if err != nil {
			return 0, err
		}
		removed, err := tx.removeItems(ctx, batch)
		if err != nil {
			return 0, err
		}
		changed += set + removed
	}
	tx.changed = tx.changed || changed > 0
	return changed, nil
}

const upcoming = `(SELECT current + 1 FROM revision WHERE id = 1)`

func (tx *Tx) setItems(ctx context.Context, items []Item, ids map[string]int64) (int64, error) {
	var rows []string
	var args []any
	for _, i := range items {
		if i.Setting != "" {
			rows = append(rows, fmt.Sprintf("($%d, %d, %s)", len(args)+1, ids[i.Setting], upcoming))
			args = append(args, i.Image)
		}
	}
	if len(rows) == 0 {
		return 0, nil
	}
	return tx.count(ctx, `INSERT INTO items (image, setting_id, revision) VALUES `+strings.Join(rows, ", ")+`
		ON CONFLICT (image) DO UPDATE SET setting_id = excluded.setting_id, revision = excluded.revision
		WHERE items.setting_id IS DISTINCT FROM excluded.setting_id`, args...)
}

func (tx *Tx) removeItems(ctx context.Context, items []Item) (int64, error) {
	var marks []string
	var args []any
	for _, i := range items {
		if i.Setting == "" {
			args = append(args, i.Image)
			marks = append(marks, fmt.Sprintf("$%d", len(args)))
		}
	}
	if len(marks) == 0 {
		return 0, nil
	}
	return tx.count(ctx, `UPDATE items SET setting_id = NULL, revision = `+upcoming+`
		WHERE setting_id IS NOT NULL AND image IN (`+strings.Join(marks, ", ")+`)`, args...)
}

func (tx *Tx) count(ctx context.Context, statement string, args ...any) (int64, error) {
	result, err := tx.q.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, fmt.Errorf("set items: %w", err)
	}
	return result.RowsAffected()
}
