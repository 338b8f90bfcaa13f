package people

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// rulesDiff is what a table of rules lost and gained, or a part of that.
type rulesDiff struct {
	*rulesSummary // in the first part
	spread

	Removed     []json.RawMessage       `json:"removed,omitempty"`
	Added       []json.RawMessage       `json:"added,omitempty"`
	Definitions map[string]audit.Change `json:"definitions,omitempty"` // by kind and name; null: there was, or is, none
}

type rulesSummary struct {
	Before int  `json:"before"` // rules there were
	After  int  `json:"after"`
	Moved  bool `json:"moved,omitempty"` // those that stayed stand in another order

	SHA256 audit.Change `json:"sha256"` // of either document whole, as JSON without spaces
}

// rulesPiece is one thing that a table lost, gained or defines otherwise.
type rulesPiece struct {
	removed, added string // text of a rule

	definition string // kind and name
	from, to   string // its text, "" for none
}

func (p rulesPiece) size() int {
	n := len(p.definition)
	for _, text := range []string{p.removed, p.added, p.from, p.to} {
		n += len(repeated(text))
	}
	return n
}

func (p rulesPiece) addTo(d *rulesDiff) {
	switch {
	case p.removed != "":
		d.Removed = append(d.Removed, repeated(p.removed))
	case p.added != "":
		d.Added = append(d.Added, repeated(p.added))
	default:
		if d.Definitions == nil {
			d.Definitions = map[string]audit.Change{}
		}
		d.Definitions[p.definition] = audit.Change{From: repeated(p.from), To: repeated(p.to)}
	}
}

// recordRules puts the difference between two tables of rules on record: what every rule
// and definition that differs was and is, so that the record says what was opened.
func recordRules(ctx context.Context, tx *db.Tx, actor Actor, before, after authz.Document) error {
	pieces, moved, err := diffRules(before.Items, after.Items)
	if err != nil {
		return err
	}
	defined, err := diffDefinitions(before.Definitions, after.Definitions)
	if err != nil {
		return err
	}
	summary := &rulesSummary{Before: len(before.Items), After: len(after.Items), Moved: moved}
	if summary.SHA256, err = digests(before, after); err != nil {
		return err
	}
	return recordParts(append(pieces, defined...), rulesPiece.size, func(some []rulesPiece, at spread) error {
		part := rulesDiff{spread: at}
		if at.isFirst() {
			part.rulesSummary = summary
		}
		for _, p := range some {
			p.addTo(&part)
		}
		return record(ctx, tx, actor, audit.RulesChange, "rules", part)
	})
}

func digests(before, after authz.Document) (audit.Change, error) {
	from, err := json.Marshal(before)
	if err != nil {
		return audit.Change{}, err
	}
	to, err := json.Marshal(after)
	return audit.Change{From: audit.DigestOf(from), To: audit.DigestOf(to)}, err
}

func diffRules(before, after []authz.Rule) (pieces []rulesPiece, moved bool, err error) {
	left, err := texts(before)
	if err != nil {
		return nil, false, err
	}
	right, err := texts(after)
	if err != nil {
		return nil, false, err
	}
	removed, keptLeft := without(left, right)
	added, keptRight := without(right, left)
	for _, text := range removed {
		pieces = append(pieces, rulesPiece{removed: text})
	}
	for _, text := range added {
		pieces = append(pieces, rulesPiece{added: text})
	}
	return pieces, !slices.Equal(keptLeft, keptRight), nil
}

func diffDefinitions(before, after authz.Definitions) ([]rulesPiece, error) {
	left, err := defined(before)
	if err != nil {
		return nil, err
	}
	right, err := defined(after)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(left)
	maps.Copy(all, right)
	var pieces []rulesPiece
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if left[name] != right[name] {
			pieces = append(pieces, rulesPiece{definition: name, from: left[name], to: right[name]})
		}
	}
	return pieces, nil
}

// defined gives the text of each definition by kind and name.
func defined(d authz.Definitions) (map[string]string, error) {
	all := map[string]string{}
	var err error
	add := func(name string, value any) {
		text, bad := json.Marshal(value)
		all[name], err = string(text), errors.Join(err, bad)
	}
	for _, x := range d.Collections {
		add("collection "+x.Name, x)
	}
	for _, x := range d.Networks {
		add("network "+x.Name, x)
	}
	for _, x := range d.Terms {
		add("terms "+x.Name, x)
	}
	return all, err
}

func texts(rules []authz.Rule) ([]string, error) {
	all := make([]string, len(rules))
	for i, r := range rules {
		text, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		all[i] = string(text)
	}
	return all, nil
}

// without parts what others lacks from what it has too, each in its order.
func without(these, others []string) (lacking, shared []string) {
	left := map[string]int{}
	for _, text := range others {
		left[text]++
	}
	for _, text := range these {
		if left[text] == 0 {
			lacking = append(lacking, text)
			continue
		}
		left[text]--
		shared = append(shared, text)
	}
	return lacking, shared
}
