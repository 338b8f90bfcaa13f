package claims

import (
	"fmt"
	"slices"
	"strings"
)

// groups gathers from every claim that the settings name. More of them than anybody can
// have is a mistake of the set-up, and which of them would count could not be told: the
// person gets none.
func (r *reading) groups() []string {
	for _, p := range r.mapping.groups {
		for _, name := range r.strings(p) {
			r.join(p, name)
		}
	}
	r.entitlements()
	r.affiliations()
	r.table()
	slices.Sort(r.gathered)
	all := slices.Compact(r.gathered)
	if len(all) > maxGroups {
		r.warn("groups", "and its like give %d groups, of which none counts; have the provider send fewer, %d at most", len(all), maxGroups)
		return nil
	}
	return all
}

// join puts the person into a group of the provider's, under the prefix of its names.
func (r *reading) join(p path, name string) {
	name = r.mapping.prefix + name
	if err := checkGroup(name); err != nil {
		r.warn(p.String(), "names a group that cannot be one: %v; give it another name with an entry in the table", err)
		return
	}
	r.gathered = append(r.gathered, name)
}

// checkGroup holds names to what rules, forms and lists of groups can say.
func checkGroup(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("its name is empty")
	case len(name) > maxName:
		return fmt.Errorf("%.40q… is longer than %d bytes", name, maxName)
	case strings.Contains(name, ","):
		return fmt.Errorf("%.60q has a comma, which separates names of groups", name)
	case !plain(name) || strings.TrimSpace(name) != name:
		return fmt.Errorf("%.60q has characters that do not show", name)
	}
	return nil
}

// table puts the person into the groups that the settings give for values, compared as a
// whole.
func (r *reading) table() {
	for _, t := range r.mapping.table {
		for _, value := range r.tableValues(t.claim) {
			r.gathered = append(r.gathered, t.groups[value]...)
		}
	}
}

// tableValues also takes a claim that is true or false.
func (r *reading) tableValues(p path) []string {
	if value, ok := p.find(r.claims); ok && !r.withheld.covers(p) {
		if truth, ok := value.(bool); ok {
			return []string{fmt.Sprint(truth)}
		}
	}
	return r.strings(p)
}
