package api

import (
	"net/http"

	"github.com/tessera-iiif/tessera/coordinator/catalogue"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// explanation is a decision with its reasons. Rule is "" where the default decided.
type explanation struct {
	User    string       `json:"user"`
	Image   string       `json:"image"`
	Allowed bool         `json:"allowed"`
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
		User: user, Image: image, Allowed: d.Outcome == authz.Allow, Outcome: d.Outcome.String(),
		Rule: d.Rule, Access: d.Access, Public: d.Public, Reason: reasonOf(d),
	})
}

// reasonOf is the reason for administrators: what readers are told of a hidden image
// says nothing of it.
func reasonOf(d authz.Decision) string {
	if d.Outcome == authz.NotFound {
		return catalogue.Text("explain.hidden")
	}
	return d.Reason
}
