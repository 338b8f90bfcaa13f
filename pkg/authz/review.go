package authz

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Warning is something about a document that is allowed, and hardly meant.
type Warning struct {
	Rule int    `json:"rule,omitempty"` // place of the rule, from 1; 0: it is about a definition
	Name string `json:"name,omitempty"` // of the rule
	Text string `json:"text"`           // what it is, and what to do
}

// maxWarnings is how many are reported at once.
const maxWarnings = 50

// Warnings tells what a reader of the rules would trip over: rules that never decide,
// or no longer, and times that leave images to the default. p is what d compiled to.
func (d Document) Warnings(p *Policy, now time.Time) []Warning {
	r := reviewer{policy: p, now: now, used: map[string]bool{}}
	for i, rule := range d.Items {
		r.rule(i, rule)
	}
	for _, x := range d.Collections {
		r.definition("collection", x.Name)
	}
	for _, x := range d.Networks {
		r.definition("network", x.Name)
	}
	for _, x := range d.Terms {
		r.definition("terms", x.Name)
	}
	return r.found[:min(len(r.found), maxWarnings)]
}

type reviewer struct {
	policy *Policy
	now    time.Time
	next   int // entry of the policy that comes next
	used   map[string]bool
	found  []Warning
}

func (r *reviewer) rule(i int, rule Rule) {
	warn := func(format string, args ...any) {
		r.found = append(r.found, Warning{Rule: i + 1, Name: rule.Name, Text: fmt.Sprintf(format, args...)})
	}
	from := r.next
	for r.next < len(r.policy.named) && r.policy.named[r.next].rule == i {
		r.next++
	}
	r.use(rule)
	if !rule.Until.IsZero() && !r.now.Before(rule.Until) {
		warn("Its time ended on %s. Remove it.", inWords(rule.Until))
		return
	}
	own := r.policy.named[from:r.next]
	if !r.shadowed(i, own, warn) && (!rule.From.IsZero() || !rule.Until.IsZero()) {
		r.loose(i, own, warn)
	}
}

func (r *reviewer) use(rule Rule) {
	for _, name := range rule.Collections {
		r.used["collection "+name] = true
	}
	for _, name := range rule.Networks {
		r.used["network "+name] = true
	}
	r.used["terms "+rule.Terms] = true
}

// shadowed reports patterns about which an earlier rule decides; true: that is all.
func (r *reviewer) shadowed(i int, own []entry, warn func(string, ...any)) bool {
	var covered []entry
	by := ""
	for _, e := range own {
		if earlier, ok := r.covers(e, query{best: i}); ok {
			covered, by = append(covered, e), cmp.Or(by, r.name(earlier))
		}
	}
	switch {
	case len(covered) == 0:
		return false
	case len(covered) == len(own):
		warn("It never decides: %s stands before it and decides about the same images. Move it up, or remove it.", by)
		return true
	}
	warn("Its pattern %.80q never counts: %s stands before it and decides about the same images. Remove the pattern, or move the rule up.", covered[0].text, by)
	return false
}

// loose reports a pattern that is left to the default outside the rule's time.
func (r *reviewer) loose(i int, own []entry, warn func(string, ...any)) {
	for _, e := range own {
		if _, ok := r.covers(e, query{best: math.MaxInt, after: i + 1}); !ok {
			warn("Outside its time nothing is said of %.80q: other rules, or the default (%s), decide then. Add a rule behind it that says what holds before and after.",
				e.text, r.policy.fallback.anonymous.Access)
			return
		}
	}
}

// covers finds a rule that counts at any time and matches whatever an entry matches.
func (r *reviewer) covers(e entry, q query) (rule int, ok bool) {
	q.s, q.symbolic, q.timeless = e.pattern.symbolic(), true, true
	limit := q.best
	r.policy.index.answer(&q)
	return q.best, q.best < limit
}

func (r *reviewer) name(rule int) string {
	return "rule " + strconv.Itoa(rule+1) + " (" + strconv.Quote(r.policy.verdicts[rule].anonymous.Rule) + ")"
}

func (r *reviewer) definition(kind, name string) {
	if !r.used[kind+" "+name] {
		r.found = append(r.found, Warning{Text: fmt.Sprintf("No rule uses the %s %q. Use it in a rule, or remove it.", kind, name)})
	}
}

// Match is a rule that names an image, or the image's own setting.
type Match struct {
	Rule    string `json:"rule"`
	Decides bool   `json:"decides"`
	Note    string `json:"note"` // why it decides, or does not
}

// maxMatches bounds what is told about one image.
const maxMatches = 20

// Matches lists what there is about an image, its own setting before the rules that
// name it, in order, with the part that each has in the decision at an instant. It
// tries every pattern, unlike Decide.
func (p *Policy) Matches(image string, now time.Time) []Match {
	var found []Match
	decider := "" // in words; "": nothing has decided yet
	if o := p.ownOf(image); o != nil {
		m := part(o.time, now, "")
		m.Rule = ItemRule
		if m.Decides {
			decider, m.Note = ItemRule, cmp.Or(m.Note, "It decides: it comes before every rule.")
		}
		found = append(found, m)
	}
	last := -1
	for _, e := range p.named {
		if e.rule == last || len(found) == maxMatches || !e.pattern.match(image, false) {
			continue
		}
		last = e.rule
		m := part(e.time, now, decider)
		m.Rule = p.verdicts[e.rule].anonymous.Rule
		if m.Decides {
			decider, m.Note = "a rule before it", cmp.Or(m.Note, "It decides: it is the first that names the image.")
		}
		found = append(found, m)
	}
	return found
}

// part is that of something with a time, nil for always, where decider has decided
// before it. The note is left to the caller where time has no part.
func part(w *window, now time.Time, decider string) (m Match) {
	counts, changes := true, time.Time{}
	if w != nil {
		counts, changes = w.at(now)
	}
	switch {
	case !counts && changes.IsZero():
		m.Note = "Its time ended on " + inWords(w.until) + "."
	case !counts:
		m.Note = "It counts from " + inWords(changes) + " on, and not before."
	case decider != "":
		m.Note = "It does not decide: " + decider + " does."
	case !changes.IsZero():
		m.Decides, m.Note = true, "It decides until "+inWords(changes)+"."
	default:
		m.Decides = true
	}
	return m
}
