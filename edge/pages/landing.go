package pages

import (
	"net/http"
	"net/url"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// perPage is the number of images on one landing page.
const perPage = 24

type landingPage struct {
	frame
	Query   string
	Images  []card
	Next    string // query of the next page; "" at the end
	Trouble string // why the images cannot be listed
	First   bool
}

// card is an image as the landing page shows it.
type card struct {
	ID, Spelling string
	Visible      bool   // the reader may see it: a thumbnail is shown
	State        string // class of the state: open, login, groups, deny
	Words        string // the state in words
}

func (p *Pages) landing(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page := landingPage{frame: p.frame(r, "Images"), Query: q.Get("q"), First: q.Get("after") == ""}
	page.Here = "/"
	listing, err := p.cfg.Library.List(r.Context(), tile.Query{Prefix: page.Query, After: q.Get("after"), Limit: perPage})
	status := http.StatusOK
	if err != nil {
		p.cfg.Log.Warn("images not listed", "error", err)
		status, page.Trouble = http.StatusServiceUnavailable, "The images cannot be listed just now. Try again in a moment."
	}
	who, policy, now := p.cfg.Principal(r), p.cfg.Policy(), p.cfg.Now()
	for _, entry := range listing.Items {
		if d := policy.Decide(who, tile.RuleName(entry.ID), now); d.Outcome != authz.NotFound {
			page.Images = append(page.Images, newCard(entry.ID, d))
		}
	}
	if listing.Next != "" {
		page.Next = "/?" + url.Values{"q": {page.Query}, "after": {listing.Next}}.Encode()
	}
	p.show(w, status, "landing.html", page)
}

func newCard(id string, d authz.Decision) card {
	c := card{ID: id, Spelling: iiifurl.EscapeIdentifier(id), Visible: d.Outcome == authz.Allow}
	switch {
	case d.Public:
		c.State, c.Words = "open", "Open to everybody"
	case d.Access == authz.Groups:
		c.State, c.Words = "groups", "For some readers"
	case d.Access == authz.Deny:
		c.State, c.Words = "deny", "Closed"
	default:
		c.State, c.Words = "login", "For signed-in readers"
	}
	return c
}
