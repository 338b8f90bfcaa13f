package authz

import (
	"errors"
	"fmt"
	"slices"
)

// The bounds of a policy.
const (
	maxRules        = 100_000
	maxRuleImages   = 10_000  // patterns of one rule
	maxRuleGroups   = 200     // groups of one rule
	maxRuleNetworks = 500     // networks of one rule, those of its names included
	maxName         = 200     // bytes of a rule's or group's name
	maxPatternBytes = 512     // of one pattern
	maxPolicyBytes  = 4 << 20 // of all patterns together
	maxProblems     = 20      // reported at once
)

// Compile checks the rules and prepares them for Decide. fallback is the access
// of images no rule names: Open, Login, Hidden or Deny. The error holds one line
// for each problem (up to twenty), which names the rule and what to change.
// The rules are copied; later changes to them have no effect.
func Compile(rules []Rule, fallback Access) (*Policy, error) {
	return Document{Items: rules}.Compile(fallback)
}

// Compile is the function Compile for rules that refer to definitions.
func (d Document) Compile(fallback Access) (*Policy, error) {
	if len(d.Items) > maxRules {
		return nil, fmt.Errorf("there are %d rules; %d are the most: join rules with the same access into one", len(d.Items), maxRules)
	}
	switch fallback {
	case Open, Login, Hidden, Deny:
	default:
		return nil, fmt.Errorf("the default access %q is unknown; set it to open, login, hidden or deny", fallback)
	}
	c := compiler{seen: map[string]bool{}}
	c.define(d.Definitions)
	for i, r := range d.Items {
		if len(c.problems) >= maxProblems {
			break
		}
		c.add(i, r)
	}
	if c.bytes > maxPolicyBytes {
		c.problems = append(c.problems, fmt.Errorf("the patterns have more than %d bytes together; use wildcards in place of long lists", maxPolicyBytes))
	}
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	return &Policy{
		index: newIndex(c.entries), named: c.named, verdicts: c.verdicts, terms: c.defined.termsInOrder, defined: &c.defined,
		fallback: newVerdict(settled{rule: Rule{Access: fallback}}),
	}, nil
}

// compiler gathers what a policy is made of.
type compiler struct {
	defined  definitions
	entries  []entry
	named    []entry // the entries, and those that never decide
	verdicts []verdict
	problems []error
	seen     map[string]bool // patterns of earlier rules that count at any time: they decide before their repetitions
	bytes    int
}

func (c *compiler) add(i int, r Rule) {
	place := fmt.Sprintf("rule %d", i+1)
	name := r.Name
	if name == "" {
		name = place // a decision without a rule's name is the default's
	} else if len(name) <= maxName {
		place = fmt.Sprintf("%s (%q)", place, name)
	}
	if err := c.settle(i, name, r); err != nil {
		c.problems = append(c.problems, fmt.Errorf("%s: %w", place, err))
	}
}

func (c *compiler) settle(i int, name string, r Rule) error {
	if err := checkRule(r); err != nil {
		return err
	}
	s, err := c.defined.settle(name, r)
	if err != nil {
		return err
	}
	time, err := newWindow(r.From, r.Until)
	if err != nil {
		return err
	}
	for _, image := range r.Images {
		p, err := parsePattern(image)
		if err != nil {
			return fmt.Errorf("pattern %.60q: %w", image, err)
		}
		c.file(i, time, namedPattern{image, p})
	}
	for _, collection := range r.Collections {
		for _, p := range c.defined.collections[collection] {
			c.file(i, time, p)
		}
	}
	c.verdicts = append(c.verdicts, newVerdict(s))
	return nil
}

// namedPattern is a pattern as it was written and as it is matched.
type namedPattern struct {
	text    string
	pattern pattern
}

// file enters a pattern, for decisions too unless an earlier rule has them all.
func (c *compiler) file(rule int, time *window, p namedPattern) {
	if c.bytes > maxPolicyBytes {
		return
	}
	e := entry{rule: rule, pattern: p.pattern, text: p.text, time: time}
	c.named = append(c.named, e)
	c.bytes += len(p.text)
	if c.seen[p.text] {
		return
	}
	c.seen[p.text] = time == nil
	c.entries = append(c.entries, e)
}

// copied is a rule that shares nothing with the caller's.
func copied(r Rule) Rule {
	r.Groups, r.Networks = slices.Clone(r.Groups), slices.Clone(r.Networks)
	if r.Tier != nil {
		tier := *r.Tier
		r.Tier = &tier
	}
	return r
}
