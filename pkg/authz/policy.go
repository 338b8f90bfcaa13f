package authz

import (
	"slices"
	"time"
)

// Outcome is what to do with a request. The zero Outcome is none of them and
// permits nothing.
type Outcome int

// The outcomes and their HTTP statuses.
const (
	Allow     Outcome = iota + 1
	NeedLogin         // 401: signing in may help
	Forbidden         // 403: signing in again as the same person does not help
	NotFound          // 404: must not be told from an image that does not exist
	NeedTerms         // 401: accepting the decision's terms helps
	AskHook           // another system has to be asked; until it has answered, 403
)

var outcomeNames = [...]string{"undecided", "allow", "need-login", "forbidden", "not-found", "need-terms", "ask-hook"}

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

	// Changes is the next instant at which the time of a rule that names the image
	// begins or ends: whatever is remembered of the decision holds no longer than
	// that. Zero: no such instant is known.
	Changes time.Time

	Terms    *Terms  // what the rule wants accepted; nil: nothing
	Tier     *Tier   // the smaller image that is there for everyone; nil: none
	ViewOnly bool    // allowed for the address alone, to look at and not to keep
	Service  Service // by which a reader may come by the right to see the image
}

// Policy is a compiled document of rules. It is immutable and safe for concurrent
// use. The zero Policy forbids everything; Compile makes useful ones.
type Policy struct {
	index    index
	named    []entry   // every pattern by rule, for explanations
	verdicts []verdict // by number of the rule
	fallback verdict
	terms    []Terms
	defined  *definitions
	items    *Items // images with settings of their own; nil: none
}

// Decide tells what the reader may do with the image, an identifier without
// registered file extension, at an instant. It is a pure function of its arguments.
func (p *Policy) Decide(who Principal, image string, now time.Time) Decision {
	v, changes := p.find(image, now)
	d := v.of(who)
	d.Changes = changes
	return d
}

// find gives what decides about an image at an instant, and when something else may:
// the image's own setting, else the first rule, else the default. It is the only way to
// a verdict.
func (p *Policy) find(image string, now time.Time) (v *verdict, changes time.Time) {
	var turns time.Time // when the image's own setting begins or ends to count
	if o := p.ownOf(image); o != nil {
		if v, turns = o.at(now); v != nil {
			return v, turns
		}
	}
	rule, changes := p.index.first(image, now)
	changes = sooner(changes, turns)
	if rule < 0 {
		return &p.fallback, changes
	}
	return &p.verdicts[rule], changes
}

// Terms finds terms by name, in the version in force.
func (p *Policy) Terms(name string) (Terms, bool) {
	i := slices.IndexFunc(p.terms, func(t Terms) bool { return t.Name == name })
	if i < 0 {
		return Terms{}, false
	}
	return p.terms[i], true
}

// verdict is one rule's decisions, worded once at compile time.
type verdict struct {
	groups     []string
	networks   networks
	terms      string // key of what has to be accepted; "" for nothing
	anonymous  Decision
	member     Decision // signed in and in one of groups
	other      Decision // signed in and in none of them
	walkIn     Decision // in one of networks, where it is not allowed otherwise
	unaccepted Decision // allowed but for the terms
}

func (v *verdict) of(who Principal) Decision {
	d := &v.other
	switch {
	case who.ID == "":
		d = &v.anonymous
	case slices.ContainsFunc(who.Groups, v.has):
		d = &v.member
	}
	if d.Outcome != Allow && v.networks.contain(who.Addr) {
		d = &v.walkIn
	}
	if d.Outcome == Allow && v.terms != "" && !slices.Contains(who.Terms, v.terms) {
		d = &v.unaccepted
	}
	if d.Outcome == 0 {
		return Decision{Outcome: Forbidden, Access: Deny, Reason: "The rules for these images are not loaded."}
	}
	return *d
}

func (v *verdict) has(group string) bool { return slices.Contains(v.groups, group) }
