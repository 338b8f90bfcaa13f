package claims

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// mapping reads settings as people write them.
func mapping(t testing.TB, text string) Mapping {
	t.Helper()
	var s Settings
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&s); text != "" && err != nil {
		t.Fatal(err)
	}
	m, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func object(t testing.TB, text string) (claims map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &claims); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return claims
}

// R51: what providers are known to send, and how it is set up.
func TestRecordedShapes(t *testing.T) {
	for _, row := range []struct {
		name, file, settings string
		want                 Person
		warned               []string // claims
	}{
		{
			"Keycloak as it comes", "keycloak", "",
			Person{Name: "Ada Lovelace", Email: "ada@example.edu", EmailVerified: true, Groups: []string{"/library/maps", "/library/staff"}},
			nil,
		},
		{
			"Keycloak's roles", "keycloak", `
groups: [realm_access.roles, resource_access.tessera.roles, 'resource_access.https://viewer\.example\.edu/sp.roles']
group-prefix: "kc:"
administrators: kc:curator`,
			Person{
				Name: "Ada Lovelace", Email: "ada@example.edu", EmailVerified: true, Admin: true,
				Groups: []string{"kc:curator", "kc:default-roles-library", "kc:letters", "kc:maps", "kc:offline_access", "kc:viewer"},
			},
			nil,
		},
		{
			"Entra: ids of groups, by the table, and app roles", "entra", `
groups: [roles]
table:
  - {claim: groups, value: 0760b6cf-170e-4a14-91b3-4b78e0739963, group: staff}
  - {claim: groups, value: 3B2B0C93-acd8-4208-8eba-7a48db1cd4c0, group: other case is another value}
  - {claim: groups, value: 3b2b0c93, group: part is another value}`,
			Person{Name: "Ada Lovelace", Email: "ada@example.edu", Groups: []string{"Maps.Reader", "staff"}},
			nil,
		},
		{
			"Entra: more groups than a token holds (R53)", "entra-overage", `
groups: [groups, roles]
table: [{claim: groups, value: 0760b6cf-170e-4a14-91b3-4b78e0739963, group: staff}]`,
			Person{Name: "Ada Lovelace", Groups: []string{"Maps.Reader"}},
			[]string{"groups"},
		},
		{
			"Shibboleth OP", "shibboleth", `
entitlements: [{namespace: "urn:geant:Example.org", authorities: [aai.example.org]}]
affiliation-scopes: [example.edu]
table: [{claim: eduperson_entitlement, value: "urn:mace:dir:entitlement:common-lib-terms", group: licensed}]`,
			Person{
				Name: "Ada Lovelace", Email: "ada@example.edu",
				Groups: []string{"licensed", "maps", "maps:editors:role=owner", "member@example.edu", "staff@example.edu"},
			},
			[]string{"eduperson_entitlement", "eduperson_entitlement", "eduperson_scoped_affiliation"},
		},
		{
			"ADFS: one group is text, and its name has dots", "adfs", `
name: [name, unique_name]
email: upn
groups: ["http://schemas.xmlsoap.org/claims/Group"]`,
			Person{Name: `AD\ada`, Email: "ada@ad.example.edu", Groups: []string{"Library Staff"}},
			nil,
		},
		{
			"Google: no groups, and email_verified is text", "google", `
table: [{claim: hd, value: example.edu, group: staff}]`,
			Person{Name: "Ada Lovelace", Email: "ada@example.edu", EmailVerified: true, Groups: []string{"staff"}},
			nil,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			body, err := os.ReadFile("testdata/" + row.file + ".json")
			if err != nil {
				t.Fatal(err)
			}
			merged := object(t, string(body))
			got, warnings, err := Map(mapping(t, row.settings), merged)
			if err != nil {
				t.Fatal(err)
			}
			row.want.Subject = merged["sub"].(string)
			if !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %+v\nwant %+v", got, row.want)
			}
			wantWarned(t, warnings, row.warned...)
			if !reflect.DeepEqual(merged, object(t, string(body))) {
				t.Error("the claims were changed")
			}
		})
	}
}

func wantWarned(t *testing.T, warnings []Warning, claims ...string) {
	t.Helper()
	var got []string
	for _, w := range warnings {
		got = append(got, w.Claim)
	}
	slices.Sort(got)
	if !slices.Equal(got, claims) {
		t.Errorf("warned of %q, want %q: %v", got, claims, warnings)
	}
}

// Everything the settings can turn on, for claims that try to get through.
const everything = `
groups: [groups, deep.er.roles]
entitlements:
  - {namespace: "urn:x:y"}
  - {namespace: "urn:x:z", authorities: [a.example, b.example]}
affiliation-scopes: [x.edu]
table: [{claim: is_staff, value: "true", group: staff}]
administrators: admins`

// R50 to R53: what is not exactly right gives nobody a group.
func TestGroups(t *testing.T) {
	for _, row := range []struct {
		name, claims string
		want         []string
		warned       []string
	}{
		{"none", `{}`, nil, nil},
		{"null", `{"groups": null, "eduperson_entitlement": null, "_claim_names": null, "hasgroups": null}`, nil, nil},
		{"text", `{"groups": "a b"}`, []string{"a b"}, nil},
		{"list", `{"groups": ["b", "a", "b"]}`, []string{"a", "b"}, nil},
		{"an empty list", `{"groups": []}`, nil, nil},
		{"nested", `{"deep": {"er": {"roles": ["a"]}}}`, []string{"a"}, nil},
		{"nested, but as a name with dots", `{"deep.er.roles": ["a"]}`, nil, nil},
		{"nothing where there should be an object", `{"deep": ["er"], "groups": "a"}`, []string{"a"}, nil},
		{"an object", `{"groups": {"a": true}}`, nil, []string{"groups"}},
		{"a number", `{"groups": 7}`, nil, []string{"groups"}},
		{"a mixed list", `{"groups": ["a", 7, null, ["b"], {"c": "d"}]}`, []string{"a"}, []string{"groups"}},
		{"names that are none", `{"groups": ["", "a,b", " a", "a\u0000", "a\u202eb", "\ufffd"]}`, []string{"\ufffd"}, []string{"groups", "groups", "groups", "groups", "groups"}},
		{"a name that is too long", `{"groups": ["` + strings.Repeat("a", 201) + `", "` + strings.Repeat("b", 200) + `"]}`, []string{strings.Repeat("b", 200)}, []string{"groups"}},
		{"a value that is far too long", `{"groups": ["` + strings.Repeat("a", 4096) + `"]}`, nil, []string{"groups"}},
		{"too many", `{"groups": [` + list(501) + `]}`, nil, []string{"groups"}},
		{"as many as may be", `{"groups": [` + list(500) + `]}`, names(500), nil},
		{"far too many", `{"groups": [` + list(1001) + `]}`, nil, []string{"groups"}},

		{"left out: _claim_names", `{"groups": ["a"], "_claim_names": {"groups": "src1"}}`, nil, []string{"groups"}},
		{"left out: hasgroups", `{"groups": ["a"], "hasgroups": true}`, nil, []string{"groups"}},
		{"left out: hasgroups as text", `{"groups": ["a"], "hasgroups": "true"}`, nil, []string{"groups"}},
		{"left out: hasgroups of no shape", `{"groups": ["a"], "hasgroups": {}}`, nil, []string{"groups"}},
		{"left out: a nested claim", `{"deep": {"er": {"roles": ["admins"]}}, "_claim_names": {"deep": "src1"}}`, nil, []string{"deep.er.roles"}},
		{"left out: of no shape", `{"groups": ["a"], "is_staff": true, "_claim_names": ["groups"]}`, nil, []string{"deep.er.roles", "eduPersonEntitlement", "eduPersonScopedAffiliation", "eduperson_entitlement", "eduperson_scoped_affiliation", "entitlements", "groups", "is_staff", "voperson_external_affiliation"}},
		{"not left out", `{"groups": ["a"], "hasgroups": false, "_claim_names": {"wids": "src1"}}`, []string{"a"}, nil},

		{"an entitlement", `{"eduperson_entitlement": "urn:x:y:group:a"}`, []string{"a"}, nil},
		{"the other spelling", `{"eduPersonEntitlement": ["urn:x:y:group:a:b"]}`, []string{"a:b"}, nil},
		{"a role", `{"eduperson_entitlement": ["urn:x:y:group:a:role=r"]}`, []string{"a:role=r"}, nil},
		{"a role is no membership, nor is a subgroup", `{"eduperson_entitlement": ["urn:x:y:group:admins:role=r", "urn:x:y:group:admins:b"]}`, []string{"admins:b", "admins:role=r"}, nil},
		{"an authority that is listed", `{"eduperson_entitlement": ["urn:x:z:group:a#b.example"]}`, []string{"a"}, nil},
		{"an authority that is not", `{"eduperson_entitlement": ["urn:x:z:group:a#c.example"]}`, nil, []string{"eduperson_entitlement"}},
		{"an authority that contains one that is", `{"eduperson_entitlement": ["urn:x:z:group:a#a.example.org"]}`, nil, []string{"eduperson_entitlement"}},
		{"an authority in another case", `{"eduperson_entitlement": ["urn:x:z:group:a#A.example"]}`, nil, []string{"eduperson_entitlement"}},
		{"two authorities", `{"eduperson_entitlement": ["urn:x:z:group:a#x#a.example"]}`, nil, []string{"eduperson_entitlement"}},
		{"no authority where one is wanted", `{"eduperson_entitlement": ["urn:x:z:group:a"]}`, nil, []string{"eduperson_entitlement"}},
		{"an authority where none is listed", `{"eduperson_entitlement": ["urn:x:y:group:a#a.example"]}`, nil, []string{"eduperson_entitlement"}},
		{"another namespace", `{"eduperson_entitlement": ["urn:x:other:group:a", "urn:x:y2:group:a", "urn:x:y:z:group:a", "x:y:group:a", ""]}`, nil, nil},
		{"a namespace in another case", `{"eduperson_entitlement": ["URN:X:Y:group:Maps"]}`, []string{"Maps"}, nil},
		{"a namespace with the Kelvin sign", `{"eduperson_entitlement": ["urn:\u212a:y:group:a"]}`, nil, nil},
		{"a resource, not a group", `{"eduperson_entitlement": ["urn:x:y:res:a"]}`, nil, nil},
		{"escapes", `{"eduperson_entitlement": ["urn:x:y:group:Minun%20Ryhm%c3%a4ni"]}`, []string{"Minun Ryhmäni"}, nil},
		{"escapes that pretend", `{"eduperson_entitlement": ["urn:x:y:group:a%3Arole%3Dadmin", "urn:x:y:group:a%23b", "urn:x:y:group:%61dmins%00"]}`, nil, []string{"eduperson_entitlement", "eduperson_entitlement", "eduperson_entitlement"}},
		{"no group", `{"eduperson_entitlement": ["urn:x:y:group:", "urn:x:y:group:role=", "urn:x:y:group::a", "urn:x:y:group:a:", "urn:x:y:group:%zz"]}`, nil, slices.Repeat([]string{"eduperson_entitlement"}, 5)},
		{"a role that is not last", `{"eduperson_entitlement": ["urn:x:y:group:a:role=b:c", "urn:x:y:group:role=a"]}`, nil, slices.Repeat([]string{"eduperson_entitlement"}, 2)},

		{"an affiliation", `{"eduperson_scoped_affiliation": "member@x.edu"}`, []string{"member@x.edu"}, nil},
		{"of another scope (R52)", `{"eduperson_scoped_affiliation": ["member@y.edu", "member@a.x.edu", "member@x.edu.evil", "member@"]}`, nil, slices.Repeat([]string{"eduperson_scoped_affiliation"}, 4)},
		{"of two scopes", `{"eduperson_scoped_affiliation": ["member@x.edu@y.edu", "member@y.edu@x.edu"]}`, nil, slices.Repeat([]string{"eduperson_scoped_affiliation"}, 2)},
		{"a word that is none", `{"eduperson_scoped_affiliation": ["admins@x.edu", "@x.edu", "member", "\u212a@x.edu"]}`, nil, slices.Repeat([]string{"eduperson_scoped_affiliation"}, 4)},

		{"true by the table", `{"is_staff": true}`, []string{"staff"}, nil},
		{"true as text", `{"is_staff": ["true"]}`, []string{"staff"}, nil},
		{"not true", `{"is_staff": "True"}`, nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			merged := object(t, row.claims)
			merged["sub"] = "1"
			got, warnings, err := Map(mapping(t, everything), merged)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Groups, row.want) || got.Admin {
				t.Errorf("got %q, administrator %v, want %q", got.Groups, got.Admin, row.want)
			}
			wantWarned(t, warnings, row.warned...)
		})
	}
}

func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = "g" + string([]byte{'0' + byte(i/1000), '0' + byte(i/100%10), '0' + byte(i/10%10), '0' + byte(i%10)})
	}
	return all
}

func list(n int) string { return `"` + strings.Join(names(n), `","`) + `"` }

// R50: a provider makes administrators only where the settings say by which group.
func TestAdministrators(t *testing.T) {
	said := `{"sub": "1", "groups": ["admins", "administrators"], "admin": true, "is_admin": true}`
	for settings, want := range map[string]bool{
		"":                       false,
		"administrators: admins": true,
		"administrators: Admins": false,
		"administrators: admin":  false,
		`{administrators: admins, group-prefix: "x:"}`:     false,
		`{administrators: "x:admins", group-prefix: "x:"}`: true,
	} {
		if p, _, err := Map(mapping(t, settings), object(t, said)); err != nil || p.Admin != want {
			t.Errorf("%s: %+v, %v", settings, p, err)
		}
	}
}

// R50: an address identifies nobody, and is vouched for only by true.
func TestEmail(t *testing.T) {
	for claims, want := range map[string]Person{
		`"email": "a@x.edu"`:                                      {Email: "a@x.edu"},
		`"email": "a@x.edu", "email_verified": true`:              {Email: "a@x.edu", EmailVerified: true},
		`"email": "a@x.edu", "email_verified": "true"`:            {Email: "a@x.edu", EmailVerified: true},
		`"email": "a@x.edu", "email_verified": false`:             {Email: "a@x.edu"},
		`"email": "a@x.edu", "email_verified": "false"`:           {Email: "a@x.edu"},
		`"email": "a@x.edu", "email_verified": "TRUE"`:            {Email: "a@x.edu"},
		`"email": "a@x.edu", "email_verified": 1`:                 {Email: "a@x.edu"},
		`"email": "a@x.edu", "email_verified": ["true"]`:          {Email: "a@x.edu"},
		`"email": "A.B+c@X.edu", "email_verified": true`:          {Email: "a.b+c@x.edu", EmailVerified: true},
		`"email": "a@x.edu@evil.example", "email_verified": true`: {},
		`"email": "a@evil.example@x.edu", "email_verified": true`: {},
		`"email": "a@x.edu, b@y.edu", "email_verified": true`:     {},
		`"email": "a%x.edu@evil.example", "email_verified": true`: {Email: "a%x.edu@evil.example", EmailVerified: true},
		`"email": "\"a@x.edu\"@evil.example"`:                     {},
		`"email": "a@\u212a.edu"`:                                 {},
		`"email": "a@x.edu\n"`:                                    {},
		`"email": "@x.edu"`:                                       {},
		`"email": "a@"`:                                           {},
		`"email": "a"`:                                            {},
		`"email": ""`:                                             {},
		`"email": ["a@x.edu"], "email_verified": true`:            {},
		`"email": "` + strings.Repeat("a", 250) + `@x.edu"`:       {},
		`"email_verified": true`:                                  {},
	} {
		got, warnings, err := Map(mapping(t, ""), object(t, `{"sub": "1", `+claims+`}`))
		if err != nil || got.Email != want.Email || got.EmailVerified != want.EmailVerified {
			t.Errorf("%s: got %+v, %v", claims, got, err)
		}
		if there := strings.Contains(claims, `"email":`); (len(warnings) == 0) != (want.Email != "" || !there) {
			t.Errorf("%s: warnings %v", claims, warnings)
		}
	}
	other := object(t, `{"sub": "1", "mail": "victim@x.edu", "email": "a@x.edu", "email_verified": true}`)
	if got, _, _ := Map(mapping(t, "email: mail"), other); got.Email != "victim@x.edu" || got.EmailVerified {
		t.Errorf("what is said of one claim was taken for another: %+v", got)
	}
}

func TestName(t *testing.T) {
	for claims, want := range map[string]string{
		`{"name": "  Ada  "}`:                          "Ada",
		`{"name": "Ada\u0000\nLove\u202elace"}`:        "AdaLovelace",
		`{"name": "\u0645\u06cc\u200c\u062e"}`:         "\u0645\u06cc\u200c\u062e",
		`{"name": "", "nick": "Ada"}`:                  "Ada",
		`{"name": ["Ada"], "nick": "A."}`:              "A.",
		`{"nick": {"a": 1}}`:                           "",
		`{"name": "` + strings.Repeat("ä", 101) + `"}`: strings.Repeat("ä", 100),
		`{"name": "` + strings.Repeat("€", 67) + `"}`:  strings.Repeat("€", 66),
		`{}`: "",
	} {
		merged := object(t, claims)
		merged["sub"] = "1"
		if got, _, err := Map(mapping(t, "name: [name, nick]"), merged); err != nil || got.Name != want {
			t.Errorf("%s: got %q, %v", claims, got.Name, err)
		}
	}
}

// R50: without a subject there is nobody.
func TestSubject(t *testing.T) {
	for _, claims := range []string{
		`{}`, `{"sub": ""}`, `{"sub": null}`, `{"sub": 7}`, `{"sub": ["a"]}`, `{"sub": "a\u0000"}`, `{"sub": "\u202ea"}`,
		`{"sub": "` + strings.Repeat("a", 256) + `"}`, `{"email": "a@x.edu", "email_verified": true}`,
	} {
		if p, _, err := Map(mapping(t, ""), object(t, claims)); !errors.Is(err, ErrSubject) || !reflect.DeepEqual(p, Person{}) {
			t.Errorf("%s: %+v, %v", claims, p, err)
		}
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		`groups: [""]`:                                                     "the name of a claim is empty",
		`groups: [a..b]`:                                                   "with a dot between each",
		`groups: [a.b.c.d.e.f.g.h.i]`:                                      "8 at most",
		`name: ["a\u0000"]`:                                                "is not the name of a claim",
		`email: .a`:                                                        "with a dot between each",
		`group-prefix: "a,"`:                                               "group-prefix",
		`administrators: "a,b"`:                                            "administrators",
		`entitlements: [{namespace: ""}]`:                                  "is no namespace",
		`entitlements: [{namespace: "urn:"}]`:                              "is no namespace",
		`entitlements: [{namespace: "x:y"}]`:                               "is no namespace",
		`entitlements: [{namespace: "urn:x:*"}]`:                           "is no namespace",
		`entitlements: [{namespace: "urn:x:y:"}]`:                          "is no namespace",
		`entitlements: [{namespace: "urn:x:y", authorities: [""]}]`:        "is no authority",
		`affiliation-scopes: ["*.edu"]`:                                    "is no scope",
		`affiliation-scopes: ["member@x.edu"]`:                             "is no scope",
		`affiliation-scopes: [""]`:                                         "is no scope",
		`groups: [eduperson_scoped_affiliation]`:                           "counts only with its scope",
		`table: [{claim: eduPersonScopedAffiliation, value: a, group: b}]`: "counts only with its scope",
		`table: [{claim: a, value: "", group: b}]`:                         "wants a value",
		`table: [{claim: a, value: b, group: ""}]`:                         "a group cannot be called so",
		`table: [{claim: "", value: b, group: c}]`:                         "the name of a claim is empty",
		`groups: [` + strings.Repeat("a, ", 100) + `a]`:                    "100 are the most",
	} {
		var s Settings
		if err := yaml.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		if m, err := New(s); err == nil || !strings.Contains(err.Error(), want) || !reflect.DeepEqual(m, Mapping{}) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPathsAreWrittenAsTheyAreRead(t *testing.T) {
	for _, text := range []string{"a", "a.b", `a\.b.c`, "https://example.org/a.b", "urn:oid:1.3.6.1", `a\b`, `a.https://x\.y/z.b`} {
		p, err := parsePath(text)
		if err != nil || p.String() != text {
			t.Errorf("%s: %q, %v", text, p.String(), err)
		}
	}
}

// Whatever a provider sends: nothing breaks, every bound holds, and nobody is in a group
// of a scope or namespace that is not listed.
func FuzzMap(f *testing.F) {
	for _, name := range []string{"keycloak", "entra", "entra-overage", "shibboleth", "adfs", "google"} {
		body, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(body))
	}
	f.Add(`{"sub": "1", "groups": ["admins"], "hasgroups": 0, "_claim_names": []}`)
	m := mapping(f, everything)
	f.Fuzz(func(t *testing.T, text string) {
		var merged map[string]any
		if json.Unmarshal([]byte(text), &merged) != nil {
			return
		}
		p, warnings, err := Map(m, merged)
		if err != nil {
			return
		}
		if len(p.Groups) > maxGroups || len(warnings) > maxWarnings || len(p.Name) > maxName || len(p.Email) > maxEmail || !slices.IsSorted(p.Groups) {
			t.Errorf("out of bounds: %+v, %v", p, warnings)
		}
		if p.Admin != slices.Contains(p.Groups, "admins") {
			t.Errorf("an administrator by nothing: %s", text)
		}
		for _, g := range p.Groups {
			if checkGroup(g) != nil {
				t.Errorf("a group that cannot be one: %q", g)
			}
		}
		for _, w := range warnings {
			if len(w.String()) > 700 {
				t.Errorf("a warning of %d bytes", len(w.String()))
			}
		}
	})
}
