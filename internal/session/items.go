package session

import (
	"context"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// ItemMark is a place in the order of changes to items: by revision, then by image.
type ItemMark struct {
	Revision int64  `json:"revision"`
	Image    string `json:"image"`
}

// ItemPage is some changes of items, in order.
type ItemPage struct {
	Images   []string        `json:"images"`
	Of       []int           `json:"of"` // for each image its place in Settings; -1: it has none any more
	Settings []authz.Setting `json:"settings"`
	Next     ItemMark        `json:"next"` // where the next page begins behind
	More     bool            `json:"more"` // there is one
}

// check tells whether a page holds together.
func (p ItemPage) check() error {
	if len(p.Of) != len(p.Images) {
		return fmt.Errorf("a page of %d items has %d settings", len(p.Images), len(p.Of))
	}
	for _, n := range p.Of {
		if n < -1 || n >= len(p.Settings) {
			return fmt.Errorf("a page of items refers to setting %d of %d", n, len(p.Settings))
		}
	}
	return nil
}

// Catalogue is the truth about images with settings of their own.
type Catalogue interface {
	// Items answers with the changes behind a mark; the zero mark asks for everything.
	Items(ctx context.Context, after ItemMark) (ItemPage, error)
}

// Bounds of bringing items up to date.
const (
	itemsTimeout = 2 * time.Minute
	maxItems     = 2_000_000 // an edge that were to hold more would be short of memory
)

// items are what an edge knows of them. Its fields belong to the goroutine of Run.
type items struct {
	all  *authz.Items
	mark ItemMark // of the last change
}

// follow brings items up to the newest change that rights tell of.
func (k *Keeper) follow(ctx context.Context, rights Rights) error {
	if k.cfg.Catalogue == nil {
		return nil
	}
	now := k.items
	if now.all == nil || !rights.Complete || rights.Revision < now.mark.Revision {
		if rights.Items > 0 {
			k.distrust()
		}
		now = items{all: authz.NewItems()}
	}
	if rights.Items > now.mark.Revision {
		var err error
		if now.mark, err = k.catchUp(ctx, now, rights.Items); err != nil {
			return fmt.Errorf("fetch items behind revision %d: %w", now.mark.Revision, err)
		}
	}
	k.items = now
	return nil
}

// distrust closes what is restricted until items are known anew: meanwhile credentials
// that were taken away would not be heard of.
func (k *Keeper) distrust() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.confirmed = time.Time{}
}

// catchUp applies page after page up to a revision. What was applied stays so whatever
// happens then: changes are applied in order, and again if need be.
func (k *Keeper) catchUp(ctx context.Context, now items, upTo int64) (ItemMark, error) {
	ctx, cancel := context.WithTimeout(ctx, itemsTimeout)
	defer cancel()
	mark := now.mark
	for {
		page, err := k.cfg.Catalogue.Items(ctx, mark)
		if err == nil {
			err = applyItems(now.all, page)
		}
		if err != nil {
			return now.mark, err
		}
		if len(page.Images) > 0 {
			mark = page.Next
		}
		if !page.More || mark.Revision > upTo {
			return mark, nil
		}
	}
}

func applyItems(all *authz.Items, page ItemPage) error {
	if err := page.check(); err != nil {
		return err
	}
	for i, image := range page.Images {
		if page.Of[i] < 0 {
			all.Remove(image)
			continue
		}
		if err := all.Set(image, page.Settings[page.Of[i]]); err != nil {
			return err
		}
	}
	if n := all.Len(); n > maxItems {
		return fmt.Errorf("there are more than %d items with settings of their own; use rules for whole folders", maxItems)
	}
	return nil
}
