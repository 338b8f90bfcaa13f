package coordinator

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
)

// pageSize is how many people or sessions a page lists.
const pageSize = 50

func (c *Coordinator) getOverview(w http.ResponseWriter, r *http.Request, as people.Session) {
	rules, err := c.rulesInForce(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	overview := web.Overview{Rules: rules, People: emptyPeople()}
	if r.URL.Query().Get("did") == rulesSaved {
		overview.Rules.Done = doneNotice(r)
	} else {
		overview.Done = doneNotice(r)
	}
	c.showOverview(w, r, as, http.StatusOK, overview)
}

// emptyPeople has the form as it is before anybody typed.
func emptyPeople() web.People { return web.People{Draft: web.Person{Active: true}} }

// showOverview adds the list of people to what the caller has to show.
func (c *Coordinator) showOverview(w http.ResponseWriter, r *http.Request, as people.Session, status int, o web.Overview) {
	query := r.URL.Query()
	o.People.Search = strings.TrimSpace(query.Get("q"))
	after := query.Get("after")
	users, err := c.people.Users(r.Context(), people.UserQuery{Search: o.People.Search, After: after, Limit: pageSize + 1})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if len(users) > pageSize {
		users = users[:pageSize]
		next := url.Values{"q": {o.People.Search}, "after": {users[pageSize-1].Email}}
		o.People.Next = "/auth/admin/?" + next.Encode() + "#people"
	}
	o.People.Paged = after != ""
	for _, u := range users {
		o.People.Items = append(o.People.Items, personOf(u))
	}
	web.ShowOverview(w, status, adminOf(as), o)
}

func personOf(u people.User) web.Person {
	return web.Person{
		ID: u.ID, Email: u.Email, Name: u.Name, Groups: strings.Join(u.Groups, ", "), Admin: u.Admin, Active: u.Active,
	}
}

// splitList cuts a list that people type and drops empty parts.
func splitList(text, separator string) []string {
	parts := []string{}
	for part := range strings.SplitSeq(text, separator) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
