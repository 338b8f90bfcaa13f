package edge

import (
	"net/http"

	"github.com/tessera-iiif/tessera/internal/session"
)

// testify tells for the record that an image was shown or refused. What is open to
// everybody, and what could not be decided, is nobody's right and nobody's fault.
func (e *Edge) testify(x *exchange, who visitor, seen view, refusal error) {
	if v := seen.verdict; e.cfg.Seen == nil || v.Public || v.unsure {
		return
	}
	if refusal != nil {
		if status := classify(refusal).status; status != http.StatusUnauthorized && status != http.StatusForbidden {
			return
		}
	}
	e.cfg.Seen(session.Sighting{
		At: e.cfg.Now(), Granted: refusal == nil, User: who.ID, Image: seen.target.ID, Rule: seen.verdict.Rule, Addr: x.client, Request: x.id,
	})
}
