package api

import (
	"net/http"
	"net/url"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
)

type signIn struct {
	ID       string    `json:"id"`
	User     string    `json:"user"`
	Email    string    `json:"email"`
	Name     string    `json:"name"`
	Provider string    `json:"provider"` // "" for a password here
	Network  string    `json:"network"`
	Agent    string    `json:"agent"`
	Created  time.Time `json:"created"`
	Seen     time.Time `json:"seen"`
	Expires  time.Time `json:"expires"`
}

func signInOf(s people.Session) signIn {
	return signIn{
		ID: s.ID, User: s.User.ID, Email: s.User.Email, Name: s.User.Name, Provider: s.Provider,
		Network: s.Network, Agent: s.Agent, Created: s.Created, Seen: s.Seen, Expires: s.Expires,
	}
}

// sessionFilter reads "user" and "provider". An empty provider that is there stands for
// sign-ins by password.
func sessionFilter(query url.Values) people.SessionFilter {
	f := people.SessionFilter{UserID: query.Get("user")}
	if query.Has("provider") {
		provider := query.Get("provider")
		f.Provider = &provider
	}
	return f
}

func (s *server) listSessions(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	p, err := pageOf(r, "sessions")
	if err != nil {
		return err
	}
	query := r.URL.Query()
	rows, err := s.People.Sessions(r.Context(), people.SessionQuery{
		SessionFilter: sessionFilter(query), Search: query.Get("q"), After: p.after, Limit: p.limit + 1,
	})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, paged(rows, p, signInOf, func(s people.Session) string { return s.ID }))
}

func (s *server) endSession(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	return noContent(w, s.People.EndSession(r.Context(), actor, r.PathValue("id")))
}

// endSessions ends all of a user, of a provider, or of a user by a provider.
func (s *server) endSessions(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	ended, err := s.People.EndSessionsOf(r.Context(), actor, sessionFilter(r.URL.Query()))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, struct {
		Ended int `json:"ended"`
	}{ended})
}
