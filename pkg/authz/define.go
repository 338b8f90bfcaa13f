package authz

import (
	"fmt"
	"maps"
	"slices"
)

// definitions is what rules can refer to, by name.
type definitions struct {
	collections  map[string][]namedPattern
	networks     map[string]networks
	terms        map[string]*Terms
	termsInOrder []Terms
}

// define reads the definitions of a document.
func (c *compiler) define(d Definitions) {
	c.defined = definitions{collections: map[string][]namedPattern{}, networks: map[string]networks{}, terms: map[string]*Terms{}}
	if n := max(len(d.Collections), len(d.Networks), len(d.Terms)); n > maxDefinitions {
		c.problems = append(c.problems, fmt.Errorf("there are %d definitions of a kind; %d are the most", n, maxDefinitions))
		return
	}
	each(c, "collection", d.Collections, func(x Collection) string { return x.Name }, c.defined.addCollection)
	each(c, "network", d.Networks, func(x Network) string { return x.Name }, c.defined.addNetwork)
	each(c, "terms", d.Terms, func(x Terms) string { return x.Name }, c.defined.addTerms)
	if n := textBytes(d.Terms); n > maxAllTermsText {
		c.problems = append(c.problems, fmt.Errorf("all terms together have %d bytes; %d are the most", n, maxAllTermsText))
	}
}

// each adds the definitions of one kind, whose names differ.
func each[T any](c *compiler, kind string, all []T, name func(T) string, add func(T) error) {
	taken := map[string]bool{}
	for _, x := range all {
		err := checkNameOf(name(x))
		if err == nil && taken[name(x)] {
			err = fmt.Errorf("there are two of this name; rename one, or join them")
		}
		if err == nil {
			err = add(x)
		}
		if err != nil && len(c.problems) < maxProblems {
			c.problems = append(c.problems, fmt.Errorf("%s %.80q: %w", kind, name(x), err))
		}
		taken[name(x)] = true
	}
}

func (d *definitions) addCollection(x Collection) error {
	if len(x.Images) == 0 || len(x.Images) > maxRuleImages {
		return fmt.Errorf("it has %d patterns; write between 1 and %d", len(x.Images), maxRuleImages)
	}
	patterns := make([]namedPattern, 0, len(x.Images))
	for _, image := range x.Images {
		p, err := parsePattern(image)
		if err != nil {
			return fmt.Errorf("pattern %.60q: %w", image, err)
		}
		patterns = append(patterns, namedPattern{image, p})
	}
	d.collections[x.Name] = patterns
	return nil
}

func (d *definitions) addNetwork(x Network) error {
	if len(x.Addresses) == 0 || len(x.Addresses) > maxRuleNetworks {
		return fmt.Errorf("it has %d addresses; write between 1 and %d", len(x.Addresses), maxRuleNetworks)
	}
	for _, text := range x.Addresses {
		p, err := parseNetwork(text)
		if err != nil {
			return fmt.Errorf("%.60q: %w", text, err)
		}
		d.networks[x.Name] = append(d.networks[x.Name], p)
	}
	return nil
}

func (d *definitions) addTerms(x Terms) error {
	if err := x.check(); err != nil {
		return err
	}
	x.Title, x.Text = maps.Clone(x.Title), maps.Clone(x.Text)
	d.terms[x.Name] = &x
	d.termsInOrder = append(d.termsInOrder, x)
	return nil
}

func textBytes(all []Terms) (n int) {
	for _, t := range all {
		for _, text := range []Text{t.Title, t.Text} {
			for _, s := range text {
				n += len(s)
			}
		}
	}
	return n
}

// settle puts in what a rule names.
func (d *definitions) settle(name string, r Rule) (settled, error) {
	s := settled{name: name, rule: copied(r)}
	for _, collection := range r.Collections {
		if d.collections[collection] == nil {
			return s, fmt.Errorf("there is no collection %.80q; define it, or name one of: %s", collection, known(d.collections))
		}
	}
	if r.Terms != "" {
		if s.terms = d.terms[r.Terms]; s.terms == nil {
			return s, fmt.Errorf("there are no terms %.80q; define them, or name one of: %s", r.Terms, known(d.terms))
		}
	}
	for _, text := range r.Networks {
		if named := d.networks[text]; named != nil {
			s.networks = append(s.networks, named...)
			continue
		}
		p, err := parseNetwork(text)
		if err != nil {
			return s, fmt.Errorf("network %.60q: %w, and no network of that name is defined", text, err)
		}
		s.networks = append(s.networks, p)
	}
	if len(s.networks) > maxRuleNetworks {
		return s, fmt.Errorf("its networks come to %d; %d are the most", len(s.networks), maxRuleNetworks)
	}
	return s, nil
}

// known lists names for a sentence.
func known[T any](defined map[string]T) string {
	names := slices.Sorted(maps.Keys(defined))
	if len(names) == 0 {
		return "none is defined"
	}
	return list(names, "others")
}
