package api

import (
	"net/http"

	"github.com/tessera-iiif/tessera/coordinator/people"
)

type group struct {
	Name    string `json:"name"`
	Members int    `json:"members"`
}

func groupOf(g people.Group) group { return group{g.Name, g.Members} }

func (s *server) listGroups(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	p, err := pageOf(r, "groups")
	if err != nil {
		return err
	}
	rows, err := s.People.Groups(r.Context(), people.GroupQuery{
		Search: r.URL.Query().Get("q"), After: p.after, Limit: p.limit + 1,
	})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, paged(rows, p, groupOf, func(g people.Group) string { return g.Name }))
}

func (s *server) getGroup(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	g, err := s.People.Group(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, groupOf(g))
}

func (s *server) renameGroup(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	var body struct {
		Name string `json:"name"`
	}
	if err := read(w, r, maxBody, &body); err != nil {
		return err
	}
	g, err := s.People.RenameGroup(r.Context(), actor, r.PathValue("name"), body.Name)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, groupOf(g))
}

func (s *server) deleteGroup(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	return noContent(w, s.People.DeleteGroup(r.Context(), actor, r.PathValue("name")))
}

func (s *server) listMembers(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	return s.writeUsers(w, r, "members", people.UserQuery{Group: r.PathValue("name"), Search: r.URL.Query().Get("q")})
}

func (s *server) addMember(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	return noContent(w, s.People.SetMember(r.Context(), actor, r.PathValue("name"), r.PathValue("id"), true))
}

func (s *server) removeMember(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	return noContent(w, s.People.SetMember(r.Context(), actor, r.PathValue("name"), r.PathValue("id"), false))
}
