package web

import (
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/catalogue"
)

// Onward is a page between two others, which goes on by itself: browsers treat what it
// opens as asked for here, and no longer as a part of the form or link that led to it.
type Onward struct {
	Sentence string
	Next     string // address
}

// ShowOnward draws it.
func ShowOnward(w http.ResponseWriter, o Onward) {
	protect(w.Header(), "")
	w.Header().Set("Referrer-Policy", "no-referrer")
	render(w, http.StatusOK, "onward", page{Title: catalogue.Text("onward.title"), Refresh: o.Next, Show: o})
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
func ShowWays(w http.ResponseWriter, ways Ways) {
	protect(w.Header(), "")
	render(w, http.StatusOK, "ways", page{Title: catalogue.Text("ways.title"), Show: ways})
}
