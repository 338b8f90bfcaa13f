package coordinator

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

const groupsPath = "/auth/admin/groups"

// groupPath has the name in the query: names have slashes in them, some of them.
func groupPath(name string) string { return "/auth/admin/group?" + url.Values{"name": {name}}.Encode() }

func (c *Coordinator) groupPages() map[string]adminPage {
	return map[string]adminPage{
		"GET " + groupsPath:                     c.getGroups,
		"GET /auth/admin/group":                 c.getGroup,
		"POST /auth/admin/group/members":        c.postMember,
		"POST /auth/admin/group/members/remove": c.postRemoveMember,
		"POST /auth/admin/group/rename":         c.postRenameGroup,
		"POST /auth/admin/group/delete":         c.postDeleteGroup,
	}
}

func (c *Coordinator) getGroups(w http.ResponseWriter, r *http.Request, as people.Session) {
	c.showGroups(w, r, as, http.StatusOK, web.Notices{Done: doneNotice(r)})
}

func (c *Coordinator) showGroups(w http.ResponseWriter, r *http.Request, as people.Session, status int, notices web.Notices) {
	page := web.Groups{Notices: notices, Search: asked(r, "q")}
	groups, err := c.people.Groups(r.Context(), people.GroupQuery{Search: page.Search, After: r.URL.Query().Get("after"), Limit: pageSize + 1})
	if err == nil {
		page.Unborn, err = c.unborn(r)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	groups, page.Pager = cut(r, groups, func(g people.Group) string { return g.Name })
	for _, g := range groups {
		page.Items = append(page.Items, web.Group{Name: g.Name, Members: g.Members})
	}
	c.pages.ShowAdmin(w, r, status, adminOf(as), page)
}

// maxUnborn is how many groups without members are looked for.
const maxUnborn = 20

// unborn are groups that rules name and nobody bears: often a slip of the pen.
func (c *Coordinator) unborn(r *http.Request) ([]string, error) {
	set, err := c.people.Rules(r.Context())
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var none []string
	for _, rule := range set.Rules {
		for _, name := range rule.Groups {
			if seen[name] || len(seen) > 20*maxUnborn || len(none) == maxUnborn {
				continue
			}
			seen[name] = true
			if _, err := c.people.Group(r.Context(), name); isNotFound(err) {
				none = append(none, name)
			} else if err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(none)
	return none, nil
}

func isNotFound(err error) bool {
	var e *people.Error
	return errors.As(err, &e) && e.Kind == people.NotFound
}

func (c *Coordinator) getGroup(w http.ResponseWriter, r *http.Request, as people.Session) {
	c.showGroup(w, r, as, http.StatusOK, asked(r, "name"), web.Notices{Done: doneNotice(r)})
}

func (c *Coordinator) showGroup(w http.ResponseWriter, r *http.Request, as people.Session, status int, name string, notices web.Notices) {
	page := web.OneGroup{Notices: notices, Group: web.Group{Name: name}}
	set, err := c.people.Rules(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page.Rules = naming(set.Rules, name, wordsFor(r))
	g, err := c.people.Group(r.Context(), name)
	if err != nil && (!isNotFound(err) || len(page.Rules) == 0 && status == http.StatusOK) {
		c.fail(w, r, err)
		return
	}
	page.Group.Members = g.Members
	members, err := c.people.Users(r.Context(), people.UserQuery{Group: name, After: r.URL.Query().Get("after"), Limit: pageSize + 1})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	members, page.Pager = cut(r, members, func(u people.User) string { return u.Email })
	page.Members = personsOf(members)
	c.pages.ShowAdmin(w, r, status, adminOf(as), page)
}

// naming lists the rules that name a group.
func naming(rules []authz.Rule, group string, say *catalogue.Words) (names []string) {
	for i, rule := range rules {
		if slices.Contains(rule.Groups, group) {
			names = append(names, nameOfRule(i, rule, say))
		}
	}
	return names
}

func (c *Coordinator) groupAgain(w http.ResponseWriter, r *http.Request, as people.Session, err error) {
	status, sentence := c.explain(r.Context(), w, err)
	c.showGroup(w, r, as, status, r.PostFormValue("name"), web.Notices{Problem: sentence})
}

// postMember takes an address: nobody knows anybody's id.
func (c *Coordinator) postMember(w http.ResponseWriter, r *http.Request, as people.Session) {
	name := r.PostFormValue("name")
	found, err := c.people.Users(r.Context(), people.UserQuery{Email: r.PostFormValue("email"), Limit: 1})
	if err == nil && len(found) == 0 {
		err = &people.Error{Kind: people.NotFound, Code: "no-such-address", Args: []any{r.PostFormValue("email")}}
	}
	if err == nil {
		err = c.people.SetMember(r.Context(), c.people.ActorOf(as), name, found[0].ID, true)
	}
	if err != nil {
		c.groupAgain(w, r, as, err)
		return
	}
	did(w, groupPath(name), "member-added", "")
}

func (c *Coordinator) postRemoveMember(w http.ResponseWriter, r *http.Request, as people.Session) {
	name := r.PostFormValue("name")
	if err := c.people.SetMember(r.Context(), c.people.ActorOf(as), name, r.PostFormValue("user"), false); err != nil {
		c.groupAgain(w, r, as, err)
		return
	}
	if _, err := c.people.Group(r.Context(), name); isNotFound(err) {
		did(w, groupsPath, "last-member-removed", "")
		return
	}
	did(w, groupPath(name), "member-removed", "")
}

func (c *Coordinator) postRenameGroup(w http.ResponseWriter, r *http.Request, as people.Session) {
	g, err := c.people.RenameGroup(r.Context(), c.people.ActorOf(as), r.PostFormValue("name"), r.PostFormValue("to"))
	if err != nil {
		c.groupAgain(w, r, as, err)
		return
	}
	did(w, groupPath(g.Name), "group-renamed", "")
}

func (c *Coordinator) postDeleteGroup(w http.ResponseWriter, r *http.Request, as people.Session) {
	err := error(errUnconfirmed)
	if r.PostFormValue("confirm") != "" {
		err = c.people.DeleteGroup(r.Context(), c.people.ActorOf(as), r.PostFormValue("name"))
	}
	if err != nil {
		c.groupAgain(w, r, as, err)
		return
	}
	did(w, groupsPath, "group-deleted", "")
}
