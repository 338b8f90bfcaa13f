package api

import (
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
)

type signIn struct {
	ID      string    `json:"id"`
	User    string    `json:"user"`
	Email   string    `json:"email"`
	Network string    `json:"network"`
	Agent   string    `json:"agent"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	Expires time.Time `json:"expires"`
}

func signInOf(s people.Session) signIn {
	return signIn{
		ID: s.ID, User: s.User.ID, Email: s.User.Email, Network: s.Network, Agent: s.Agent,
		Created: s.Created, Seen: s.Seen, Expires: s.Expires,
	}
}

func (s *server) listSessions(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	limit, after, err := paging(r)
	if err != nil {
		return err
	}
	rows, err := s.People.Sessions(r.Context(), people.SessionQuery{
		UserID: r.URL.Query().Get("user"), After: after, Limit: limit + 1,
	})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, paged(rows, limit, signInOf, func(s people.Session) string { return s.ID }))
}

func (s *server) endSession(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	return noContent(w, s.People.EndSession(r.Context(), actor, r.PathValue("id")))
}
