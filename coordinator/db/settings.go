package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
)

// MaxSettings bounds the different settings of all images together: edges keep each
// ready to decide.
const MaxSettings = 20_000

var settingsLimit = MaxSettings // less in a test

// ErrTooManySettings says that there are more than MaxSettings.
var ErrTooManySettings = errors.New("too many different settings")

// Settings lists the different settings that images have.
func (r Reader) Settings(ctx context.Context) ([]string, error) {
	rows, err := r.q.QueryContext(ctx, `SELECT document FROM item_settings WHERE EXISTS (SELECT 1 FROM items WHERE setting_id = item_settings.id)`)
	documents, err := collect(rows, err, scanText)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return documents, nil
}

// ReplaceSetting gives every image that has one setting another.
func (tx *Tx) ReplaceSetting(ctx context.Context, from, to string) error {
	ids, err := tx.settingIDs(ctx, []Item{{Setting: from}, {Setting: to}})
	if err != nil {
		return err
	}
	n, err := tx.count(ctx, `UPDATE items SET setting_id = $1, revision = `+upcoming+` WHERE setting_id = $2`, ids[to], ids[from])
	tx.changed = tx.changed || n > 0
	return err
}

// settingIDs has every setting on record and gives their numbers.
func (tx *Tx) settingIDs(ctx context.Context, items []Item) (map[string]int64, error) {
	ids, err := tx.knownSettings(ctx, items)
	if err != nil {
		return nil, err
	}
	if full, err := tx.full(ctx, ids); err != nil || full {
		// Those that no image has any more make room. None of ours may be among them
		// unseen, so they are looked up anew.
		if err := errors.Join(err, tx.dropSettings(ctx)); err != nil {
			return nil, err
		}
		if ids, err = tx.knownSettings(ctx, items); err != nil {
			return nil, err
		}
		if full, err := tx.full(ctx, ids); err != nil || full {
			return nil, errors.Join(err, ErrTooManySettings)
		}
	}
	for document, id := range ids {
		if id == 0 {
			if ids[document], err = tx.insertSetting(ctx, document); err != nil {
				return nil, err
			}
		}
	}
	return ids, nil
}

// knownSettings gives the numbers of the settings that items have, 0 for new ones.
func (tx *Tx) knownSettings(ctx context.Context, items []Item) (map[string]int64, error) {
	ids := map[string]int64{}
	for _, i := range items {
		if _, seen := ids[i.Setting]; seen || i.Setting == "" {
			continue
		}
		var id int64
		err := tx.q.QueryRowContext(ctx, `SELECT id FROM item_settings WHERE hash = $1`, settingHash(i.Setting)).Scan(&id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("setting: %w", err)
		}
		ids[i.Setting] = id
	}
	return ids, nil
}

// full tells whether the new ones among ids are too many.
func (tx *Tx) full(ctx context.Context, ids map[string]int64) (bool, error) {
	var n int
	if err := tx.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM item_settings`).Scan(&n); err != nil {
		return false, fmt.Errorf("settings: %w", err)
	}
	for _, id := range ids {
		if id == 0 {
			n++
		}
	}
	return n > settingsLimit, nil
}

func (tx *Tx) dropSettings(ctx context.Context) error {
	err := tx.exec(ctx, `DELETE FROM item_settings WHERE NOT EXISTS (SELECT 1 FROM items WHERE setting_id = item_settings.id)`)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

func (tx *Tx) insertSetting(ctx context.Context, document string) (id int64, err error) {
	err = tx.q.QueryRowContext(ctx, `INSERT INTO item_settings (id, hash, document)
		VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM item_settings), $1, $2) RETURNING id`, settingHash(document), document).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("setting: %w", err)
	}
	return id, nil
}

func settingHash(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}
