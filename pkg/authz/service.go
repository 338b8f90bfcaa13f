package authz

// Service is how a reader comes by the right to see an image: the kind of IIIF
// authorization service that belongs to a rule.
type Service string

// The services. Rules choose between External and Kiosk; the others follow from what a
// rule asks for.
const (
	SignIn      Service = "login"       // signing in
	Accept      Service = "terms"       // accepting terms, as anybody
	SignInTerms Service = "login-terms" // signing in, then accepting terms
	External    Service = "external"    // being in the right place; there is nothing to open
	Kiosk       Service = "kiosk"       // likewise, with a page that viewers open and that closes by itself
)

// serviceOf tells which service leads to what a rule grants.
func serviceOf(r Rule) Service {
	switch {
	case r.Terms != "" && (r.Access == Open || r.Access == Networks):
		return Accept
	case r.Terms != "":
		return SignInTerms
	case r.Access == Networks && r.Service == Kiosk:
		return Kiosk
	case r.Access == Networks:
		return External
	}
	return SignIn
}
