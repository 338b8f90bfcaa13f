package api

import (
	"net/http"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// explanation is a decision with its reasons. Rule is "" where the default decided.
type explanation struct {
	User    string       `json:"user"`
	Image   string       `json:"image"`
	Outcome string       `json:"outcome"`
	Rule    string       `json:"rule"`
	Access  authz.Access `json:"access"`
	Public  bool         `json:"public"`
	Reason  string       `json:"reason"`
}

func (s *server) explain(w http.ResponseWriter, r *http.Request, _ people.Actor) error {
	query := r.URL.Query()
	user, image := query.Get("user"), query.Get("image")
	if image == "" {
		return &people.Error{Kind: people.Invalid, Code: "missing-image", Field: "image"}
	}
	d, err := s.People.Explain(r.Context(), user, image)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, explanation{
		User: user, Image: image, Outcome: d.Outcome.String(), Rule: d.Rule, Access: d.Access, Public: d.Public, Reason: d.Reason,
	})
}
