package api

import (
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
)

// visit is the session of somebody who has not signed in but has accepted terms.
type visit struct {
	ID      string    `json:"id"`
	Network string    `json:"network"`
	Agent   string    `json:"agent"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	Expires time.Time `json:"expires"`
}

func visitOf(v people.Visit) visit {
	return visit{ID: v.ID, Network: v.Network, Agent: v.Agent, Created: v.Created, Seen: v.Seen, Expires: v.Expires}
}

func (s *server) listVisits(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	p, err := pageOf(r, "visits")
	if err != nil {
		return err
	}
	rows, err := s.People.Visits(r.Context(), people.VisitQuery{After: p.after, Limit: p.limit + 1})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, paged(rows, p, visitOf, func(v people.Visit) string { return v.ID }))
}

func (s *server) endVisit(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	return noContent(w, s.People.EndVisit(r.Context(), actor, r.PathValue("id")))
}
