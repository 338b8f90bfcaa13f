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

// maxRulesRecorded bounds how many rules of either side an entry of the audit repeats.
const maxRulesRecorded = 50

// rulesDiff is what a table of rules lost and gained.
type rulesDiff struct {
	Before  int               `json:"before"` // rules there were
	After   int               `json:"after"`
	Removed []json.RawMessage `json:"removed"`
	Added   []json.RawMessage `json:"added"`
	Omitted int               `json:"omitted,omitempty"` // removed or added, and not repeated here
	Moved   bool              `json:"moved,omitempty"`   // those that stayed stand in another order

	Definitions *definitionsDiff `json:"definitions,omitempty"` // where what rules refer to changed
}

// definitionsDiff names the definitions that differ, by kind and name.
type definitionsDiff struct {
	Removed []string `json:"removed,omitempty"`
	Added   []string `json:"added,omitempty"`
	Changed []string `json:"changed,omitempty"`
}

// recordRules puts the difference between two tables of rules on record.
func recordRules(ctx context.Context, tx *db.Tx, actor Actor, before, after authz.Document) error {
	diff, err := diffRules(before.Items, after.Items)
	if err != nil {
		return err
	}
	if diff.Definitions, err = diffDefinitions(before.Definitions, after.Definitions); err != nil {
		return err
	}
	return record(ctx, tx, actor, audit.RulesChange, "rules", diff)
}

func diffRules(before, after []authz.Rule) (rulesDiff, error) {
	left, err := texts(before)
	if err != nil {
		return rulesDiff{}, err
	}
	right, err := texts(after)
	if err != nil {
		return rulesDiff{}, err
	}
	removed, keptLeft := without(left, right)
	added, keptRight := without(right, left)
	diff := rulesDiff{Before: len(before), After: len(after), Moved: !slices.Equal(keptLeft, keptRight)}
	diff.Removed, diff.Omitted = repeated(removed)
	more := 0
	diff.Added, more = repeated(added)
	diff.Omitted += more
	return diff, nil
}

// diffDefinitions is nil where nothing differs.
func diffDefinitions(before, after authz.Definitions) (*definitionsDiff, error) {
	left, err := defined(before)
	if err != nil {
		return nil, err
	}
	right, err := defined(after)
	if err != nil {
		return nil, err
	}
	var diff definitionsDiff
	for _, name := range slices.Sorted(maps.Keys(left)) {
		switch now, there := right[name]; {
		case !there:
			diff.Removed = append(diff.Removed, name)
		case now != left[name]:
			diff.Changed = append(diff.Changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(right)) {
		if _, there := left[name]; !there {
			diff.Added = append(diff.Added, name)
		}
	}
	if len(diff.Removed)+len(diff.Added)+len(diff.Changed) == 0 {
		return nil, nil
	}
	return &diff, nil
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

func repeated(all []string) (shown []json.RawMessage, omitted int) {
	shown = []json.RawMessage{}
	for _, text := range all[:min(len(all), maxRulesRecorded)] {
		shown = append(shown, json.RawMessage(text))
	}
	return shown, len(all) - len(shown)
}
