package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// ItemMark is a place in the order of changes to items: by revision, then by image.
type ItemMark struct {
	Revision int64  `json:"revision"`
	Image    string `json:"image"`
}

// before tells whether m comes before n in that order.
func (m ItemMark) before(n ItemMark) bool {
	return m.Revision < n.Revision || m.Revision == n.Revision && m.Image < n.Image
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
	pageTimeout = 5 * time.Second // for one page: meanwhile nothing is heard of rights taken away
	maxItems    = 2_000_000       // an edge that were to hold more would be short of memory
)

// items are what an edge knows of them. Its fields belong to the goroutine of Run.
type items struct {
	all  *authz.Items
	mark ItemMark // of the last change
	more bool     // there are changes behind it
}

// follow takes one page of what changed about items, if there is any: rights are
// fetched anew before the next, so that what they take away does not wait for a
// catalogue of a million. Where more is left set, items are not those of rights yet.
//
// Only a page behind which there is none makes them so. That the mark is behind the
// revision that rights tell of does not: the mark may lie within a newer one, whose
// images may have had their change of before replaced by it.
func (k *Keeper) follow(ctx context.Context, rights Rights) error {
	if k.cfg.Catalogue == nil {
		return nil
	}
	if k.items.all == nil || !rights.Complete || rights.Revision < k.items.mark.Revision {
		k.beginAnew(rights)
	}
	if rights.Items > k.items.mark.Revision {
		k.items.more = true
	}
	if !k.items.more {
		return nil
	}
	if err := k.takePage(ctx); err != nil {
		return fmt.Errorf("fetch items behind revision %d: %w", k.items.mark.Revision, err)
	}
	return nil
}

// beginAnew forgets all items; those in force stay so until they can be replaced. What
// is restricted is closed until then: meanwhile credentials that were taken away would
// not be heard of. From here on nothing before rights has to be known.
func (k *Keeper) beginAnew(rights Rights) {
	k.items = items{all: authz.NewItems()}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.since = rights.Revision
	if rights.Items > 0 {
		k.confirmed = time.Time{}
	}
}

// takePage applies the next page. What was applied stays so whatever happens then:
// changes are applied in order, and again if need be.
func (k *Keeper) takePage(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	page, err := k.cfg.Catalogue.Items(ctx, k.items.mark)
	if err == nil {
		err = applyItems(k.items.all, page)
	}
	switch {
	case err != nil:
		return err
	case page.More && !k.items.mark.before(page.Next):
		return errors.New("a page of items says that there are more, and leads no further")
	case len(page.Images) > 0:
		k.items.mark = page.Next
	}
	k.items.more = page.More
	return nil
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
