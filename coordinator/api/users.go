package api

import (
	"net/http"
	"strings"
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

// writeUser answers with a user and the ETag that keeps two administrators from
// overwriting each other.
func writeUser(w http.ResponseWriter, status int, u people.User) error {
	w.Header().Set("ETag", `"`+people.Version(u)+`"`)
	return write(w, status, userOf(u))
}

// expectedVersion reads If-Match: absent and "*" match any state.
func expectedVersion(r *http.Request) (string, error) {
	text := strings.TrimSpace(r.Header.Get("If-Match"))
	if text == "" || text == "*" {
		return people.AnyVersion, nil
	}
	version := strings.Trim(text, `"`)
	if version == "" || text != `"`+version+`"` {
		return "", &people.Error{Kind: people.Precondition, Code: "bad-if-match"}
	}
	return version, nil
}

func (s *server) listUsers(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	query := r.URL.Query()
	return s.writeUsers(w, r, "users", people.UserQuery{
		Search: query.Get("q"), Email: query.Get("email"), Group: query.Get("group"),
	})
}

func (s *server) writeUsers(w http.ResponseWriter, r *http.Request, list string, q people.UserQuery) error {
	p, err := pageOf(r, list)
	if err != nil {
		return err
	}
	q.After, q.Limit = p.after, p.limit+1
	rows, err := s.People.Users(r.Context(), q)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, paged(rows, p, userOf, func(u people.User) string { return u.Email }))
}

func (s *server) createUser(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	var change people.UserChange
	if err := read(w, r, maxBody, &change); err != nil {
		return err
	}
	u, err := s.People.CreateUser(r.Context(), actor, change)
	if err != nil {
		return err
	}
	w.Header().Set("Location", Prefix+"/users/"+u.ID)
	return writeUser(w, http.StatusCreated, u)
}

func (s *server) getUser(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	u, err := s.People.User(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeUser(w, http.StatusOK, u)
}

func (s *server) updateUser(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	expected, err := expectedVersion(r)
	if err != nil {
		return err
	}
	var change people.UserChange
	if err := read(w, r, maxBody, &change); err != nil {
		return err
	}
	u, err := s.People.UpdateUser(r.Context(), actor, r.PathValue("id"), change, expected)
	if err != nil {
		return err
	}
	return writeUser(w, http.StatusOK, u)
}

func (s *server) deleteUser(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	expected, err := expectedVersion(r)
	if err != nil {
		return err
	}
	return noContent(w, s.People.DeleteUser(r.Context(), actor, r.PathValue("id"), expected))
}

func noContent(w http.ResponseWriter, err error) error {
	if err != nil {
		return err
	}
	setHeaders(w.Header(), "application/json")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
