package people

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tessera-iiif/tessera/coordinator/password"
)

// Bounds of what people may type.
const (
	maxEmail    = 254
	maxName     = 200
	maxGroups   = 500
	minPassword = 8
)

// fold gives the one form of an address: sign-in does not care for case.
func fold(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// checkEmail accepts addresses and, for installations without mail, plain names.
func checkEmail(email string) error {
	local, domain, isAddress := strings.Cut(email, "@")
	switch {
	case local == "" || len(email) > maxEmail || !utf8.ValidString(email),
		isAddress && (domain == "" || strings.Contains(domain, "@")),
		strings.ContainsFunc(email, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		return invalid("email", "bad-email")
	}
	return nil
}

func checkName(name string) error {
	if len(name) > maxName || !isPlain(name) {
		return invalid("name", "bad-name")
	}
	return nil
}

// cleanGroups trims, sorts and removes doubles.
func cleanGroups(groups []string) ([]string, error) {
	clean := make([]string, 0, len(groups))
	for _, name := range groups {
		name = strings.TrimSpace(name)
		if name == "" || len(name) > maxName || !isPlain(name) || strings.Contains(name, ",") {
			return nil, invalid("groups", "bad-group")
		}
		clean = append(clean, name)
	}
	slices.Sort(clean)
	clean = slices.Compact(clean)
	if len(clean) > maxGroups {
		return nil, invalid("groups", "too-many-groups", maxGroups)
	}
	return clean, nil
}

func isPlain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

func checkPassword(text string) error {
	if utf8.RuneCountInString(text) < minPassword || len(text) > password.MaxLength {
		return invalid("password", "bad-password", minPassword, password.MaxLength)
	}
	return nil
}
