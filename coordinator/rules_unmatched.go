package coordinator

import (
	"context"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/api"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Bounds of looking for images that rules name: whoever looks at rules waits for it.
const (
	censusTime  = 2 * time.Second
	censusPage  = 1000
	censusPages = 10 // of the whole library
	censusLooks = 40 // below what single patterns begin with, where that was not all
)

// unmatched tells which rules name no image that there is now. It is for information:
// images may be still to come.
func (c *Coordinator) unmatched(ctx context.Context, d authz.Document) (api.Unmatched, error) {
	found := api.Unmatched{Items: []authz.Warning{}}
	if c.images == nil || len(d.Items) == 0 {
		found.Unknown = len(d.Items)
		return found, nil
	}
	policy, err := d.Compile(c.fallback)
	if err != nil {
		return found, err
	}
	ctx, cancel := context.WithTimeout(ctx, censusTime)
	defer cancel()
	look := census{list: c.images, Census: policy.Census()}
	whole := look.wholeLibrary(ctx)
	for i, rule := range d.Items {
		switch {
		case look.Seen(i):
		case whole || look.none(ctx, i, people.PatternsOf(d, rule)):
			found.Items = append(found.Items, authz.Warning{Rule: i + 1, Name: rule.Name, Text: catalogue.From(ctx).Text("rules.unmatched")})
		case !look.Seen(i):
			found.Unknown++
		}
	}
	if look.err != nil {
		c.log.WarnContext(ctx, "images not listed", "error", look.err)
	}
	return found, nil
}

// census looks at images within bounds.
type census struct {
	*authz.Census
	list  func(context.Context, tile.Query) (tile.Listing, error)
	looks int
	err   error // of the library, which is not asked again then
}

// wholeLibrary tells whether all images there are were looked at.
func (s *census) wholeLibrary(ctx context.Context) bool {
	for q := (tile.Query{Limit: censusPage}); s.looks < censusPages && !s.Done(); {
		if q.After = s.page(ctx, q); s.err != nil {
			return false
		}
		if q.After == "" {
			return true
		}
	}
	return s.Done()
}

// page looks at one page of a listing and tells where the next begins, "" at the end.
func (s *census) page(ctx context.Context, q tile.Query) (next string) {
	s.looks++
	listing, err := s.list(ctx, q)
	if err != nil {
		s.err = err
		return ""
	}
	for _, entry := range listing.Items {
		s.See(tile.RuleName(entry.ID))
	}
	return listing.Next
}

// none tells whether it is certain that no image has a name of a rule's patterns.
func (s *census) none(ctx context.Context, rule int, patterns []string) bool {
	for _, pattern := range patterns {
		prefix := people.PrefixOf(pattern)
		if prefix == "" || s.err != nil || s.looks >= censusPages+censusLooks {
			return false
		}
		if next := s.page(ctx, tile.Query{Prefix: prefix, Limit: censusPage}); s.err != nil || s.Seen(rule) || next != "" {
			return false
		}
	}
	return len(patterns) > 0
}
