package api

import (
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
)

type user struct {
	ID      string    `json:"id"`
	Email   string    `json:"email"`
	Name    string    `json:"name"`
	Groups  []string  `json:"groups"`
	Admin   bool      `json:"admin"`
	Active  bool      `json:"active"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

func userOf(u people.User) user {
	return user{
		ID: u.ID, Email: u.Email, Name: u.Name, Groups: append([]string{}, u.Groups...),
		Admin: u.Admin, Active: u.Active, Created: u.Created, Updated: u.Updated,
	}
}

func (s *server) listUsers(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	limit, after, err := paging(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	rows, err := s.People.Users(r.Context(), people.UserQuery{
		Search: query.Get("q"), Email: query.Get("email"), After: after, Limit: limit + 1,
	})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, paged(rows, limit, userOf, func(u people.User) string { return u.Email }))
}

func (s *server) createUser(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	var change people.UserChange
	if err := read(w, r, maxBody, &change); err != nil {
		return err
	}
	u, err := s.People.CreateUser(r.Context(), change)
	if err != nil {
		return err
	}
	w.Header().Set("Location", Prefix+"/users/"+u.ID)
	return write(w, http.StatusCreated, userOf(u))
}

func (s *server) getUser(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	u, err := s.People.User(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, userOf(u))
}

func (s *server) updateUser(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	var change people.UserChange
	if err := read(w, r, maxBody, &change); err != nil {
		return err
	}
	u, err := s.People.UpdateUser(r.Context(), actor, r.PathValue("id"), change)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, userOf(u))
}

func (s *server) deleteUser(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	return noContent(w, s.People.DeleteUser(r.Context(), actor, r.PathValue("id")))
}

func noContent(w http.ResponseWriter, err error) error {
	if err != nil {
		return err
	}
	setHeaders(w.Header(), "application/json")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
