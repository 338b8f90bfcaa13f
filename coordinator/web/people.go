package web

import (
	"net/http"
	"strconv"

	"github.com/tessera-iiif/tessera/internal/catalogue"
)

// SignIn is the form for address and password.
type SignIn struct {
	Action  string // where the form goes
	Next    string // path to go on to
	Origin  string // of the viewer that asked, "" if none did
	Email   string // as typed before
	As      string // who is signed in already
	CarryOn string // link that keeps it so
	Admin   bool   // and yet has to sign in again, to administer
	Error   string

	Providers []Button // other ways to sign in
	Find      bool     // one may be found by an address
	NotFound  bool     // none was
	Window    bool     // the page was opened by a viewer and closes itself in the end
	Waiter    string   // page that waits for this window to end, "" for none
	Wait      Wait     // how this page waits for the window of a provider
}

// Button is a way to sign in. Apart is its link in a window of its own, "" if this one is
// as good.
type Button struct{ Label, Link, Apart string }

// ShowSignIn draws the sign-in form.
func (pages *Pages) ShowSignIn(w http.ResponseWriter, r *http.Request, status int, s SignIn) {
	nonce := s.Wait.nonce()
	protect(w.Header(), nonce)
	pages.render(w, r, status, "signin", page{Title: text(r, "signin.title"), Nonce: nonce, Show: s})
}

// Continue asks for the one click that lets a viewer of another site go on.
type Continue struct {
	Action string
	Origin string // of the viewer, "" if it did not say
	As     string // who is signed in
	Switch string // link to the form for another account
}

// ShowContinue draws the page with the one button.
func (pages *Pages) ShowContinue(w http.ResponseWriter, r *http.Request, c Continue) {
	protect(w.Header(), "")
	pages.render(w, r, http.StatusOK, "continue", page{Title: text(r, "continue.title"), Show: c})
}

// Deed is what was done when a page closes itself.
type Deed int

// The deeds.
const (
	SignedIn Deed = iota
	Accepted      // terms
	Looked        // nothing but to come by
)

// Title and Lead name the words about it in the catalogue.
func (d Deed) Title() string {
	switch d {
	case Accepted:
		return "done.accepted.title"
	case Looked:
		return "done.looked.title"
	}
	return "done.title"
}

// Lead says what comes next.
func (d Deed) Lead() string {
	if d == Looked {
		return "done.looked.lead"
	}
	return "done.lead"
}

// Done is the end of what a window was opened for.
type Done struct {
	Deed
	Waiter string // page that waits for it, "" for none
}

// ShowDone draws the page that closes itself.
func (pages *Pages) ShowDone(w http.ResponseWriter, r *http.Request, d Done) {
	nonce := newNonce()
	protect(w.Header(), nonce)
	pages.render(w, r, http.StatusOK, "done", page{Title: text(r, d.Title()), Nonce: nonce, Show: d})
}

// SignedOut may offer to sign out elsewhere too.
type SignedOut struct {
	Label   string // what the provider is called
	Address string // its own page for that, "" for none
}

// ShowSignedOut draws the page after signing out.
func (pages *Pages) ShowSignedOut(w http.ResponseWriter, r *http.Request, s SignedOut) {
	protect(w.Header(), "")
	w.Header().Set("Referrer-Policy", "no-referrer")
	pages.render(w, r, http.StatusOK, "signedout", page{Title: text(r, "signout.title"), Show: s})
}

// Problem is a sentence about what went wrong, with a way on.
type Problem struct {
	Sentence string
	SignIn   string // link to sign in as somebody else, "" for none
	Again    string // link to begin anew, "" for none
}

// ShowProblem draws an error page.
func (pages *Pages) ShowProblem(w http.ResponseWriter, r *http.Request, status int, p Problem) {
	protect(w.Header(), "")
	key := "error.title." + strconv.Itoa(status)
	say := catalogue.From(r.Context())
	if !say.Has(key) {
		key = "error.title.400"
	}
	pages.render(w, r, status, "problem", page{Title: say.Text(key), Show: p})
}
