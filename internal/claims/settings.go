package claims

import (
	"cmp"
	"errors"
)

const (
	maxList       = 100 // entries of one list of the settings
	standardEmail = "email"
)

// Settings is how claims become people, as it is written for each provider:
//
//	oidc:
//	  - name: campus
//	    issuer: https://login.example.edu
//	    claims:
//	      name: [display_name, name]          # the first that is there; [name]
//	      email: mail                         # email
//	      groups: [groups, realm_access.roles]  # [groups]; [] for none
//	      group-prefix: "campus:"             # before every name the provider sends
//	      entitlements:                       # AARC-G002 and G069; none
//	        - namespace: urn:geant:example.org
//	          authorities: [aai.example.org]  # exactly these; none: those that name none
//	      affiliation-scopes: [example.edu]   # member@example.edu is a group; none
//	      table:                              # groups for other values, compared whole
//	        - {claim: department, value: Maps, group: maps}
//	      administrators: campus:tessera-admins  # a group as it is called here; none
//
// In the path of a claim dots lead into nested objects; a dot of a name is \. and what
// begins with http://, https:// or urn: is one name.
type Settings struct {
	Name              []string              `yaml:"name"`
	Email             string                `yaml:"email"`
	Groups            []string              `yaml:"groups"` // nil: the claim groups
	GroupPrefix       string                `yaml:"group-prefix"`
	Entitlements      []EntitlementSettings `yaml:"entitlements"`
	AffiliationScopes []string              `yaml:"affiliation-scopes"`
	Table             []TableEntry          `yaml:"table"`
	Administrators    string                `yaml:"administrators"`
}

// Spelt gives the settings with what holds where they say nothing.
func (s Settings) Spelt() Settings {
	s.Name, s.Groups = orDefault(s.Name, "name"), orDefault(s.Groups, "groups")
	s.Email = cmp.Or(s.Email, standardEmail)
	return s
}

// EntitlementSettings says whose entitlements count.
type EntitlementSettings struct {
	Namespace   string   `yaml:"namespace"`
	Authorities []string `yaml:"authorities"`
}

// TableEntry gives those a group who have exactly that value in the claim. true and false
// are values too.
type TableEntry struct {
	Claim string `yaml:"claim"`
	Value string `yaml:"value"`
	Group string `yaml:"group"` // as it stands, without the prefix
}

// Mapping is Settings that can be used. The zero value knows no claims: everybody is
// without name, address and groups.
type Mapping struct {
	names          []path
	email          path
	groups         []path
	prefix         string
	namespaces     []namespace
	scopes         []string
	table          []tableRow
	administrators string
}

// tableRow has what the table says of one claim.
type tableRow struct {
	claim  path
	groups map[string][]string // by value
}

// New checks settings. The error joins one sentence for each thing to change.
func New(s Settings) (Mapping, error) {
	var c checker
	s = s.Spelt()
	m := Mapping{
		names:          c.paths("name", s.Name),
		email:          c.path("email", s.Email),
		groups:         c.paths("groups", s.Groups),
		prefix:         s.GroupPrefix,
		namespaces:     c.namespaces(s.Entitlements),
		scopes:         c.scopes(s.AffiliationScopes),
		administrators: s.Administrators,
	}
	m.table = c.table(s.Table)
	c.prefix(s.GroupPrefix)
	c.noAffiliations(m)
	if s.Administrators != "" {
		c.group("administrators", s.Administrators)
	}
	if err := errors.Join(c.problems...); err != nil {
		return Mapping{}, err
	}
	return m, nil
}
