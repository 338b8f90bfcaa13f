package web

import (
	"net/http"

	"github.com/tessera-iiif/tessera/coordinator/catalogue"
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
func ShowLink(w http.ResponseWriter, status int, l Link) {
	nonce := ""
	if l.Code == "" {
		nonce = newNonce()
	}
	protect(w.Header(), nonce)
	w.Header().Set("Referrer-Policy", "no-referrer") // browsers that know Sec-Fetch-Site need no Origin
	render(w, status, "link", page{Title: catalogue.Text("link.title"), Nonce: nonce, Show: l})
}

// Password is the form by which people choose another password.
type Password struct {
	As      string
	Email   string
	Problem string
	Done    string
}

// ShowPassword draws the form for another password.
func ShowPassword(w http.ResponseWriter, status int, p Password) {
	protect(w.Header(), "")
	render(w, status, "password", page{Title: catalogue.Text("password.title"), Show: p})
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
func ShowAccount(w http.ResponseWriter, status int, a Account) {
	nonce := newNonce()
	protect(w.Header(), nonce)
	render(w, status, "account", page{Title: catalogue.Text("account.title"), Nonce: nonce, Show: a})
}
