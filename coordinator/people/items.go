package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Item is an image and the setting of its own; nil: the rules decide about it.
type Item struct {
	Image   string // identifier as rules write it
	Setting *authz.Setting
}

// MaxItems bounds what is changed at a time.
const MaxItems = 5000

var _ session.Catalogue = (*Service)(nil)

// SetItems gives images settings of their own, or takes them away: all of them, or none
// where one is unsound. It tells how many were changed by that.
func (s *Service) SetItems(ctx context.Context, actor Actor, items []Item) (changed int64, err error) {
	if len(items) > MaxItems {
		return 0, invalid("", "too-many-items", MaxItems)
	}
	err = s.update(ctx, func(tx *db.Tx) error {
		rows, err := s.itemRows(ctx, tx, items)
		if err != nil {
			return err
		}
		if changed, err = tx.SetItems(ctx, rows); err != nil || changed == 0 {
			return err
		}
		return recordItems(ctx, tx, actor, rows, changed)
	})
	if errors.Is(err, db.ErrTooManySettings) {
		return 0, &Error{Kind: Conflict, Code: "too-many-settings", Args: []any{db.MaxSettings}}
	}
	if err == nil && changed > 0 {
		s.Log.InfoContext(ctx, "access of items changed", "items", changed, "by", actor.UserID)
	}
	return changed, err
}

// itemsSet is what images were set to, or a part of that.
type itemsSet struct {
	*itemsSummary // in the first part
	spread

	Set map[string]json.RawMessage `json:"set"` // by image; null: removed
}

type itemsSummary struct {
	Changed int64 `json:"changed"` // images to which it made a difference

	SHA256 audit.Hash `json:"sha256"` // of "set" whole, as JSON without spaces, in order of images
}

// recordItems puts on record what items were set to.
func recordItems(ctx context.Context, tx *db.Tx, actor Actor, rows []db.Item, changed int64) error {
	whole, err := json.Marshal(setOf(rows))
	if err != nil {
		return err
	}
	summary := &itemsSummary{Changed: changed, SHA256: audit.DigestOf(whole)}
	return recordParts(rows, sizeOf, func(some []db.Item, at spread) error {
		part := itemsSet{spread: at, Set: setOf(some)}
		if at.isFirst() {
			part.itemsSummary = summary
		}
		return record(ctx, tx, actor, audit.RulesChange, "items", part)
	})
}

// sizeOf counts a name as JSON writes it, which takes six bytes for some letters.
func sizeOf(i db.Item) int {
	name, _ := json.Marshal(i.Image) // text always can be
	return len(name) + len(repeated(i.Setting))
}

func setOf(rows []db.Item) map[string]json.RawMessage {
	set := make(map[string]json.RawMessage, len(rows))
	for _, row := range rows {
		set[row.Image] = repeated(row.Setting)
	}
	return set
}

// itemRows checks items against the rules' definitions. Of an image that is named twice
// the last counts.
func (s *Service) itemRows(ctx context.Context, tx *db.Tx, items []Item) ([]db.Item, error) {
	set, err := tx.Rules(ctx)
	if err != nil {
		return nil, err
	}
	policy, err := s.compile(set.Document())
	if err != nil {
		return nil, err
	}
	places := map[string]int{}
	var rows []db.Item
	for _, i := range items {
		row, err := itemRow(policy, i)
		if err != nil {
			return nil, invalid("access", "bad-item", i.Image, err.Error())
		}
		if at, seen := places[row.Image]; seen {
			rows[at] = row
			continue
		}
		places[row.Image] = len(rows)
		rows = append(rows, row)
	}
	return rows, nil
}

func itemRow(policy *authz.Policy, i Item) (db.Item, error) {
	row := db.Item{Image: tile.RuleName(i.Image)}
	if err := authz.CheckItem(row.Image); err != nil || i.Setting == nil {
		return row, err
	}
	if err := policy.CheckSetting(*i.Setting); err != nil {
		return row, err
	}
	var err error
	row.Setting, err = i.Setting.Canonical()
	return row, err
}

// Item finds the setting of an image.
func (s *Service) Item(ctx context.Context, image string) (Item, error) {
	row, err := s.DB.Item(ctx, tile.RuleName(image))
	if err != nil {
		return Item{}, notFound(err, "no-such-item")
	}
	return itemOf(row)
}

// ListItems lists a page of images with settings, those that begin with prefix.
func (s *Service) ListItems(ctx context.Context, prefix, after string, limit int) ([]Item, error) {
	rows, err := s.DB.Items(ctx, prefix, after, limit)
	if err != nil {
		return nil, err
	}
	items := make([]Item, len(rows))
	for n, row := range rows {
		if items[n], err = itemOf(row); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func itemOf(row db.Item) (Item, error) {
	i := Item{Image: row.Image, Setting: new(authz.Setting)}
	if err := json.Unmarshal([]byte(row.Setting), i.Setting); err != nil {
		return Item{}, fmt.Errorf("stored setting of %q: %w", row.Image, err)
	}
	return i, nil
}

// Bounds of one answer to an edge.
const (
	pageItems   = 5000
	pageSetting = 4 << 20 // bytes of different settings
)

// Items tells an edge what changed behind a mark.
func (s *Service) Items(ctx context.Context, after session.ItemMark) (session.ItemPage, error) {
	rows, err := s.DB.ItemsSince(ctx, after.Revision, after.Image, pageItems+1)
	if err != nil {
		return session.ItemPage{}, err
	}
	page := session.ItemPage{Next: after}
	places, bytes := map[string]int{"": -1}, 0
	for _, row := range rows {
		if len(page.Images) == pageItems || bytes > pageSetting {
			page.More = true
			break
		}
		if _, known := places[row.Setting]; !known {
			i, err := itemOf(row)
			if err != nil {
				return session.ItemPage{}, err
			}
			places[row.Setting] = len(page.Settings)
			page.Settings = append(page.Settings, *i.Setting)
			bytes += len(row.Setting)
		}
		page.Images = append(page.Images, row.Image)
		page.Of = append(page.Of, places[row.Setting])
		page.Next = session.ItemMark{Revision: row.Revision, Image: row.Image}
	}
	return page, nil
}

// withItems is a policy that knows the own settings of some images.
func (s *Service) withItems(ctx context.Context, policy *authz.Policy, images ...string) (*authz.Policy, error) {
	names := make([]string, len(images))
	for i, image := range images {
		names[i] = tile.RuleName(image)
	}
	rows, err := s.DB.ItemsNamed(ctx, names)
	if err != nil {
		return nil, err
	}
	items := authz.NewItems()
	for _, row := range rows {
		i, err := itemOf(row)
		if err == nil {
			err = items.Set(i.Image, *i.Setting)
		}
		if err != nil {
			return nil, err
		}
	}
	return policy.With(items), nil
}
