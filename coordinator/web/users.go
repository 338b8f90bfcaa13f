package web

import (
	"time"

	"github.com/tessera-iiif/tessera/internal/catalogue"
)

// Person is a user as the pages show one.
type Person struct {
	ID, Email, Name string
	Groups          string // with commas between them
	Admin, Active   bool
	Version         string // of the state that a form was filled from
}

// Users is the searchable list of people.
type Users struct {
	Notices
	Pager
	Search, Group string
	Items         []Person
}

func (Users) describe(say *catalogue.Words) (name, part, title string) {
	return "users", "users", say.Text("users.title")
}

// NewUser is the form that adds a person.
type NewUser struct {
	Notices
	Person Person
	Field  string // that is to blame for the problem
}

func (NewUser) describe(say *catalogue.Words) (name, part, title string) {
	return "newuser", "users", say.Text("users.add")
}

// User is the page about one person.
type User struct {
	Notices
	Person   Person
	Field    string    // that is to blame for the problem
	Link     time.Time // when the sign-in link she has not used yet ends; zero: she has none
	Sessions []Session
	Tokens   []PersonalToken
	Last     bool // the last administrator, who cannot be taken away
}

func (u User) describe(say *catalogue.Words) (name, part, title string) {
	return "user", "users", say.Text("user.title", u.Person.Email)
}

// Secret shows what is known only this once.
type Secret struct {
	Person Person
	Kind   string // "password", "link" or "token"
	Text   string
	Until  time.Time // zero: as long as nobody changes it
	Back   string    // where to go on
	Part   string    // of the menu
}

func (s Secret) describe(say *catalogue.Words) (name, part, title string) {
	return "secret", s.Part, say.Text("secret.title." + s.Kind)
}

// Group is a group as the list shows it.
type Group struct {
	Name    string
	Members int
}

// Groups is the list of groups.
type Groups struct {
	Notices
	Pager
	Search string
	Items  []Group
	Unborn []string // groups that rules name and nobody bears
}

func (Groups) describe(say *catalogue.Words) (name, part, title string) {
	return "groups", "groups", say.Text("groups.title")
}

// OneGroup is the page about one group.
type OneGroup struct {
	Notices
	Pager
	Group   Group
	Members []Person
	Rules   []string // that name it
}

func (g OneGroup) describe(say *catalogue.Words) (name, part, title string) {
	return "group", "groups", say.Text("group.title", g.Group.Name)
}

// Sessions is the list of sign-ins.
type Sessions struct {
	Notices
	Pager
	Search, User string
	Provider     string
	ByProvider   bool // only those of Provider, which may be "" for sign-ins here
	Items        []Session
}

func (Sessions) describe(say *catalogue.Words) (name, part, title string) {
	return "sessions", "sessions", say.Text("sessions.title")
}
