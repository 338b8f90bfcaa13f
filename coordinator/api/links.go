package api

import (
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
)

// signInLink is one that has not been used. URL is there only in the answer that makes
// it.
type signInLink struct {
	User     string    `json:"user"`
	URL      string    `json:"url,omitempty"`
	Password bool      `json:"password"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
}

func linkOf(l people.Link) signInLink {
	return signInLink{User: l.User.ID, Password: l.Password, Created: l.Created, Expires: l.Expires}
}

func (s *server) createLink(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	var body struct {
		Password *bool     `json:"password"`
		Expires  time.Time `json:"expires"`
	}
	if err := read(w, r, maxBody, &body); err != nil {
		return err
	}
	link, secret, err := s.People.CreateLink(r.Context(), actor, people.NewLink{
		UserID: r.PathValue("id"), Password: body.Password == nil || *body.Password, Expires: body.Expires,
	})
	if err != nil {
		return err
	}
	made := linkOf(link)
	made.URL = s.LinkURL(r, secret)
	return write(w, http.StatusCreated, made)
}

func (s *server) getLink(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	link, err := s.People.Link(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, linkOf(link))
}

func (s *server) revokeLink(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	return noContent(w, s.People.RevokeLink(r.Context(), actor, r.PathValue("id")))
}
