package claims

import "strings"

// email gives the address and whether the provider vouches for it. Absent is not true,
// and what is said about the claim email says nothing about another (R50).
func (r *reading) email() (address string, verified bool) {
	p := r.mapping.email
	value, found := p.find(r.claims)
	if !found {
		return "", false
	}
	text, _ := value.(string)
	address, ok := parseEmail(text)
	if !ok {
		r.warn(p.String(), "is not one e-mail address; the person is kept without one")
		return "", false
	}
	return address, p.String() == standardEmail && yes(r.claims["email_verified"])
}

// yes is true, or the text that some providers send for it.
func yes(value any) bool { return value == true || value == "true" }

// parseEmail refuses whatever mail software is known to read in two ways: a second @,
// quotes, lists, spaces, and letters beyond ASCII.
func parseEmail(text string) (address string, ok bool) {
	address, ok = lowerASCII(text)
	local, domain, _ := strings.Cut(address, "@")
	ok = ok && local != "" && domain != "" && len(address) <= maxEmail &&
		plain(address) && !strings.ContainsAny(local, ` "\\(),:;<>[]`) && !strings.ContainsAny(domain, ` "\\(),:;<>[]@%!`)
	return address, ok
}
