package coordinator

import (
	"net/http"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
)

const usersPath = "/auth/admin/users"

func userPath(id string) string { return usersPath + "/" + id }

func (c *Coordinator) userPages() map[string]adminPage {
	return map[string]adminPage{
		"GET " + usersPath:                                c.getUsers,
		"POST " + usersPath:                               c.postNewUser,
		"GET " + usersPath + "/new":                       c.getNewUser,
		"GET " + usersPath + "/{id}":                      c.getUser,
		"POST " + usersPath + "/{id}":                     c.postUser,
		"POST " + usersPath + "/{id}/password":            c.postPassword,
		"POST " + usersPath + "/{id}/delete":              c.postDelete,
		"POST " + usersPath + "/{id}/link":                c.postMakeLink,
		"POST " + usersPath + "/{id}/link/revoke":         c.postRevokeLink,
		"POST " + usersPath + "/{id}/sessions/end":        c.postEndSessions,
		"POST " + usersPath + "/{id}/sessions/{sid}/end":  c.postEndSession,
		"POST " + usersPath + "/{id}/tokens/{tid}/delete": c.postDeleteToken,
	}
}

func (c *Coordinator) getUsers(w http.ResponseWriter, r *http.Request, as people.Session) {
	page := web.Users{Notices: web.Notices{Done: doneNotice(r)}, Search: asked(r, "q"), Group: asked(r, "group")}
	users, err := c.people.Users(r.Context(), people.UserQuery{
		Search: page.Search, Group: page.Group, After: r.URL.Query().Get("after"), Limit: pageSize + 1,
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	users, page.Pager = cut(r, users, func(u people.User) string { return u.Email })
	page.Items = personsOf(users)
	c.pages.ShowAdmin(w, r, http.StatusOK, adminOf(as), page)
}

func personsOf(users []people.User) []web.Person {
	persons := make([]web.Person, len(users))
	for i, u := range users {
		persons[i] = personOf(u)
	}
	return persons
}

func personOf(u people.User) web.Person {
	return web.Person{
		ID: u.ID, Email: u.Email, Name: u.Name, Groups: strings.Join(u.Groups, ", "), Admin: u.Admin, Active: u.Active,
		Version: people.Version(u),
	}
}

// personIn reads the fields that every form about a person has.
func personIn(r *http.Request) web.Person {
	return web.Person{
		ID: r.PathValue("id"), Email: r.PostFormValue("email"), Name: r.PostFormValue("name"),
		Groups: r.PostFormValue("groups"), Version: r.PostFormValue("version"),
		Admin: r.PostFormValue("admin") != "", Active: r.PostFormValue("active") != "",
	}
}

func changeOf(p web.Person) people.UserChange {
	groups := splitList(p.Groups, ",")
	return people.UserChange{Email: &p.Email, Name: &p.Name, Groups: &groups, Admin: &p.Admin, Active: &p.Active}
}

// passwordIn reads the password of a form and makes one up where there is none.
func passwordIn(r *http.Request) (text string, madeUp bool) {
	if text = r.PostFormValue("password"); text != "" {
		return text, false
	}
	return password.MakeUp(), true
}

func (c *Coordinator) showPassword(w http.ResponseWriter, r *http.Request, as people.Session, u people.User, text string) {
	c.pages.ShowAdmin(w, r, http.StatusOK, adminOf(as), web.Secret{
		Person: personOf(u), Kind: "password", Text: text, Back: userPath(u.ID), Part: "users",
	})
}

func (c *Coordinator) getNewUser(w http.ResponseWriter, r *http.Request, as people.Session) {
	c.pages.ShowAdmin(w, r, http.StatusOK, adminOf(as), web.NewUser{Person: web.Person{Active: true}})
}

func (c *Coordinator) postNewUser(w http.ResponseWriter, r *http.Request, as people.Session) {
	draft := personIn(r)
	change := changeOf(draft)
	text, madeUp := passwordIn(r)
	change.Password = &text
	u, err := c.people.CreateUser(r.Context(), c.people.ActorOf(as), change)
	if err != nil {
		status, sentence := c.explain(r.Context(), w, err)
		c.pages.ShowAdmin(w, r, status, adminOf(as), web.NewUser{Notices: web.Notices{Problem: sentence}, Person: draft, Field: fieldOf(err)})
		return
	}
	if madeUp {
		c.showPassword(w, r, as, u, text)
		return
	}
	did(w, userPath(u.ID), "user-added", "")
}
