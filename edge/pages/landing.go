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
	Words        string // the state, in the catalogue
}

func (p *Pages) landing(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page := landingPage{frame: p.frame(r, wordsFor(r).Text("nav.images")), Query: q.Get("q"), First: q.Get("after") == ""}
	page.Here = "/"
	cards, more, err := p.cards(r, tile.Query{Prefix: page.Query, After: q.Get("after"), Limit: perPage + 1})
	status := http.StatusOK
	if err != nil {
		p.cfg.Log.WarnContext(r.Context(), "images not listed", "error", err)
		status, page.Trouble = http.StatusServiceUnavailable, wordsFor(r).Text("home.trouble")
	}
	page.Images = cards
	if more {
		page.Next = "/?" + url.Values{"q": {page.Query}, "after": {cards[len(cards)-1].ID}}.Encode()
	}
	p.show(w, r, status, "landing.html", page)
}

// Hidden images are passed over as if they were not there: neither a page without
// images nor an address with a name in it may tell that they are. That takes longer
// the more of them lie side by side; after maxPassed the listing ends. So it is with
// images of which another system decides whether they are: it cannot be asked of all.
const (
	passing   = 1000
	maxPassed = 50_000
)

// cards are the images of one page, and whether there are more.
func (p *Pages) cards(r *http.Request, q tile.Query) (cards []card, more bool, err error) {
	for passed := 0; passed < maxPassed; passed += q.Limit {
		listing, err := p.cfg.Library.List(r.Context(), q)
		if err != nil {
			return cards, false, err
		}
		for _, entry := range listing.Items {
			d, err := p.cfg.Judge.Decide(r, entry.ID)
			switch {
			case err != nil:
				return cards, false, err
			case d.Outcome == authz.NotFound || d.Outcome == authz.AskHook:
			case len(cards) == perPage:
				return cards, true, nil
			default:
				cards = append(cards, newCard(entry.ID, d))
			}
		}
		if listing.Next == "" {
			return cards, false, nil
		}
		q.After, q.Limit = listing.Next, passing
	}
	return cards, false, nil
}

func newCard(id string, d authz.Decision) card {
	c := card{ID: id, Spelling: iiifurl.EscapeIdentifier(id), Visible: d.Outcome == authz.Allow}
	switch {
	case d.Public:
		c.State, c.Words = "open", "card.open"
	case d.Terms != nil:
		c.State, c.Words = "login", "card.terms"
	case d.Access == authz.Networks:
		c.State, c.Words = "groups", "card.networks"
	case d.Access == authz.Groups:
		c.State, c.Words = "groups", "card.groups"
	case d.Access == authz.Deny:
		c.State, c.Words = "deny", "card.deny"
	default:
		c.State, c.Words = "login", "card.login"
	}
	return c
}
