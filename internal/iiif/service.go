package iiif

import (
	"strings"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Service names an authorization service in addresses: "members" for signing in, and
// for others "members.terms.donor", "members.external". Site is the name of the sign-in
// service, which is that of them all.
type Service struct {
	Site  string
	Kind  authz.Service // "" stands for signing in
	Terms string        // name of the terms, where the kind is about some
}

// String is how the service stands in addresses.
func (s Service) String() string {
	switch s.Kind {
	case "", authz.SignIn:
		return s.Site
	case authz.Accept, authz.SignInTerms:
		return s.Site + "." + string(s.Kind) + "." + s.Terms
	}
	return s.Site + "." + string(s.Kind)
}

// ParseService reads what String wrote, of the site of that name; ok is false for any
// other text. Whether there are terms of that name is not asked here.
func ParseService(site, text string) (s Service, ok bool) {
	rest, found := strings.CutPrefix(text, site)
	if !found {
		return Service{}, false
	}
	if rest == "" {
		return Service{Site: site, Kind: authz.SignIn}, true
	}
	kind, terms, _ := strings.Cut(strings.TrimPrefix(rest, "."), ".")
	s = Service{Site: site, Kind: authz.Service(kind), Terms: terms}
	switch s.Kind {
	case authz.Accept, authz.SignInTerms:
		ok = terms != ""
	case authz.External, authz.Kiosk:
		ok = true
	}
	return s, ok && s.String() == text
}
