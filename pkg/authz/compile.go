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
	if len(rules) > maxRules {
		return nil, fmt.Errorf("there are %d rules; %d are the most: join rules with the same access into one", len(rules), maxRules)
	}
	switch fallback {
	case Open, Login, Hidden, Deny:
	default:
		return nil, fmt.Errorf("the default access %q is unknown; set it to open, login, hidden or deny", fallback)
	}
	c := compiler{seen: map[string]bool{}}
	for i, r := range rules {
		c.add(i, r)
		if len(c.problems) >= maxProblems {
			break
		}
	}
	if c.bytes > maxPolicyBytes {
		c.problems = append(c.problems, fmt.Errorf("the patterns have more than %d bytes together; use wildcards in place of long lists", maxPolicyBytes))
	}
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	return &Policy{index: newIndex(c.entries), verdicts: c.verdicts, fallback: newVerdict("", fallback, nil)}, nil
}

// compiler gathers what a policy is made of.
type compiler struct {
	entries  []entry
	verdicts []verdict
	problems []error
	seen     map[string]bool // patterns of earlier rules, which decide before their repetitions
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
	problem := func(err error) { c.problems = append(c.problems, fmt.Errorf("%s: %w", place, err)) }
	if err := checkRule(r); err != nil {
		problem(err)
		return
	}
	for _, image := range r.Images {
		p, err := parsePattern(image)
		if err != nil {
			problem(fmt.Errorf("pattern %.60q: %w", image, err))
			return
		}
		if !c.seen[image] && c.bytes <= maxPolicyBytes {
			c.seen[image] = true
			c.bytes += len(image)
			c.entries = append(c.entries, entry{rule: i, pattern: p})
		}
	}
	c.verdicts = append(c.verdicts, newVerdict(name, r.Access, slices.Clone(r.Groups)))
}

func checkRule(r Rule) error {
	switch {
	case len(r.Name) > maxName:
		return fmt.Errorf("its name has %d bytes; %d are the most", len(r.Name), maxName)
	case len(r.Images) == 0:
		return errors.New("it names no images; add at least one pattern, such as maps/**")
	case len(r.Images) > maxRuleImages:
		return fmt.Errorf("it has %d patterns; %d are the most: use wildcards or a second rule", len(r.Images), maxRuleImages)
	}
	return checkGroups(r)
}

func checkGroups(r Rule) error {
	switch r.Access {
	case Groups:
		if len(r.Groups) == 0 {
			return errors.New("its access is groups but it names none; add a group, or set access to login")
		}
	case Hidden:
	case Open, Login, Deny:
		if len(r.Groups) > 0 {
			return fmt.Errorf("its access is %s, which pays no attention to groups; remove them, or set access to groups or hidden", r.Access)
		}
	default:
		return fmt.Errorf("its access %.60q is unknown; set it to open, login, groups, hidden or deny", r.Access)
	}
	if len(r.Groups) > maxRuleGroups {
		return fmt.Errorf("it has %d groups; %d are the most", len(r.Groups), maxRuleGroups)
	}
	for _, g := range r.Groups {
		if g == "" || len(g) > maxName {
			return fmt.Errorf("a name of a group has %d bytes; write between 1 and %d", len(g), maxName)
		}
	}
	return nil
}
