package web

import (
	"net/http"
	"time"
)

// Onward is a page between two others, which goes on by itself: browsers treat what it
// opens as asked for here, and no longer as a part of the form or link that led to it.
type Onward struct {
	Sentence string
	Next     string // address
	Apart    string // its address in a window of its own, "" if it goes on in this one
	Wait     Wait   // for that window
}

// ShowOnward draws it. Browsers open windows upon clicks alone, so it stays where one is
// wanted.
func (pages *Pages) ShowOnward(w http.ResponseWriter, r *http.Request, o Onward) {
	nonce := o.Wait.nonce()
	protect(w.Header(), nonce)
	w.Header().Set("Referrer-Policy", "no-referrer")
	p := page{Title: text(r, "onward.title"), Nonce: nonce, Show: o}
	if o.Apart == "" {
		p.Refresh = o.Next
	}
	pages.render(w, r, http.StatusOK, "onward", p)
}

// Wait is how a page waits for a window that it opened: both may have lost sight of each
// other.
type Wait struct {
	Name string // that the window calls in the end; "" if the page does not wait
	Then string // where the page goes on to
}

func (w Wait) nonce() string {
	if w.Name == "" {
		return ""
	}
	return newNonce()
}

// Ways is how somebody signs in.
type Ways struct {
	As      string
	SignIn  string // link to sign in again, which changes take; "" if she just did
	Held    []Way
	Offered []Button // each link takes a form
}

// Way is one provider that somebody signs in by.
type Way struct {
	Label           string
	Email           string // as the provider says, "" if it does not
	Issuer, Subject string
	Since           time.Time
}

// ShowWays draws the page of the ways to sign in.
func (pages *Pages) ShowWays(w http.ResponseWriter, r *http.Request, ways Ways) {
	protect(w.Header(), "")
	pages.render(w, r, http.StatusOK, "ways", page{Title: text(r, "ways.title"), Show: ways})
}
