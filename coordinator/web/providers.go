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
}

// ShowOnward draws it.
func (pages *Pages) ShowOnward(w http.ResponseWriter, r *http.Request, o Onward) {
	protect(w.Header(), "")
	w.Header().Set("Referrer-Policy", "no-referrer")
	pages.render(w, r, http.StatusOK, "onward", page{Title: text(r, "onward.title"), Refresh: o.Next, Show: o})
}

// Ways is how somebody signs in.
type Ways struct {
	As      string
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
