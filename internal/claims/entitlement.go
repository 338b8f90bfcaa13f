package claims

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// entitlementClaims are the names under which providers send entitlements.
var entitlementClaims = []path{{"eduperson_entitlement"}, {"eduPersonEntitlement"}, {"entitlements"}}

// namespace is whose entitlements count.
type namespace struct {
	urn         string   // lower case, without what follows it
	authorities []string // none: entitlements that name no authority
}

// entitlements takes those of the form of AARC-G069 and, before it, AARC-G002:
//
//	<NAMESPACE>:group:<GROUP>[:<SUBGROUP>…][:role=<ROLE>][#<AUTHORITY>]
//
// The group's name is what stands between the namespace and the authority, its percent
// escapes resolved. Each is a group of its own: who is in a:b or has a role in a is not
// thereby in a. Others than those of a namespace that is listed are none of ours.
func (r *reading) entitlements() {
	if len(r.mapping.namespaces) == 0 {
		return
	}
	for _, p := range entitlementClaims {
		for _, value := range r.strings(p) {
			r.entitlement(p, value)
		}
	}
}

func (r *reading) entitlement(p path, value string) {
	urn, authority, _ := strings.Cut(value, "#")
	var refused error
	for _, n := range r.mapping.namespaces {
		rest, ok := n.below(urn)
		if !ok {
			continue
		}
		name, err := groupOf(rest)
		if err == nil {
			err = n.checkAuthority(authority)
		}
		if err == nil {
			r.join(p, name)
			return
		}
		refused = err
	}
	if refused != nil {
		r.warn(p.String(), "has an entitlement that does not count: %v", refused)
	}
}

// below gives what follows the namespace and the word group. Namespaces are domains and
// the like, equal in upper and lower case (AARC-G069, 3).
func (n namespace) below(urn string) (rest string, ok bool) {
	const word = ":group:"
	if len(urn) < len(n.urn)+len(word) {
		return "", false
	}
	begin, rest := urn[:len(n.urn)], urn[len(n.urn):]
	begin, ok = lowerASCII(begin)
	if !ok || begin != n.urn {
		return "", false
	}
	return strings.CutPrefix(rest, word)
}

func (n namespace) checkAuthority(authority string) error {
	switch {
	case len(n.authorities) == 0 && authority == "", slices.Contains(n.authorities, authority):
		return nil
	case authority == "":
		return fmt.Errorf("it is of %s and names no authority, but the settings want one", n.urn)
	}
	return fmt.Errorf("it is of %s and its authority is %.60q; list that under authorities if it is right", n.urn, authority)
}

// groupOf reads GROUP[:SUBGROUP…][:role=ROLE]. An escape must not make what only an
// unescaped character may mean: a group that somebody called "a:role=admin" is none.
func groupOf(rest string) (string, error) {
	parts := strings.Split(rest, ":")
	for i, part := range parts {
		text, role := part, ""
		if i > 0 && i == len(parts)-1 {
			if name, ok := strings.CutPrefix(part, "role="); ok {
				text, role = name, "role="
			}
		}
		name, err := url.PathUnescape(text)
		if err != nil || name == "" || strings.ContainsAny(name, ":=#?") {
			return "", fmt.Errorf("%.80q is not of the form group:subgroup:role=…#authority", rest)
		}
		parts[i] = role + name
	}
	return strings.Join(parts, ":"), nil
}
