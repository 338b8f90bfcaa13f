package coordinator

import (
	"errors"
	"net/http"

	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
)

func userPath(id string) string { return "/auth/admin/users/" + id }

// personIn reads the fields that every form about a person has.
func personIn(r *http.Request) web.Person {
	return web.Person{
		ID: r.PathValue("id"), Email: r.PostFormValue("email"), Name: r.PostFormValue("name"),
		Groups: r.PostFormValue("groups"),
		Admin:  r.PostFormValue("admin") != "", Active: r.PostFormValue("active") != "",
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

func (c *Coordinator) postNewUser(w http.ResponseWriter, r *http.Request, as people.Session) {
	draft := personIn(r)
	change := changeOf(draft)
	text, madeUp := passwordIn(r)
	change.Password = &text
	u, err := c.people.CreateUser(r.Context(), actorOf(as), change)
	if err != nil {
		c.newUserAgain(w, r, as, draft, err)
		return
	}
	if madeUp {
		web.ShowSecret(w, adminOf(as), web.Secret{Person: personOf(u), Password: text})
		return
	}
	did(w, "/auth/admin/", "user-added", "")
}

func (c *Coordinator) newUserAgain(w http.ResponseWriter, r *http.Request, as people.Session, draft web.Person, cause error) {
	rules, err := c.rulesInForce(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	status, sentence := c.explain(r.Context(), w, cause)
	c.showOverview(w, r, as, status, web.Overview{
		Notices: web.Notices{Problem: sentence}, Rules: rules, People: web.People{Draft: draft, Adding: true},
	})
}

func (c *Coordinator) getUser(w http.ResponseWriter, r *http.Request, as people.Session) {
	u, err := c.people.User(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showUser(w, r, as, http.StatusOK, web.User{Notices: web.Notices{Done: doneNotice(r)}, Person: personOf(u)})
}

// showUser adds the sessions to what the caller has to show.
func (c *Coordinator) showUser(w http.ResponseWriter, r *http.Request, as people.Session, status int, page web.User) {
	sessions, err := c.people.Sessions(r.Context(), people.SessionQuery{SessionFilter: people.SessionFilter{UserID: page.Person.ID}, Limit: pageSize})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	for _, s := range sessions {
		page.Sessions = append(page.Sessions, web.Session{
			ID: s.ID, Network: s.Network, Agent: s.Agent, Created: s.Created, Seen: s.Seen, Mine: s.ID == as.ID,
		})
	}
	web.ShowUser(w, status, adminOf(as), page)
}

// userAgain shows a person's page with what went wrong.
func (c *Coordinator) userAgain(w http.ResponseWriter, r *http.Request, as people.Session, typed *web.Person, cause error) {
	u, err := c.people.User(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, errors.Join(err, cause))
		return
	}
	page := web.User{Person: personOf(u)}
	if typed != nil {
		page.Person = *typed
	}
	status, sentence := c.explain(r.Context(), w, cause)
	page.Problem = sentence
	c.showUser(w, r, as, status, page)
}

func (c *Coordinator) postUser(w http.ResponseWriter, r *http.Request, as people.Session) {
	typed := personIn(r)
	if _, err := c.people.UpdateUser(r.Context(), actorOf(as), typed.ID, changeOf(typed), people.AnyVersion); err != nil {
		c.userAgain(w, r, as, &typed, err)
		return
	}
	did(w, userPath(typed.ID), "user-saved", "")
}

func (c *Coordinator) postPassword(w http.ResponseWriter, r *http.Request, as people.Session) {
	text, madeUp := passwordIn(r)
	u, err := c.people.UpdateUser(r.Context(), actorOf(as), r.PathValue("id"), people.UserChange{Password: &text}, people.AnyVersion)
	if err != nil {
		c.userAgain(w, r, as, nil, err)
		return
	}
	if madeUp {
		web.ShowSecret(w, adminOf(as), web.Secret{Person: personOf(u), Password: text})
		return
	}
	did(w, userPath(u.ID), "password-set", "")
}

func (c *Coordinator) postDelete(w http.ResponseWriter, r *http.Request, as people.Session) {
	if r.PostFormValue("confirm") == "" {
		c.userAgain(w, r, as, nil, &people.Error{Kind: people.Invalid, Code: "unconfirmed"})
		return
	}
	if err := c.people.DeleteUser(r.Context(), actorOf(as), r.PathValue("id"), people.AnyVersion); err != nil {
		c.userAgain(w, r, as, nil, err)
		return
	}
	did(w, "/auth/admin/", "user-deleted", "")
}

func (c *Coordinator) postEndSession(w http.ResponseWriter, r *http.Request, as people.Session) {
	err := c.people.EndSession(r.Context(), actorOf(as), r.PathValue("sid"))
	c.endedSessions(w, r, as, "session-ended", err)
}

func (c *Coordinator) postEndSessions(w http.ResponseWriter, r *http.Request, as people.Session) {
	err := c.people.EndSessions(r.Context(), actorOf(as), r.PathValue("id"))
	c.endedSessions(w, r, as, "sessions-ended", err)
}

func (c *Coordinator) endedSessions(w http.ResponseWriter, r *http.Request, as people.Session, code string, err error) {
	if err != nil {
		c.userAgain(w, r, as, nil, err)
		return
	}
	did(w, userPath(r.PathValue("id")), code, "")
}
