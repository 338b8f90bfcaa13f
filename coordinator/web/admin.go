package web

import (
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/internal/catalogue"
)

// Admin is who sees an administrator's page.
type Admin struct{ As string }

// Notices are what an administrator's page says above its content.
type Notices struct {
	Done    string // what was done
	Problem string // what was not, and why
}

// Pager leads to the other pages of a list; "" where there is none.
type Pager struct{ First, Next string }

// Sheet is what one page for administrators shows.
type Sheet interface {
	// describe gives the template, the part of the menu it belongs to, and the title.
	describe(say *catalogue.Words) (name, part, title string)
}

// ShowAdmin draws a page for administrators. Nobody opens them from a viewer, so they can
// keep other windows at a distance, which other pages here must not (R62).
func (pages *Pages) ShowAdmin(w http.ResponseWriter, r *http.Request, status int, admin Admin, s Sheet) {
	name, part, title := s.describe(catalogue.From(r.Context()))
	nonce := newNonce()
	protect(w.Header(), nonce)
	h := w.Header()
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; connect-src 'self'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	pages.render(w, r, status, name, page{Title: title, Nonce: nonce, Admin: &admin, Menu: menuFor(part), Show: s})
}

// Entry is a line of the menu.
type Entry struct {
	Part, Path string
	Current    bool
}

// Key names the entry's text in the catalogue.
func (e Entry) Key() string { return "menu." + e.Part }

// Chapter is a group of entries under a heading.
type Chapter struct {
	Name    string
	Entries []Entry
}

// Key names the heading's text in the catalogue.
func (c Chapter) Key() string { return "menu." + c.Name }

// menu is every part of the administration. A part without pages yet stands here when it
// has some, and nowhere else.
var menu = []Chapter{
	{Name: "site", Entries: []Entry{{Part: "overview", Path: "/auth/admin/"}, {Part: "images", Path: "/auth/admin/images"}}},
	{Name: "who", Entries: []Entry{{Part: "users", Path: "/auth/admin/users"}, {Part: "groups", Path: "/auth/admin/groups"}, {Part: "sessions", Path: "/auth/admin/sessions"}, {Part: "providers", Path: "/auth/admin/providers"}}},
	{Name: "rights", Entries: []Entry{{Part: "rules", Path: "/auth/admin/rules"}, {Part: "explain", Path: "/auth/admin/explain"}}},
	{Name: "record", Entries: []Entry{{Part: "audit", Path: "/auth/admin/audit"}}},
}

func menuFor(part string) []Chapter {
	chapters := make([]Chapter, len(menu))
	for i, c := range menu {
		chapters[i] = Chapter{Name: c.Name, Entries: append([]Entry{}, c.Entries...)}
		for j := range c.Entries {
			chapters[i].Entries[j].Current = c.Entries[j].Part == part
		}
	}
	return chapters
}

// Session is one sign-in as the pages show it.
type Session struct {
	ID, Network, Agent     string
	UserID, Email, Name    string
	Provider               string // "" for a password or link here
	Created, Seen, Expires time.Time
	Mine                   bool // of whoever looks at it
}

// PersonalToken is a personal access token as the pages show it.
type PersonalToken struct {
	ID, Name, Scopes, Email string
	Created, Used, Expires  time.Time
}

// tokenList is a list of tokens and where a form that ends one of them goes.
type tokenList struct {
	Items []PersonalToken
	Path  string
}
