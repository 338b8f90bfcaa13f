package api

import (
	"cmp"
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
)

type token struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"`
	User    string     `json:"user"`
	Email   string     `json:"email"`
	Created time.Time  `json:"created"`
	Used    *time.Time `json:"used,omitempty"`
	Expires time.Time  `json:"expires"`
	Secret  string     `json:"secret,omitempty"` // only in the answer that creates it
}

func tokenOf(t people.PersonalToken) token {
	shown := token{
		ID: t.ID, Name: t.Name, Scopes: people.Scopes(t), User: t.User.ID, Email: t.User.Email, Created: t.Created, Expires: t.Expires,
	}
	if !t.Used.IsZero() {
		shown.Used = &t.Used
	}
	return shown
}

func (s *server) listTokens(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	p, err := pageOf(r, "tokens")
	if err != nil {
		return err
	}
	query := r.URL.Query()
	rows, err := s.People.PersonalTokens(r.Context(), people.TokenQuery{
		UserID: query.Get("user"), Search: query.Get("q"), After: p.after, Limit: p.limit + 1,
	})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, paged(rows, p, tokenOf, func(t people.PersonalToken) string { return t.ID }))
}

// newToken asks for a token; user is the caller unless named, by id.
type newToken struct {
	Name    string    `json:"name"`
	Scopes  []string  `json:"scopes"`
	User    string    `json:"user"`
	Expires time.Time `json:"expires"`
}

func (s *server) createToken(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	var body newToken
	if err := read(w, r, maxBody, &body); err != nil {
		return err
	}
	t, secret, err := s.People.CreatePersonalToken(r.Context(), actor, people.NewToken{
		UserID: cmp.Or(body.User, actor.UserID), Name: body.Name, Scopes: body.Scopes, Expires: body.Expires,
	})
	if err != nil {
		return err
	}
	created := tokenOf(t)
	created.Secret = secret
	w.Header().Set("Location", Prefix+"/tokens/"+t.ID)
	return write(w, http.StatusCreated, created)
}

func (s *server) deleteToken(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	return noContent(w, s.People.DeletePersonalToken(r.Context(), actor, r.PathValue("id")))
}
