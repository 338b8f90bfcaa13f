package authz

import (
	"strconv"
	"strings"
)

// settled is a rule that was found sound, with what it names put in.
type settled struct {
	name     string // "" for the default
	rule     Rule
	networks networks
	terms    *Terms
}

// newVerdict words the decisions of one rule.
func newVerdict(s settled) verdict {
	v := verdict{groups: s.rule.Groups, networks: s.networks}
	s.decideByAccess(&v)
	v.walkIn = s.decide(Allow, "Every reader in "+list(s.rule.Networks, "other networks")+" may see this image, and you are there.")
	v.walkIn.ViewOnly = s.rule.ViewOnly
	if s.terms != nil {
		v.terms = s.terms.Key()
		v.unaccepted = s.decide(NeedTerms, "You may see this image once you have accepted the terms "+strconv.Quote(s.terms.Name)+", version "+s.terms.Version+". Read and accept them.")
	}
	return v
}

func (s settled) decide(o Outcome, reason string) Decision {
	if !s.rule.Until.IsZero() && o != NotFound {
		reason += " This holds until " + inWords(s.rule.Until) + "."
	}
	return Decision{
		Outcome: o, Rule: s.name, Access: s.rule.Access, Reason: reason,
		Public: s.rule.Access == Open && s.terms == nil,
		Terms:  s.terms, Tier: s.rule.Tier, Service: serviceOf(s.rule),
	}
}

// decideByAccess fills in what holds whatever the address.
func (s settled) decideByAccess(v *verdict) {
	all := func(d Decision) { v.anonymous, v.member, v.other = d, d, d }
	switch s.rule.Access {
	case Open:
		all(s.decide(Allow, "Everyone may see this image."))
	case Login:
		all(s.decide(Allow, "Everyone who is signed in"+s.orHere()+" may see this image."))
		v.anonymous = s.decide(NeedLogin, "Everyone who is signed in"+s.orHere()+" may see this image. Sign in to see it.")
	case Groups:
		s.decideByGroups(v)
	case Networks:
		all(s.decide(Forbidden, "Readers in "+list(s.rule.Networks, "other networks")+" may see this image, and your address is not there. Use a computer there."))
	case Hook:
		all(s.decide(AskHook, "Another system decides who may see this image."))
	case Hidden:
		all(s.decide(NotFound, "There is no such image here."))
		v.member = s.decide(Allow, s.members()+". For everyone else it does not exist.")
	default:
		all(s.decide(Forbidden, "This image is closed to everyone."))
	}
}

func (s settled) decideByGroups(v *verdict) {
	v.anonymous = s.decide(NeedLogin, s.members()+". Sign in if you are one of them.")
	v.member = s.decide(Allow, s.members()+", and you are one of them.")
	v.other = s.decide(Forbidden, s.members()+", and your account is not one of them. Ask those who look after these images to add it.")
}

func (s settled) members() string {
	return "Members of " + list(s.rule.Groups, "other groups") + s.orHere() + " may see this image"
}

// orHere names the networks that are let in besides.
func (s settled) orHere() string {
	if len(s.rule.Networks) == 0 {
		return ""
	}
	return ", and every reader in " + list(s.rule.Networks, "other networks") + ","
}

// list writes names for a sentence: "a", "b" or "c". Of many it writes some, and how
// many others there are.
func list(names []string, others string) string {
	const most = 6
	var b strings.Builder
	for i, name := range names {
		switch {
		case i == 0:
		case i == most-1 && len(names) > most:
			return b.String() + " or " + strconv.Itoa(len(names)-i) + " " + others
		case i == len(names)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(name))
	}
	return b.String()
}
