package claims

import (
	"slices"
	"strings"
)

// affiliationClaims are the names under which providers send affiliations with a scope.
var affiliationClaims = []path{
	{"eduperson_scoped_affiliation"},
	{"eduPersonScopedAffiliation"},
	{"voperson_external_affiliation"}, // of the home of somebody who comes by a proxy (AARC-G025)
}

// affiliationWords are all that eduPerson knows.
var affiliationWords = []string{"affiliate", "alum", "employee", "faculty", "library-walk-in", "member", "staff", "student"}

// affiliations takes member@example.edu and its like, but only of scopes that the
// settings give to this provider: any provider can write any scope (R52).
func (r *reading) affiliations() {
	if len(r.mapping.scopes) == 0 {
		return
	}
	for _, p := range affiliationClaims {
		for _, value := range r.strings(p) {
			r.affiliation(p, value)
		}
	}
}

func (r *reading) affiliation(p path, value string) {
	text, ok := lowerASCII(value)
	word, scope, _ := strings.Cut(text, "@") // a second @ is part of a scope that none is
	switch {
	case !ok || !slices.Contains(affiliationWords, word):
		r.warn(p.String(), "has %.60q, which is not one of %s with @ and a scope", value, strings.Join(affiliationWords, ", "))
	case !slices.Contains(r.mapping.scopes, scope):
		r.warn(p.String(), "has the scope %.60q, which is not this provider's; list it under affiliation-scopes if it is", scope)
	default:
		r.join(p, text)
	}
}
