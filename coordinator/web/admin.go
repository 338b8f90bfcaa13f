package web

import (
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/catalogue"
)

// Notices are what an administrator's page says above its content.
type Notices struct {
	Done    string // what was done
	Problem string // what was not, and why
}

// Person is a user as the pages show one.
type Person struct {
	ID, Email, Name string
	Groups          string // with commas between them
	Admin, Active   bool
}

// People is the searchable list of users and the form that adds one.
type People struct {
	Search string
	Items  []Person
	Next   string // link to the next page, "" at the end
	Paged  bool   // this is not the first page
	Draft  Person // what was typed into the form and refused
	Adding bool   // the form is open
}

// Rule is one line of the table of rules.
type Rule struct {
	Name   string
	Images string // one pattern a line
	Access string
	Groups string
	Rest   string // what the form has no field for, as it came
}

// Rules is the table of rules, in force or as somebody changes it. Its notices
// stand beside it, where the form's target scrolls to.
type Rules struct {
	Notices
	Items    []Rule
	Revision int64 // that the table was read at
	Draft    bool  // not in force
	Fallback string
	TooMany  int // more rules than fit a page; Items is empty then
}

// Accesses are the choices of a rule, in the order of the menu.
func (Rules) Accesses() []string {
	return []string{"open", "login", "groups", "networks", "hook", "hidden", "deny"}
}

// Overview is the first page for administrators.
type Overview struct {
	Notices
	People People
	Rules  Rules
}

// ShowOverview draws people and rules.
func ShowOverview(w http.ResponseWriter, status int, admin Admin, o Overview) {
	showAdmin(w, status, "admin", page{Title: catalogue.Text("admin.title"), Admin: &admin, Show: o})
}

// Session is one sign-in as the pages show it.
type Session struct {
	ID, Network, Agent string
	Created, Seen      time.Time
	Mine               bool // of whoever looks at it
}

// User is the page about one user.
type User struct {
	Notices
	Person   Person
	Sessions []Session
}

// ShowUser draws the page about one user.
func ShowUser(w http.ResponseWriter, status int, admin Admin, u User) {
	showAdmin(w, status, "user", page{Title: catalogue.Text("user.title", u.Person.Email), Admin: &admin, Show: u})
}

// Secret shows a made-up password once.
type Secret struct {
	Person   Person
	Password string
}

// ShowSecret draws the page with a made-up password.
func ShowSecret(w http.ResponseWriter, admin Admin, s Secret) {
	showAdmin(w, http.StatusOK, "secret", page{Title: catalogue.Text("secret.title"), Admin: &admin, Show: s})
}

// showAdmin adds what only administrators' pages need: nobody opens them from a
// viewer, so they can keep other windows at a distance.
func showAdmin(w http.ResponseWriter, status int, name string, p page) {
	protect(w.Header(), "")
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	render(w, status, name, p)
}
