package api

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// explanation is a decision with its reasons. Rule is "" where the default decided.
type explanation struct {
	User     string        `json:"user"`
	Image    string        `json:"image"`
	Address  string        `json:"address,omitempty"`
	At       time.Time     `json:"at,omitzero"`
	Allowed  bool          `json:"allowed"`
	Outcome  string        `json:"outcome"`
	Rule     string        `json:"rule"`
	Access   authz.Access  `json:"access"`
	Public   bool          `json:"public"`
	Reason   string        `json:"reason"`
	Changes  time.Time     `json:"changes,omitzero"`
	Terms    string        `json:"terms,omitempty"`
	Tier     *authz.Tier   `json:"tier,omitempty"`
	ViewOnly bool          `json:"viewOnly,omitempty"`
	Service  authz.Service `json:"service,omitempty"`
	Matches  []authz.Match `json:"matches"`
}

func (s *server) explain(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	q, err := readQuestion(r)
	if err != nil {
		return err
	}
	e, err := s.People.ExplainAll(r.Context(), q)
	if err != nil {
		return err
	}
	answer := explanation{
		User: q.User, Image: q.Image, At: q.At, Allowed: e.Outcome == authz.Allow, Outcome: e.Outcome.String(),
		Rule: e.Rule, Access: e.Access, Public: e.Public, Reason: people.ReasonFor(e.Decision, say), Changes: e.Changes,
		Tier: e.Tier, ViewOnly: e.ViewOnly, Service: e.Service, Matches: append([]authz.Match{}, e.Matches...),
	}
	if q.Addr.IsValid() {
		answer.Address = q.Addr.String()
	}
	if e.Terms != nil {
		answer.Terms = e.Terms.Key()
	}
	return write(w, http.StatusOK, answer)
}

func readQuestion(r *http.Request) (q people.Question, err error) {
	query := r.URL.Query()
	q = people.Question{User: query.Get("user"), Image: query.Get("image"), Terms: query["terms"]}
	if q.Image == "" {
		return q, &people.Error{Kind: people.Invalid, Code: "missing-image", Field: "image"}
	}
	if text := query.Get("address"); text != "" {
		if q.Addr, err = netip.ParseAddr(text); err != nil {
			return q, &people.Error{Kind: people.Invalid, Code: "bad-address", Field: "address"}
		}
	}
	if text := query.Get("at"); text != "" {
		if q.At, err = time.Parse(time.RFC3339, text); err != nil {
			return q, &people.Error{Kind: people.Invalid, Code: "bad-instant", Args: []any{"at"}, Field: "at"}
		}
	}
	return q, nil
}
