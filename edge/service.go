package edge

import (
	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// service names the authorization service that belongs to a decision.
func (e *Edge) service(d authz.Decision) iiif.Service {
	s := iiif.Service{Site: e.cfg.ServiceName, Kind: d.Service}
	if d.Terms != nil {
		s.Terms = d.Terms.Name
	}
	return s
}

// texts are what viewers show around that service.
func (e *Edge) texts(d authz.Decision) iiif.Texts {
	t, ok := e.serviceTexts[d.Service]
	if !ok {
		t = e.serviceTexts[authz.SignIn]
	}
	if d.Service == authz.Accept && d.Terms != nil {
		t = t.ForTerms(d.Terms.Title)
	}
	return t
}

// auth describes the service of an image that is not open to everybody, alike for those
// whom it has let in.
func (e *Edge) auth(base, id string, d authz.Decision) *iiif.Auth {
	return &iiif.Auth{Base: base, Name: e.service(d).String(), Kind: d.Service, ImageSpelling: e.spell(id), Texts: e.texts(d)}
}

// textsByService are the texts of every kind of service of an institution.
func textsByService(institution string) map[authz.Service]iiif.Texts {
	texts := map[authz.Service]iiif.Texts{}
	for _, kind := range []authz.Service{authz.SignIn, authz.Accept, authz.SignInTerms, authz.External, authz.Kiosk} {
		texts[kind] = iiif.DefaultTexts(kind, institution)
	}
	return texts
}
