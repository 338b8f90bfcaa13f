package edge

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// maxCanvases bounds a generated manifest; viewers struggle long before.
const maxCanvases = 1000

// describing bounds the images that are asked about at the same moment for one
// manifest.
const describing = 8

// generated makes a manifest of one image, or of all images below a prefix. Images
// that the reader may not see are in it, with the service that helps; hidden ones are
// not.
func (e *Edge) generated(ctx context.Context, x *exchange, rest string) error {
	id, err := documentPath(strings.TrimSuffix(rest, "/"))
	if err != nil {
		return err
	}
	if id, err = e.identify(id); err != nil {
		return err
	}
	who := e.visitor(ctx, x, forContent)
	pages, err := e.pagesOf(ctx, x, id, who)
	if err != nil {
		return err
	}
	if len(pages) == 0 {
		return errMissing
	}
	sequence := iiif.Sequence{ID: x.site.url + x.route.prefix + rest, Label: id}
	for _, p := range pages {
		sequence.Images = append(sequence.Images, *p)
	}
	// What is hidden in a folder is there for some: its manifest is never the same for all.
	var v verdict
	if len(pages) == 1 && pages[0].Auth == nil && pages[0].Image.ID == id {
		if v, err = e.decide(who, tile.RuleName(id)); err != nil {
			return err
		}
	}
	doc := newDocument(iiif.Generate(sequence)).form(x, e.controlOf(v, infoAge))
	if !v.Public {
		doc.vary += ", Accept-Language"
	}
	x.sendDocument(doc)
	return nil
}

// pagesOf lists the image of that name, or else the images below it.
func (e *Edge) pagesOf(ctx context.Context, x *exchange, id string, who visitor) ([]*iiif.Page, error) {
	single, err := e.pageOf(ctx, x, id, who)
	if err != nil || single != nil {
		return []*iiif.Page{single}, err
	}
	entries, err := e.list(ctx, id+"/", who)
	if err != nil {
		return nil, err
	}
	pages := make([]*iiif.Page, len(entries))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(describing)
	var silent atomic.Bool // the other system: it is not waited for once for each image
	for i, entry := range entries {
		work.Go(func() (err error) {
			if !silent.Load() || !e.leavesToHook(who, entry.ID) {
				pages[i], err = e.pageOf(ctx, x, entry.ID, who)
			}
			// Who may know of it cannot be told: that it is there is not told either.
			if errors.Is(err, errUnsure) {
				silent.Store(true)
				return nil
			}
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	return present(pages), nil
}

// leavesToHook tells whether another system would be asked about an image.
func (e *Edge) leavesToHook(who visitor, id string) bool {
	v, err := e.decide(who, tile.RuleName(id))
	return err == nil && v.Outcome == authz.AskHook
}

func present(pages []*iiif.Page) []*iiif.Page {
	kept := pages[:0]
	for _, p := range pages {
		if p != nil {
			kept = append(kept, p)
		}
	}
	return kept
}

// list follows the pages of a listing up to the bound. What the reader may not know of
// neither counts nor costs a look at it.
func (e *Edge) list(ctx context.Context, prefix string, who visitor) ([]tile.Entry, error) {
	var entries []tile.Entry
	q := tile.Query{Prefix: prefix, Limit: maxCanvases}
	for {
		listing, err := e.cfg.Library.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, entry := range listing.Items {
			if v, err := e.decide(who, tile.RuleName(entry.ID)); err != nil || v.Outcome != authz.NotFound {
				entries = append(entries, entry)
			}
		}
		if len(entries) >= maxCanvases || listing.Next == "" || listing.Next == q.After {
			return entries[:min(len(entries), maxCanvases)], nil
		}
		q.After = listing.Next
	}
}

// pageOf describes one image; nil when there is none that the reader may know of, or
// none that could be shown.
func (e *Edge) pageOf(ctx context.Context, x *exchange, id string, who visitor) (*iiif.Page, error) {
	img, v, err := e.examine(ctx, id, who)
	switch code := tile.CodeOf(err); {
	case errors.Is(err, errMissing), code == tile.NotFound, code == tile.Broken:
		return nil, nil
	case err != nil:
		return nil, err
	}
	spelling := e.spell(id)
	page := &iiif.Page{
		Label: id[strings.LastIndexByte(id, '/')+1:], Image: img, Limits: e.limitsOf(img, v),
		Service2: x.site.url + "/iiif/2/" + spelling, Service3: x.site.url + "/iiif/3/" + spelling,
	}
	if !v.Public {
		page.Auth = e.auth(x.site.url, id, v.Decision, e.ownWords(x))
	}
	return page, nil
}
