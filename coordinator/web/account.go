package web

import (
	"net/http"
)

// Link is the page behind a sign-in link. Without a Code its script reads that from the
// page's own address.
type Link struct {
	Code     string
	As       string // whom it signs in
	Email    string // the same, for password managers
	Password bool   // a new password is asked for
	Problem  string
}

// ShowLink draws the page behind a sign-in link.
func (pages *Pages) ShowLink(w http.ResponseWriter, r *http.Request, status int, l Link) {
	nonce := ""
	if l.Code == "" {
		nonce = newNonce()
	}
	protect(w.Header(), nonce)
	w.Header().Set("Referrer-Policy", "no-referrer") // browsers that know Sec-Fetch-Site need no Origin
	pages.render(w, r, status, "link", page{Title: text(r, "link.title"), Nonce: nonce, Show: l})
}

// Password is the form by which people choose another password.
type Password struct {
	As      string
	Email   string
	Problem string
	Done    string
}

// ShowPassword draws the form for another password.
func (pages *Pages) ShowPassword(w http.ResponseWriter, r *http.Request, status int, p Password) {
	protect(w.Header(), "")
	pages.render(w, r, status, "password", page{Title: text(r, "password.title"), Show: p})
}

// Account is what people see of their own account.
type Account struct {
	Notices
	Person     Person
	Sessions   []Session
	Tokens     []PersonalToken
	IsAdmin    bool
	NewToken   string // name typed and refused
	Secret     string // of the token just made
	SecretName string
}

// ShowAccount draws it. A script of our own copies the secret for those who let it.
func (pages *Pages) ShowAccount(w http.ResponseWriter, r *http.Request, status int, a Account) {
	nonce := newNonce()
	protect(w.Header(), nonce)
	pages.render(w, r, status, "account", page{Title: text(r, "account.title"), Nonce: nonce, Show: a})
}
