package authz_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

var (
	now       = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	anonymous = authz.Principal{}
	reader    = authz.Principal{ID: "u1", Name: "Rita", Groups: []string{"readers"}}
	staff     = authz.Principal{ID: "u2", Name: "Sam", Groups: []string{"readers", "staff"}}
	admin     = authz.Principal{ID: "u3", Name: "Ada", Admin: true}
)

func compile(t testing.TB, fallback authz.Access, rules ...authz.Rule) *authz.Policy {
	t.Helper()
	p, err := authz.Compile(rules, fallback)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDecideByAccess(t *testing.T) {
	tests := []struct {
		name                            string
		access                          authz.Access
		groups                          []string
		anonymous, reader, staff, admin authz.Outcome
	}{
		{"open", authz.Open, nil, authz.Allow, authz.Allow, authz.Allow, authz.Allow},
		{"login", authz.Login, nil, authz.NeedLogin, authz.Allow, authz.Allow, authz.Allow},
		{"groups", authz.Groups, []string{"staff"}, authz.NeedLogin, authz.Forbidden, authz.Allow, authz.Forbidden},
		{"groups, several", authz.Groups, []string{"readers", "guests"}, authz.NeedLogin, authz.Allow, authz.Allow, authz.Forbidden},
		{"R33 hidden", authz.Hidden, nil, authz.NotFound, authz.NotFound, authz.NotFound, authz.NotFound},
		{"R33 hidden but for a group", authz.Hidden, []string{"staff"}, authz.NotFound, authz.NotFound, authz.Allow, authz.NotFound},
		{"deny", authz.Deny, nil, authz.Forbidden, authz.Forbidden, authz.Forbidden, authz.Forbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := compile(t, authz.Open, authz.Rule{Name: "the rule", Images: []string{"x/**"}, Access: tt.access, Groups: tt.groups})
			for _, c := range []struct {
				who  authz.Principal
				want authz.Outcome
			}{{anonymous, tt.anonymous}, {reader, tt.reader}, {staff, tt.staff}, {admin, tt.admin}} {
				d := p.Decide(c.who, "x/y", now)
				if d.Outcome != c.want {
					t.Errorf("%q: %s, want %s", c.who.Name, d.Outcome, c.want)
				}
				if d.Rule != "the rule" || d.Access != tt.access || d.Public != (tt.access == authz.Open) {
					t.Errorf("%q: %+v", c.who.Name, d)
				}
				if !strings.HasSuffix(d.Reason, ".") {
					t.Errorf("%q: reason %q is no sentence", c.who.Name, d.Reason)
				}
			}
		})
	}
}

func TestDefault(t *testing.T) {
	for access, want := range map[authz.Access]authz.Outcome{
		authz.Open: authz.Allow, authz.Login: authz.NeedLogin, authz.Hidden: authz.NotFound, authz.Deny: authz.Forbidden,
	} {
		d := compile(t, access, authz.Rule{Name: "other", Images: []string{"other/**"}, Access: authz.Deny}).Decide(anonymous, "x", now)
		if d.Outcome != want || d.Rule != "" || d.Access != access || d.Public != (access == authz.Open) {
			t.Errorf("%s: %+v", access, d)
		}
	}
}

func TestFirstMatchDecides(t *testing.T) {
	p := compile(t, authz.Login,
		authz.Rule{Name: "one", Images: []string{"maps/secret/map-1", "**/legend"}, Access: authz.Open},
		authz.Rule{Name: "two", Images: []string{"maps/secret/**"}, Access: authz.Hidden},
		authz.Rule{Name: "three", Images: []string{"maps/**", "maps/secret/map-1"}, Access: authz.Open},
		authz.Rule{Images: []string{"*/secret/*"}, Access: authz.Deny},
	)
	for image, want := range map[string]string{
		"maps/secret/map-1":  "one",
		"maps/secret/legend": "one",
		"legend":             "one",
		"maps/secret/map-2":  "two",
		"maps/1890":          "three",
		"books/secret/1":     "rule 4",
		"books/1":            "",
		"Maps/1890":          "",
	} {
		if d := p.Decide(reader, image, now); d.Rule != want {
			t.Errorf("%s: rule %q, want %q", image, d.Rule, want)
		}
	}
}

// A hidden image must not be told from one that never was.
func TestHiddenSaysNothing(t *testing.T) {
	hidden := compile(t, authz.Open, authz.Rule{Name: "vault", Images: []string{"**"}, Access: authz.Hidden, Groups: []string{"keepers"}})
	reason := hidden.Decide(anonymous, "x", now).Reason
	if strings.Contains(reason, "keepers") || strings.Contains(reason, "vault") || reason != hidden.Decide(reader, "x", now).Reason {
		t.Errorf("reason %q", reason)
	}
}

// Groups without a signed-in person behind them count for nothing.
func TestAnonymousGroupsDoNotCount(t *testing.T) {
	p := compile(t, authz.Open, authz.Rule{Name: "r", Images: []string{"**"}, Access: authz.Groups, Groups: []string{"staff"}})
	if d := p.Decide(authz.Principal{Groups: []string{"staff"}}, "x", now); d.Outcome != authz.NeedLogin {
		t.Errorf("got %+v", d)
	}
}

func TestZeroPolicyForbids(t *testing.T) {
	for _, who := range []authz.Principal{anonymous, staff, admin} {
		if d := new(authz.Policy).Decide(who, "x/y", now); d.Outcome != authz.Forbidden || d.Public {
			t.Errorf("got %+v", d)
		}
	}
	if authz.Outcome(0) == authz.Allow {
		t.Error("the zero outcome allows")
	}
}

func TestRulesAreCopied(t *testing.T) {
	rules := []authz.Rule{{Name: "r", Images: []string{"x"}, Access: authz.Groups, Groups: []string{"staff"}}}
	p := compile(t, authz.Open, rules...)
	rules[0].Groups[0], rules[0].Images[0] = "readers", "y"
	if d := p.Decide(reader, "x", now); d.Outcome != authz.Forbidden {
		t.Errorf("got %+v", d)
	}
}

func TestReasonNamesGroups(t *testing.T) {
	for want, groups := range map[string][]string{
		`Members of "a" may`:                                     {"a"},
		`Members of "a" or "b" may`:                              {"a", "b"},
		`Members of "a", "b" or "c" may`:                         {"a", "b", "c"},
		`Members of "a", "b", "c", "d", "e" or "f" may`:          {"a", "b", "c", "d", "e", "f"},
		`Members of "a", "b", "c", "d", "e" or 2 other groups m`: {"a", "b", "c", "d", "e", "f", "g"},
	} {
		p := compile(t, authz.Open, authz.Rule{Name: "r", Images: []string{"x"}, Access: authz.Groups, Groups: groups})
		if d := p.Decide(anonymous, "x", now); !strings.HasPrefix(d.Reason, want) {
			t.Errorf("got %q, want %q", d.Reason, want)
		}
	}
}

func TestOutcomeString(t *testing.T) {
	for outcome, want := range map[authz.Outcome]string{
		authz.Allow: "allow", authz.NeedLogin: "need-login", authz.Forbidden: "forbidden", authz.NotFound: "not-found",
		0: "undecided", -1: "undecided", 99: "undecided",
	} {
		if outcome.String() != want {
			t.Errorf("%d: %s, want %s", int(outcome), outcome, want)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	good := authz.Rule{Name: "good", Images: []string{"x"}, Access: authz.Open}
	with := func(change func(*authz.Rule)) authz.Rule {
		r := authz.Rule{Name: "Maps", Images: []string{"maps/**"}, Access: authz.Login}
		change(&r)
		return r
	}
	images := func(patterns ...string) authz.Rule {
		return with(func(r *authz.Rule) { r.Images = patterns })
	}
	tests := []struct {
		name string
		rule authz.Rule
		want string // part of the error behind the rule's name
	}{
		{"unknown access", with(func(r *authz.Rule) { r.Access = "public" }), `access "public" is unknown; set it to open`},
		{"no access", with(func(r *authz.Rule) { r.Access = "" }), "set it to open"},
		{"groups without groups", with(func(r *authz.Rule) { r.Access = authz.Groups }), "add a group"},
		{"groups nobody heeds", with(func(r *authz.Rule) { r.Groups = []string{"staff"} }), "remove them"},
		{"nameless group", with(func(r *authz.Rule) { r.Access, r.Groups = authz.Groups, []string{""} }), "group has 0 bytes"},
		{"long name of a group", with(func(r *authz.Rule) { r.Access, r.Groups = authz.Hidden, []string{strings.Repeat("g", 201)} }), "group has 201 bytes"},
		{"too many groups", with(func(r *authz.Rule) { r.Access, r.Groups = authz.Groups, make([]string, 201) }), "201 groups"},
		{"no images", images(), "add at least one pattern"},
		{"too many images", images(make([]string, 10_001)...), "10001 patterns"},
		{"empty pattern", images("a", ""), "write ** for all images"},
		{"long pattern", images(strings.Repeat("a", 513)), "513 bytes"},
		{"leading slash", images("/maps"), "begins with a slash"},
		{"trailing slash", images("maps/"), "write /** for everything below"},
		{"backslash", images(`maps\*`), "separate folders with /"},
		{"three stars", images("maps/***"), "three stars"},
		{"dot dot", images("maps/../x"), "segment .."},
		{"dot", images("./x"), "segment ."},
		{"NUL", images("a\x00b"), "control characters"},
		{"invalid UTF-8", images("a\xff"), "UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := authz.Compile([]authz.Rule{good, tt.rule}, authz.Open)
			if err == nil || p != nil {
				t.Fatalf("got %v, %v", p, err)
			}
			if msg := err.Error(); !strings.HasPrefix(msg, `rule 2 ("Maps"): `) || !strings.Contains(msg, tt.want) {
				t.Errorf("error %q, want %q in it", msg, tt.want)
			}
		})
	}
}

func TestCompileRefusesTheWhole(t *testing.T) {
	good := authz.Rule{Images: []string{"x"}, Access: authz.Open}
	for _, fallback := range []authz.Access{"", "public", authz.Groups} {
		if _, err := authz.Compile(nil, fallback); err == nil || !strings.Contains(err.Error(), "default access") {
			t.Errorf("default %q: %v", fallback, err)
		}
	}
	rules := make([]authz.Rule, 100_001)
	for i := range rules {
		rules[i] = good
	}
	if _, err := authz.Compile(rules, authz.Open); err == nil || !strings.Contains(err.Error(), "100001 rules") {
		t.Errorf("too many rules: %v", err)
	}
	long := authz.Rule{Access: authz.Open}
	for i := range 9000 {
		long.Images = append(long.Images, strings.Repeat("a", 1+i%450)+strings.Repeat("b", 1+i/450))
	}
	if _, err := authz.Compile([]authz.Rule{long}, authz.Open); err != nil {
		t.Errorf("two megabytes of patterns: %v", err)
	}
	more := authz.Rule{Access: authz.Open}
	for _, image := range long.Images {
		more.Images = append(more.Images, "c"+image)
	}
	if _, err := authz.Compile([]authz.Rule{long, more}, authz.Open); err == nil || !strings.Contains(err.Error(), "use wildcards") {
		t.Errorf("too many bytes: %v", err)
	}
}

func TestCompileReportsEveryProblemUpToABound(t *testing.T) {
	bad := authz.Rule{Name: "", Images: nil, Access: authz.Open}
	_, err := authz.Compile([]authz.Rule{bad, bad, bad}, authz.Open)
	if err == nil || strings.Count(err.Error(), "\n") != 2 || !strings.HasPrefix(err.Error(), "rule 1: ") {
		t.Errorf("three problems: %v", err)
	}
	rules := make([]authz.Rule, 500)
	if _, err := authz.Compile(rules, authz.Open); err == nil || strings.Count(err.Error(), "\n") != 19 {
		t.Errorf("many problems: %v", err)
	}
}
