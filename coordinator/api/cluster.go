package api

import (
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/internal/cluster"
)

// part is a process of the cluster as it was last heard of.
type part struct {
	Role    string    `json:"role"`
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Seen    time.Time `json:"seen"`
	Silent  bool      `json:"silent"`
	Up      float64   `json:"upSeconds"`
	Rate    float64   `json:"perSecond"`    // requests of an edge, renderings of a worker
	Ahead   float64   `json:"aheadSeconds"` // its clock, of the coordinator's
	Edge    *edge     `json:"edge,omitempty"`
	Worker  *worker   `json:"worker,omitempty"`
}

type edge struct {
	Revision int64  `json:"revision"`
	Fresh    bool   `json:"fresh"`
	Requests uint64 `json:"requests"`
	Images   uint64 `json:"images"`
	Hits     uint64 `json:"hits"`
}

type worker struct {
	Slots       int      `json:"slots"`
	Running     int      `json:"running"`
	Waiting     int      `json:"waiting"`
	Queue       float64  `json:"queueSeconds"`
	Asked       uint64   `json:"asked"`
	Hits        uint64   `json:"hits"`
	Decodes     uint64   `json:"decodes"`
	Refused     uint64   `json:"refused"`
	SetAside    int      `json:"setAside"`
	Quarantined []string `json:"quarantined"`
}

func partOf(m cluster.Member) part {
	p := part{Role: m.Role, Name: m.Name, Version: m.Version, Seen: m.Seen, Silent: m.Silent, Up: m.Up.Seconds(), Rate: m.Rate, Ahead: m.Ahead.Seconds()}
	if e := m.Edge; e != nil {
		p.Edge = &edge{Revision: e.Revision, Fresh: e.Fresh, Requests: e.Requests, Images: e.Images, Hits: e.Hits}
	}
	if w := m.Worker; w != nil {
		p.Worker = &worker{
			Slots: w.Slots, Running: w.Running, Waiting: w.Waiting, Queue: w.Queue.Seconds(), Asked: w.Asked, Hits: w.Hits,
			Decodes: w.Decodes, Refused: w.Refused, SetAside: w.SetAside, Quarantined: append([]string{}, w.Quarantined...),
		}
	}
	return p
}

// getCluster tells what the parts of the cluster told of themselves, and the revision of
// rights that edges should hold.
func (s *server) getCluster(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	revision, err := s.People.Revision(r.Context())
	if err != nil {
		return err
	}
	answer := struct {
		Revision int64  `json:"revision"`
		Items    []part `json:"items"`
	}{revision, []part{}}
	if s.Members != nil {
		for _, m := range s.Members() {
			answer.Items = append(answer.Items, partOf(m))
		}
	}
	return write(w, http.StatusOK, answer)
}

func (s *server) purge(w http.ResponseWriter, r *http.Request, actor people.Actor) error {
	var body cluster.Purge
	if err := read(w, r, maxBody, &body); err != nil {
		return err
	}
	return noContent(w, s.Forget(r.Context(), actor, body))
}
