package claims

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	maxPath  = 200 // bytes
	maxSteps = 8
)

// path leads to a claim, from the outside in; at least one step, none of them empty.
type path []string

// wholeNames are how names begin that have dots of their own and lie in no other claim.
var wholeNames = []string{"http://", "https://", "urn:"}

// parsePath reads a path as people write it. Dots lead into nested objects, as in
// realm_access.roles; \. is a dot of the name itself. What begins with http://, https://
// or urn: is one name as it stands (RFC 7519, 4.2 has such names chosen).
func parsePath(text string) (path, error) {
	switch {
	case text == "":
		return nil, errors.New("the name of a claim is empty")
	case len(text) > maxPath || !plain(text):
		return nil, fmt.Errorf("%.40q is not the name of a claim: write up to %d printable bytes", text, maxPath)
	case slices.ContainsFunc(wholeNames, func(begin string) bool { return strings.HasPrefix(text, begin) }):
		return path{text}, nil
	}
	steps := split(text)
	if len(steps) > maxSteps || slices.Contains(steps, "") {
		return nil, fmt.Errorf(`the claim %q: write names with a dot between each, such as realm_access.roles, %d at most (and \. for a dot of a name itself)`, text, maxSteps)
	}
	return steps, nil
}

func split(text string) path {
	steps, step := path(nil), strings.Builder{}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && strings.HasPrefix(text[i+1:], "."):
			i++
			step.WriteByte('.')
		case text[i] == '.':
			steps = append(steps, step.String())
			step.Reset()
		default:
			step.WriteByte(text[i])
		}
	}
	return append(steps, step.String())
}

// String is what parsePath reads.
func (p path) String() string {
	if len(p) == 1 && slices.ContainsFunc(wholeNames, func(begin string) bool { return strings.HasPrefix(p[0], begin) }) {
		return p[0]
	}
	steps := make([]string, len(p))
	for i, s := range p {
		steps[i] = strings.ReplaceAll(s, ".", `\.`)
	}
	return strings.Join(steps, ".")
}

// find gives what is at the path. What is null counts as absent.
func (p path) find(claims map[string]any) (value any, found bool) {
	value = claims
	for _, step := range p {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		value = object[step]
	}
	return value, value != nil
}
