package coordinator

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/cluster"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

const (
	imagesPath = "/auth/admin/images"
	maxLooks   = 12 // into the library, for one page
	maxPrefix  = 1024
)

func (c *Coordinator) imagePages() map[string]adminPage {
	return map[string]adminPage{"GET " + imagesPath: c.getImages, "POST " + imagesPath + "/purge": c.postPurge}
}

func (c *Coordinator) getImages(w http.ResponseWriter, r *http.Request, as people.Session) {
	c.showImages(w, r, as, http.StatusOK, web.Notices{Done: doneNotice(r)})
}

func (c *Coordinator) showImages(w http.ResponseWriter, r *http.Request, as people.Session, status int, notices web.Notices) {
	page := web.Images{Notices: notices, Prefix: asked(r, "prefix"), Untold: c.images == nil}
	page.Prefix = page.Prefix[:min(len(page.Prefix), maxPrefix)]
	page.Crumbs = crumbsOf(page.Prefix)
	if c.members != nil {
		page.Quarantine = quarantineOf(c.members())
	}
	if !page.Untold {
		if err := c.addImages(r, &page); err != nil {
			c.fail(w, r, err)
			return
		}
	}
	c.pages.ShowAdmin(w, r, status, adminOf(as), page)
}

// addImages puts one page of a folder in, or says that nobody can tell.
func (c *Coordinator) addImages(r *http.Request, page *web.Images) error {
	ctx, cancel := context.WithTimeout(r.Context(), listingTime)
	defer cancel()
	after := r.URL.Query().Get("after")
	shelf := shelf{list: c.images, prefix: page.Prefix, after: after}
	if err := shelf.look(ctx); err != nil {
		c.log.WarnContext(ctx, "images not listed", "error", err)
		page.Away = true
		return nil
	}
	for _, name := range shelf.folders {
		page.Folders = append(page.Folders, web.Crumb{Name: name, Prefix: page.Prefix + name + "/"})
	}
	names := make([]string, len(shelf.items))
	for i, entry := range shelf.items {
		names[i] = entry.ID
	}
	policy, err := c.people.Policy(r.Context(), names...)
	if err != nil {
		return err
	}
	for _, entry := range shelf.items {
		page.Items = append(page.Items, c.pictureOf(entry, page.Prefix, policy, catalogue.From(ctx)))
	}
	link := func(after string) string {
		return imagesPath + "?" + url.Values{"prefix": {page.Prefix}, "after": {after}}.Encode()
	}
	if after != "" {
		page.First = imagesPath + "?" + url.Values{"prefix": {page.Prefix}}.Encode()
	}
	if shelf.more {
		page.Next = link(shelf.after)
	}
	return nil
}

func (c *Coordinator) pictureOf(entry tile.Entry, prefix string, policy *authz.Policy, say *catalogue.Words) web.Picture {
	d := policy.Decide(authz.Principal{}, tile.RuleName(entry.ID), c.people.Now())
	return web.Picture{
		ID: entry.ID, Name: strings.TrimPrefix(entry.ID, prefix), Thumb: thumbOf(entry.ID), Format: strings.ToUpper(string(entry.Format)),
		Size: bytesText(entry.Bytes, say), Rule: d.Rule, Access: string(d.Access), State: stateOf(d.Access),
	}
}

func stateOf(a authz.Access) string {
	if a == authz.Hidden {
		return "hidden-state"
	}
	return string(a)
}

func bytesText(n int64, say *catalogue.Words) string {
	switch f := float64(n); {
	case n >= 1e9:
		return say.Text("bytes.g", f/1e9)
	case n >= 1e6:
		return say.Text("bytes.m", f/1e6)
	case n >= 1e3:
		return say.Text("bytes.k", f/1e3)
	}
	return say.Text("bytes.b", n)
}

func crumbsOf(prefix string) (crumbs []web.Crumb) {
	for at := 0; ; {
		i := strings.IndexByte(prefix[at:], '/')
		if i < 0 {
			return crumbs
		}
		crumbs = append(crumbs, web.Crumb{Name: prefix[at : at+i], Prefix: prefix[:at+i+1]})
		at += i + 1
	}
}

// shelf is one page of a folder, made from lists that know no folders: what is in a
// folder within is skipped.
type shelf struct {
	list   func(context.Context, tile.Query) (tile.Listing, error)
	prefix string
	after  string // where to go on

	folders []string
	items   []tile.Entry
	more    bool // there is, or may be, something behind
}

// beyond sorts behind every identifier in a folder.
const beyond = "/\U0010FFFF"

func (s *shelf) look(ctx context.Context) error {
	for range maxLooks {
		listing, err := s.list(ctx, tile.Query{Prefix: s.prefix, After: s.after, Limit: pageSize})
		if err != nil {
			return err
		}
		s.more = listing.Next != ""
		for i, entry := range listing.Items {
			if len(s.items)+len(s.folders) >= pageSize && entry.ID > s.after {
				s.more = true
				return nil
			}
			s.put(entry)
			if i == len(listing.Items)-1 && s.more && s.after < entry.ID {
				s.after = entry.ID
			}
		}
		if !s.more {
			return nil
		}
	}
	return nil
}

func (s *shelf) put(entry tile.Entry) {
	if entry.ID <= s.after {
		return // in a folder that is known
	}
	folder, _, within := strings.Cut(strings.TrimPrefix(entry.ID, s.prefix), "/")
	if !within {
		s.items, s.after = append(s.items, entry), entry.ID
		return
	}
	if !slices.Contains(s.folders, folder) {
		s.folders = append(s.folders, folder)
	}
	s.after = s.prefix + folder + beyond
}

// quarantineOf lists the images that workers have set aside, and who did.
func quarantineOf(members []cluster.Member) (found []web.Quarantined) {
	by := map[string][]string{}
	for _, m := range members {
		if m.Worker == nil || m.Silent {
			continue
		}
		for _, image := range m.Worker.Quarantined {
			by[image] = append(by[image], m.Name)
		}
	}
	for image, workers := range by {
		found = append(found, web.Quarantined{Image: image, Workers: strings.Join(workers, ", ")})
	}
	slices.SortFunc(found, func(a, b web.Quarantined) int { return strings.Compare(a.Image, b.Image) })
	return found
}

func (c *Coordinator) postPurge(w http.ResponseWriter, r *http.Request, as people.Session) {
	p := cluster.Purge{Image: r.PostFormValue("image"), Prefix: r.PostFormValue("prefix"), All: r.PostFormValue("all") != ""}
	if err := c.forget(r.Context(), c.people.ActorOf(as), p); err != nil {
		status, sentence := c.explain(r.Context(), w, err)
		c.showImages(w, r, as, status, web.Notices{Problem: sentence})
		return
	}
	did(w, imagesPath, "purged", "")
}

// forget has edges and workers forget what they keep, and puts that on record first:
// what is on record and did not happen does less harm than the other way round.
func (c *Coordinator) forget(ctx context.Context, actor people.Actor, p cluster.Purge) error {
	switch {
	case c.purge == nil:
		return &people.Error{Kind: people.Conflict, Code: "no-purge"}
	case !p.Valid():
		return &people.Error{Kind: people.Invalid, Code: "bad-purge"}
	}
	if err := c.people.RecordPurge(ctx, actor, p); err != nil {
		return err
	}
	return c.purge(ctx, p)
}
