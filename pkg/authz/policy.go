package authz

import (
	"net/netip"
	"slices"
	"time"
)

// Principal is whoever asks. An empty ID is an anonymous reader, who belongs to
// no group whatever Groups says.
type Principal struct {
	ID     string
	Name   string
	Groups []string
	Admin  bool       // may manage rules; gives no access to images
	Addr   netip.Addr // where the request came from
}

// Access is what a rule grants.
type Access string

// The kinds of access, from the widest to none.
const (
	Open   Access = "open"   // everyone
	Login  Access = "login"  // everyone signed in
	Groups Access = "groups" // members of the rule's groups
	Hidden Access = "hidden" // as Groups; others are told the image does not exist
	Deny   Access = "deny"   // nobody
)

// Rule gives images an access.
type Rule struct {
	Name   string   `json:"name"`             // for people; may be empty
	Images []string `json:"images"`           // patterns, at least one
	Access Access   `json:"access"`           //
	Groups []string `json:"groups,omitempty"` // with Groups at least one, with Hidden any number
}

// Outcome is what to do with a request. The zero Outcome is none of them and
// permits nothing.
type Outcome int

// The outcomes and their HTTP statuses.
const (
	Allow     Outcome = iota + 1
	NeedLogin         // 401: signing in may help
	Forbidden         // 403: signing in again as the same person does not help
	NotFound          // 404: must not be told from an image that does not exist
)

var outcomeNames = [...]string{"undecided", "allow", "need-login", "forbidden", "not-found"}

// String is the outcome in logs and explanations.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomeNames) {
		o = 0
	}
	return outcomeNames[o]
}

// Decision is the answer and how it came about.
type Decision struct {
	Outcome Outcome
	Public  bool   // everyone is allowed, so shared caches may keep the answer
	Rule    string // the rule that decided; "" for the default
	Access  Access // what that rule, or the default, grants
	Reason  string // for the reader: why, and what to do next. Says nothing of a hidden image
}

// Policy is a compiled list of rules. It is immutable and safe for concurrent
// use. The zero Policy forbids everything; Compile makes useful ones.
type Policy struct {
	index    index
	verdicts []verdict // by number of the rule
	fallback verdict
}

// Decide tells what the reader may do with the image, an identifier without
// registered file extension. It is a pure function of its arguments. The instant
// is there for rules that are bounded in time; none of today's is.
func (p *Policy) Decide(who Principal, image string, _ time.Time) Decision {
	if rule, ok := p.index.first(image); ok {
		return p.verdicts[rule].of(who)
	}
	return p.fallback.of(who)
}

// verdict is one rule's decisions, worded once at compile time.
type verdict struct {
	groups    []string
	anonymous Decision
	member    Decision // signed in and in one of groups
	other     Decision // signed in and in none of them
}

func (v *verdict) of(who Principal) Decision {
	d := v.other
	switch {
	case who.ID == "":
		d = v.anonymous
	case slices.ContainsFunc(who.Groups, v.has):
		d = v.member
	}
	if d.Outcome == 0 {
		return Decision{Outcome: Forbidden, Access: Deny, Reason: "The rules for these images are not loaded."}
	}
	return d
}

func (v *verdict) has(group string) bool { return slices.Contains(v.groups, group) }
