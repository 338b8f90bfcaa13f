package coordinator

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Bounds of what a draft is tried on.
const (
	maxTyped    = 200 // images that somebody named
	maxPrefixes = 12  // of patterns that changed, below which images are looked for
	perPrefix   = 25  // images below each
	maxShifts   = 100 // images shown
	listingTime = 3 * time.Second
)

// preview tells what a draft would change, for images below the patterns it touches and
// for those that somebody named.
func (c *Coordinator) preview(ctx context.Context, draft web.RulesEdit, d authz.Document) (*web.Preview, error) {
	set, err := c.people.Rules(ctx)
	if err != nil {
		return nil, err
	}
	readers, err := c.people.Readers(ctx, strings.TrimSpace(draft.Reader))
	if err != nil {
		return nil, err
	}
	p := &web.Preview{}
	touched := people.Touched(set.Document(), d)
	p.Same = len(touched) == 0
	images := splitList(draft.Samples, "\n")
	images = images[:min(len(images), maxTyped)]
	found, err := c.samples(ctx, touched)
	if err != nil {
		p.Unlisted = catalogue.From(ctx).Text("preview.unlisted")
	}
	images = slices.Compact(slices.Sorted(slices.Values(append(images, found...))))
	shifts, err := c.people.Preview(ctx, d, images, readers)
	if err != nil {
		return nil, err
	}
	fillPreview(p, shifts, readers, catalogue.From(ctx))
	return p, nil
}

// samples looks for images that the patterns may match. A pattern without wildcards is
// an image itself.
func (c *Coordinator) samples(ctx context.Context, patterns []string) (images []string, err error) {
	var prefixes []string
	for _, pattern := range patterns {
		switch prefix := people.PrefixOf(pattern); {
		case prefix == pattern:
			if len(images) < maxTyped {
				images = append(images, pattern)
			}
		case len(prefixes) < maxPrefixes && !slices.Contains(prefixes, prefix):
			prefixes = append(prefixes, prefix)
		}
	}
	if c.images == nil || len(prefixes) == 0 {
		return images, nil
	}
	ctx, cancel := context.WithTimeout(ctx, listingTime)
	defer cancel()
	for _, prefix := range prefixes {
		listing, err := c.images(ctx, tile.Query{Prefix: prefix, Limit: perPrefix})
		if err != nil {
			return images, err
		}
		for _, entry := range listing.Items {
			images = append(images, tile.RuleName(entry.ID))
		}
	}
	return images, nil
}

func fillPreview(p *web.Preview, shifts []people.Shift, readers []people.Reader, say *catalogue.Words) {
	for _, r := range readers {
		label := r.Email
		if r.Label != "" {
			label = say.Text("preview.reader." + r.Label)
		}
		p.Readers = append(p.Readers, label)
	}
	p.Tried = len(shifts)
	for _, s := range shifts {
		if !s.Any() {
			continue
		}
		if p.Changing++; len(p.Rows) < maxShifts {
			p.Rows = append(p.Rows, rowOf(s, say))
		}
	}
}

func rowOf(s people.Shift, say *catalogue.Words) web.PreviewRow {
	row := web.PreviewRow{Image: s.Image, Thumb: thumbOf(s.Image), Rule: s.After[0].Rule}
	for i := range s.Before {
		before, after := s.Before[i], s.After[i]
		row.Cells = append(row.Cells, web.PreviewCell{
			Changed: s.Differs(i), Before: outcomeKey(before.Outcome), After: outcomeKey(after.Outcome),
			BeforeState: states[before.Outcome], AfterState: states[after.Outcome],
			MoreBefore: besides(before, say), MoreAfter: besides(after, say),
		})
	}
	return row
}

// besides is what a reader gets, or has to do, beyond the outcome.
func besides(d authz.Decision, say *catalogue.Words) string {
	switch {
	case d.Outcome != authz.Allow && d.Tier != nil:
		return tierText(*d.Tier, say)
	case d.Outcome == authz.NeedTerms:
		return say.Text("rules.note.terms", d.Terms.Name)
	case d.ViewOnly && d.Outcome == authz.Allow:
		return say.Text("rules.note.view-only")
	}
	return ""
}
