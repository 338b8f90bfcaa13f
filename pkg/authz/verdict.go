package authz

import (
	"strconv"
	"strings"
)

// newVerdict words the decisions of one rule. name is "" for the default.
func newVerdict(name string, access Access, groups []string) verdict {
	decide := func(o Outcome, reason string) Decision {
		return Decision{Outcome: o, Rule: name, Access: access, Reason: reason, Public: access == Open}
	}
	same := func(d Decision) verdict { return verdict{groups: groups, anonymous: d, member: d, other: d} }
	members := "Members of " + list(groups) + " may see this image"
	switch access {
	case Open:
		return same(decide(Allow, "Everyone may see this image."))
	case Login:
		v := same(decide(Allow, "Everyone who is signed in may see this image."))
		v.anonymous = decide(NeedLogin, "Everyone who is signed in may see this image. Sign in to see it.")
		return v
	case Groups:
		return verdict{
			groups:    groups,
			anonymous: decide(NeedLogin, members+". Sign in if you are one of them."),
			member:    decide(Allow, members+", and you are one of them."),
			other:     decide(Forbidden, members+", and your account is not one of them. Ask those who look after these images to add it."),
		}
	case Hidden:
		v := same(decide(NotFound, "There is no such image here."))
		v.member = decide(Allow, members+". For everyone else it does not exist.")
		return v
	}
	return same(decide(Forbidden, "This image is closed to everyone."))
}

// list writes names for a sentence: "a", "b" or "c". Of many it writes some.
func list(names []string) string {
	const most = 6
	var b strings.Builder
	for i, name := range names {
		switch {
		case i == 0:
		case i == most-1 && len(names) > most:
			return b.String() + " or " + strconv.Itoa(len(names)-i) + " other groups"
		case i == len(names)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(name))
	}
	return b.String()
}
