package people

import (
	"slices"
	"strings"
)

// Scopes of a personal access token. A token never does more than its user may.
const (
	ScopeImages    = "images"     // see images as its user
	ScopeAdminRead = "admin:read" // read at the JSON API
	ScopeAdmin     = "admin"      // change there too
)

// allScopes are what a token has that was asked for without any.
const allScopes = ScopeImages + " " + ScopeAdmin

// Scopes are a token's, as a list.
func Scopes(t PersonalToken) []string { return strings.Fields(t.Scopes) }

// Allows tells whether a token has a scope. Who may change may read.
func Allows(t PersonalToken, scope string) bool {
	has := Scopes(t)
	return slices.Contains(has, scope) || scope == ScopeAdminRead && slices.Contains(has, ScopeAdmin)
}

// cleanScopes gives the stored form.
func cleanScopes(scopes []string) (string, error) {
	if len(scopes) == 0 {
		return allScopes, nil
	}
	clean := slices.Compact(slices.Sorted(slices.Values(scopes)))
	for _, scope := range clean {
		switch scope {
		case ScopeImages, ScopeAdminRead, ScopeAdmin:
		default:
			return "", invalid("scopes", "bad-scope", scope)
		}
	}
	return strings.Join(clean, " "), nil
}
