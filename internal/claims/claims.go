// Package claims turns what an OpenID provider says about somebody, the claims of an ID
// token or access token merged with those of userinfo, into a person as rules know them.
//
// It does no I/O and trusts no shape: claims are written by other people's software and
// by other people's administrators. What is not exactly what a provider's settings name
// gives nobody a group; it gives whoever runs this a [Warning] that says what to change.
package claims

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds of what is taken from claims; they are those of users made by hand.
const (
	maxSubject = 255 // bytes (OpenID Connect Core 1.0, 2)
	maxName    = 200 // bytes, of a person and of a group
	maxEmail   = 254 // bytes
	maxGroups  = 500
	maxValues  = 1000    // of one claim
	maxValue   = 2 << 10 // bytes of one value that is compared
)

// Person is who the provider says signed in. Only Subject identifies them, together with
// the issuer: names and addresses change, and providers let people choose them.
type Person struct {
	Subject       string   // never empty, 255 bytes at most
	Name          string   // "" where there is none that can be shown
	Email         string   // lower case; "" where there is none that is an address
	EmailVerified bool     // the provider says that the address is theirs
	Groups        []string // ascending, without doubles, 500 at most
	Admin         bool     // in the group that the settings name for it
}

// ErrSubject says that claims are of nobody: without a subject there is no identity.
var ErrSubject = errors.New(`the claim "sub" is missing or is no text of 1 to 255 bytes: the provider does not follow OpenID Connect`)

// Map makes a person of claims. merged has the form of a JSON object as encoding/json
// decodes it, and is not changed. The one error is ErrSubject. Warnings are for
// administrators; there are 20 at most.
func Map(m Mapping, merged map[string]any) (Person, []Warning, error) {
	subject, _ := merged["sub"].(string)
	if subject == "" || len(subject) > maxSubject || !plain(subject) {
		return Person{}, nil, ErrSubject
	}
	r := reading{mapping: m, claims: merged, withheld: withheld(merged)}
	p := Person{Subject: subject, Name: r.name()}
	p.Email, p.EmailVerified = r.email()
	p.Groups = r.groups()
	p.Admin = m.administrators != "" && slices.Contains(p.Groups, m.administrators)
	return p, r.warnings, nil
}

// reading is one person's claims being read.
type reading struct {
	mapping  Mapping
	claims   map[string]any
	withheld withholding
	warnings []Warning
	gathered []string // groups, with doubles
}

// name is the first that can be shown. The rest of a name that is too long is cut off:
// it is for reading only.
func (r *reading) name() string {
	for _, path := range r.mapping.names {
		value, found := path.find(r.claims)
		text, ok := value.(string)
		if found && !ok {
			r.warn(path.String(), "is no text; the person is shown without a name")
			continue
		}
		if text = displayable(text); text != "" {
			return text
		}
	}
	return ""
}

// displayable takes away what could disturb a line of text, or reverse it.
func displayable(text string) string {
	text = strings.TrimSpace(strings.Map(func(c rune) rune {
		if !shows(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(text[:min(len(text), maxValue)], "")))
	if len(text) <= maxName {
		return text
	}
	end := maxName
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.TrimSpace(text[:end])
}
