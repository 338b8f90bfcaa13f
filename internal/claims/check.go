package claims

import (
	"fmt"
	"slices"
	"strings"
)

// checker gathers what is wrong with settings, so that it is told all at once.
type checker struct{ problems []error }

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

// fits refuses lists that nobody writes by hand.
func (c *checker) fits(name string, n int) bool {
	if n > maxList {
		c.problem("%s: there are %d entries; %d are the most", name, n, maxList)
	}
	return n <= maxList
}

func (c *checker) path(name, text string) path {
	p, err := parsePath(text)
	if err != nil {
		c.problem("%s: %w", name, err)
		return path{text}
	}
	return p
}

func orDefault(list []string, otherwise string) []string {
	if list == nil {
		return []string{otherwise}
	}
	return list
}

func (c *checker) paths(name string, texts []string) []path {
	if !c.fits(name, len(texts)) {
		return nil
	}
	all := make([]path, len(texts))
	for i, text := range texts {
		all[i] = c.path(name, text)
	}
	return all
}

func (c *checker) group(name, group string) {
	if err := checkGroup(group); err != nil {
		c.problem("%s: a group cannot be called so: %w", name, err)
	}
}

func (c *checker) prefix(text string) {
	if text != "" && (checkGroup(text+"x") != nil || len(text) > maxName/2) {
		c.problem("group-prefix: %.40q cannot begin the name of a group: write up to %d characters that show, and no comma", text, maxName/2)
	}
}

func (c *checker) namespaces(list []EntitlementSettings) []namespace {
	if !c.fits("entitlements", len(list)) {
		return nil
	}
	all := make([]namespace, len(list))
	for i, e := range list {
		urn, ok := lowerASCII(e.Namespace)
		all[i] = namespace{urn, slices.Clone(e.Authorities)}
		if !ok || len(urn) > maxName || !plain(urn) || !strings.HasPrefix(urn, "urn:") || slices.Contains(strings.Split(urn, ":"), "") || strings.ContainsAny(urn, "#?* ") {
			c.problem("entitlements: %.80q is no namespace: write what stands before :group:, such as urn:geant:example.org", e.Namespace)
		}
		c.authorities(e.Authorities)
	}
	return all
}

func (c *checker) authorities(list []string) {
	if !c.fits("authorities", len(list)) {
		return
	}
	for _, a := range list {
		if a == "" || len(a) > maxName || !plain(a) || strings.ContainsAny(a, "#* ") {
			c.problem("authorities: %.80q is no authority: write what stands behind the #, such as aai.example.org, whole", a)
		}
	}
}

func (c *checker) scopes(list []string) []string {
	if !c.fits("affiliation-scopes", len(list)) {
		return nil
	}
	all := make([]string, len(list))
	for i, scope := range list {
		lower, ok := lowerASCII(scope)
		all[i] = lower
		if !ok || lower == "" || len(lower) > maxName || !plain(lower) || strings.ContainsAny(lower, "@*, ") {
			c.problem("affiliation-scopes: %.80q is no scope: write a domain such as example.edu, whole and without @", scope)
		}
	}
	return all
}

func (c *checker) table(entries []TableEntry) []tableRow {
	if len(entries) > maxValues {
		c.problem("table: there are %d entries; %d are the most", len(entries), maxValues)
		return nil
	}
	var rows []tableRow
	for _, e := range entries {
		p := c.path("table", e.Claim)
		c.group("table", e.Group)
		if e.Value == "" || len(e.Value) > maxValue {
			c.problem("table: the entry for %q wants a value of 1 to %d bytes", e.Claim, maxValue)
		}
		rows = insert(rows, p, e)
	}
	return rows
}

func insert(rows []tableRow, p path, e TableEntry) []tableRow {
	i := slices.IndexFunc(rows, func(r tableRow) bool { return slices.Equal(r.claim, p) })
	if i < 0 {
		i, rows = len(rows), append(rows, tableRow{p, map[string][]string{}})
	}
	rows[i].groups[e.Value] = append(rows[i].groups[e.Value], e.Group)
	return rows
}

// noAffiliations keeps affiliations from being read where no scope is looked at.
func (c *checker) noAffiliations(m Mapping) {
	used := slices.Clone(m.groups)
	for _, row := range m.table {
		used = append(used, row.claim)
	}
	for _, p := range affiliationClaims {
		if slices.ContainsFunc(used, func(u path) bool { return slices.Equal(u, p) }) {
			c.problem("the claim %q counts only with its scope: list the scopes of this provider under affiliation-scopes in place of it", p)
		}
	}
}
