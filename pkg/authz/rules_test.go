package authz_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

var (
	inRoom  = netip.MustParseAddr("192.0.2.7")
	outside = netip.MustParseAddr("198.51.100.7")
)

// definitions that the tests of rules refer to.
var definitions = authz.Definitions{
	Collections: []authz.Collection{{Name: "newspapers", Images: []string{"news/**", "gazette/*"}}},
	Networks:    []authz.Network{{Name: "reading-room", Addresses: []string{"192.0.2.0/24", "2001:db8:1::/48"}}},
	Terms: []authz.Terms{{
		Name: "donor", Version: "2",
		Title: authz.Text{"en": "Terms of the donor"}, Text: authz.Text{"en": "Cite the donor.", "de": "Nennen Sie den Stifter."},
	}},
}

func decided(t testing.TB, rules ...authz.Rule) *authz.Policy {
	t.Helper()
	for i := range rules {
		if rules[i].Images == nil {
			rules[i].Images = []string{"**"}
		}
	}
	p, err := authz.Document{Items: rules, Definitions: definitions}.Compile(authz.Deny)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func at(who authz.Principal, addr netip.Addr, terms ...string) authz.Principal {
	who.Addr, who.Terms = addr, terms
	return who
}

// R55, R57: an address lets in, alone or besides an account; terms come on top.
func TestNetworksAndTerms(t *testing.T) {
	room := []string{"reading-room"}
	for _, tt := range []struct {
		name string
		rule authz.Rule
		who  authz.Principal
		want authz.Outcome
	}{
		{"R55 in the room", authz.Rule{Access: authz.Networks, Networks: room}, at(anonymous, inRoom), authz.Allow},
		{"R55 in the room, by IPv6", authz.Rule{Access: authz.Networks, Networks: room}, at(anonymous, netip.MustParseAddr("2001:db8:1:2::3")), authz.Allow},
		{"R55 in the room, IPv4 as IPv6", authz.Rule{Access: authz.Networks, Networks: room}, at(anonymous, netip.MustParseAddr("::ffff:192.0.2.7")), authz.Allow},
		{"R55 rights die with the address", authz.Rule{Access: authz.Networks, Networks: room}, at(staff, outside), authz.Forbidden},
		{"R55 no address", authz.Rule{Access: authz.Networks, Networks: room}, anonymous, authz.Forbidden},
		{"R55 a network written out", authz.Rule{Access: authz.Networks, Networks: []string{"198.51.100.0/25"}}, at(anonymous, outside), authz.Allow},
		{"R55 a single address", authz.Rule{Access: authz.Networks, Networks: []string{"198.51.100.7"}}, at(anonymous, outside), authz.Allow},
		{"groups or network, neither", authz.Rule{Access: authz.Groups, Groups: []string{"staff"}, Networks: room}, at(reader, outside), authz.Forbidden},
		{"groups or network, anonymous", authz.Rule{Access: authz.Groups, Groups: []string{"staff"}, Networks: room}, at(anonymous, outside), authz.NeedLogin},
		{"groups or network, the group", authz.Rule{Access: authz.Groups, Groups: []string{"staff"}, Networks: room}, at(staff, outside), authz.Allow},
		{"groups or network, the network", authz.Rule{Access: authz.Groups, Groups: []string{"staff"}, Networks: room}, at(reader, inRoom), authz.Allow},
		{"login or network", authz.Rule{Access: authz.Login, Networks: room}, at(anonymous, inRoom), authz.Allow},
		{"R33 hidden but in the room", authz.Rule{Access: authz.Hidden, Networks: room}, at(anonymous, inRoom), authz.Allow},
		{"R33 hidden elsewhere", authz.Rule{Access: authz.Hidden, Networks: room}, at(staff, outside), authz.NotFound},
		{"R57 not accepted", authz.Rule{Access: authz.Open, Terms: "donor"}, anonymous, authz.NeedTerms},
		{"R57 accepted, anonymous", authz.Rule{Access: authz.Open, Terms: "donor"}, at(anonymous, outside, "donor@2"), authz.Allow},
		{"R57 an older version", authz.Rule{Access: authz.Open, Terms: "donor"}, at(anonymous, outside, "donor@1"), authz.NeedTerms},
		{"R57 other terms", authz.Rule{Access: authz.Open, Terms: "donor"}, at(anonymous, outside, "other@2", "donor"), authz.NeedTerms},
		{"R57 login comes first", authz.Rule{Access: authz.Login, Terms: "donor"}, at(anonymous, outside, "donor@2"), authz.NeedLogin},
		{"R57 signed in", authz.Rule{Access: authz.Login, Terms: "donor"}, reader, authz.NeedTerms},
		{"R57 signed in and accepted", authz.Rule{Access: authz.Login, Terms: "donor"}, at(reader, outside, "donor@2"), authz.Allow},
		{"R57 terms give no other right", authz.Rule{Access: authz.Groups, Groups: []string{"staff"}, Terms: "donor"}, at(reader, outside, "donor@2"), authz.Forbidden},
		{"R57 in the room", authz.Rule{Access: authz.Networks, Networks: room, Terms: "donor"}, at(anonymous, inRoom), authz.NeedTerms},
		{"hook", authz.Rule{Access: authz.Hook}, staff, authz.AskHook},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decided(t, tt.rule).Decide(tt.who, "x", now)
			if d.Outcome != tt.want || d.Public {
				t.Errorf("%s, public %v, want %s: %s", d.Outcome, d.Public, tt.want, d.Reason)
			}
			if !strings.HasSuffix(d.Reason, ".") {
				t.Errorf("reason %q is no sentence", d.Reason)
			}
			if (d.Terms != nil) != (tt.rule.Terms != "") || d.Terms != nil && d.Terms.Key() != "donor@2" {
				t.Errorf("terms %+v", d.Terms)
			}
		})
	}
}

// R55: what is for looking at alone is so for those whom nothing but the address lets in.
func TestViewOnly(t *testing.T) {
	p := decided(t, authz.Rule{Access: authz.Groups, Groups: []string{"staff"}, Networks: []string{"reading-room"}, ViewOnly: true})
	if d := p.Decide(at(reader, inRoom), "x", now); d.Outcome != authz.Allow || !d.ViewOnly {
		t.Errorf("walk-in: %+v", d)
	}
	if d := p.Decide(at(staff, inRoom), "x", now); d.Outcome != authz.Allow || d.ViewOnly {
		t.Errorf("staff in the room: %+v", d)
	}
}

// R56: a rule counts from its first instant on, up to and not including its last.
func TestTimes(t *testing.T) {
	from, until := now.Add(time.Hour), now.Add(2*time.Hour)
	p := decided(
		t,
		authz.Rule{Name: "window", Images: []string{"a/**"}, Access: authz.Open, From: from, Until: until},
		authz.Rule{Name: "embargo", Images: []string{"a/**", "b/**"}, Access: authz.Groups, Groups: []string{"staff"}, Until: until},
		authz.Rule{Name: "later", Images: []string{"**"}, Access: authz.Open},
	)
	for _, tt := range []struct {
		image   string
		at      time.Time
		rule    string
		changes time.Time
	}{
		{"a/x", from.Add(-1), "embargo", from},
		{"a/x", from, "window", until},
		{"a/x", until.Add(-1), "window", until},
		{"a/x", until, "later", time.Time{}},
		{"b/x", from, "embargo", until},
		{"b/x", until.Add(-1), "embargo", until},
		{"b/x", until, "later", time.Time{}},
		{"c/x", from, "later", time.Time{}},
	} {
		if d := p.Decide(anonymous, tt.image, tt.at); d.Rule != tt.rule || !d.Changes.Equal(tt.changes) {
			t.Errorf("%s at %s: rule %q until %s, want %q until %s", tt.image, tt.at, d.Rule, d.Changes, tt.rule, tt.changes)
		}
	}
}

// R29, R56: what a decision says holds up to the instant that it names.
func TestDecisionHoldsUntilItChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		instant := rapid.Custom(func(t *rapid.T) time.Time {
			return now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "s")) * time.Second)
		})
		var rules []authz.Rule
		for range rapid.IntRange(1, 8).Draw(t, "rules") {
			r := authz.Rule{Images: []string{rapid.SampledFrom([]string{"a", "**", "a*", "b"}).Draw(t, "image")}, Access: rapid.SampledFrom([]authz.Access{authz.Open, authz.Login, authz.Deny}).Draw(t, "access")}
			if rapid.Bool().Draw(t, "bounded") {
				r.From = instant.Draw(t, "from")
				r.Until = r.From.Add(time.Duration(rapid.IntRange(1, 50).Draw(t, "length")) * time.Second)
			}
			rules = append(rules, r)
		}
		p, err := authz.Compile(rules, authz.Hidden)
		if err != nil {
			t.Fatal(err)
		}
		moment := instant.Draw(t, "now")
		d := p.Decide(reader, "a", moment)
		if !d.Changes.IsZero() && !d.Changes.After(moment) {
			t.Fatalf("changes at %s, which is over at %s", d.Changes, moment)
		}
		for s := range 300 {
			later := moment.Add(time.Duration(s) * time.Second)
			if !d.Changes.IsZero() && !later.Before(d.Changes) {
				break
			}
			if again := p.Decide(reader, "a", later); again.Outcome != d.Outcome || again.Rule != d.Rule {
				t.Fatalf("%s by %q at %s, %s by %q at %s, though nothing was to change before %s", d.Outcome, d.Rule, moment, again.Outcome, again.Rule, later, d.Changes)
			}
		}
	})
}

func TestCollections(t *testing.T) {
	p := decided(t, authz.Rule{Name: "press", Images: []string{"leaflets/*"}, Collections: []string{"newspapers"}, Access: authz.Open})
	for image, want := range map[string]string{"news/1/2": "press", "gazette/1": "press", "leaflets/1": "press", "books/1": ""} {
		if d := p.Decide(anonymous, image, now); d.Rule != want {
			t.Errorf("%s: rule %q, want %q", image, d.Rule, want)
		}
	}
}

// R59: the size of a tier never passes its bounds, and never vanishes.
func TestTierSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tier := authz.Tier{Scale: rapid.SampledFrom([]int{0, 2, 3, 8, 1024}).Draw(t, "scale"), Side: rapid.SampledFrom([]int{0, 1, 200, 1000}).Draw(t, "side")}
		width, height := rapid.IntRange(1, 1<<20).Draw(t, "width"), rapid.IntRange(1, 1<<20).Draw(t, "height")
		w, h := tier.Size(width, height)
		if w < 1 || h < 1 || w > width || h > height {
			t.Fatalf("%d × %d of %d × %d", w, h, width, height)
		}
		if tier.Side > 0 && max(w, h) > tier.Side {
			t.Fatalf("%d × %d with a side of %d", w, h, tier.Side)
		}
		if s := tier.Scale; s > 0 && (w > 1 && w*s > width || h > 1 && h*s > height) {
			t.Fatalf("%d × %d of %d × %d at 1/%d", w, h, width, height, s)
		}
	})
}

func TestServices(t *testing.T) {
	room := []string{"reading-room"}
	for _, tt := range []struct {
		rule authz.Rule
		want authz.Service
	}{
		{authz.Rule{Access: authz.Login}, authz.SignIn},
		{authz.Rule{Access: authz.Groups, Groups: []string{"a"}, Networks: room}, authz.SignIn},
		{authz.Rule{Access: authz.Hook}, authz.SignIn},
		{authz.Rule{Access: authz.Open, Terms: "donor"}, authz.Accept},
		{authz.Rule{Access: authz.Networks, Networks: room, Terms: "donor"}, authz.Accept},
		{authz.Rule{Access: authz.Login, Terms: "donor"}, authz.SignInTerms},
		{authz.Rule{Access: authz.Networks, Networks: room}, authz.External},
		{authz.Rule{Access: authz.Networks, Networks: room, Service: authz.Kiosk}, authz.Kiosk},
	} {
		for _, who := range []authz.Principal{anonymous, staff, at(staff, inRoom, "donor@2")} {
			if d := decided(t, tt.rule).Decide(who, "x", now); d.Service != tt.want {
				t.Errorf("%+v: service %q, want %q", tt.rule, d.Service, tt.want)
			}
		}
	}
}

func TestCompileRefusesWhatRulesName(t *testing.T) {
	tier := &authz.Tier{Scale: 8}
	for _, tt := range []struct {
		rule authz.Rule
		want string
	}{
		{authz.Rule{Access: authz.Networks}, "add a network such as"},
		{authz.Rule{Access: authz.Networks, Networks: []string{"192.0.2.1/24"}}, "write the network 192.0.2.0/24"},
		{authz.Rule{Access: authz.Networks, Networks: []string{"0.0.0.0/0"}}, "every address"},
		{authz.Rule{Access: authz.Networks, Networks: []string{"::ffff:192.0.2.0/120"}}, "write it as 192.0.2.0/24"},
		{authz.Rule{Access: authz.Networks, Networks: []string{"map-room"}}, "no network of that name"},
		{authz.Rule{Access: authz.Open, Networks: []string{"192.0.2.0/24"}}, "pays no attention to networks"},
		{authz.Rule{Access: authz.Login, ViewOnly: true}, "add networks"},
		{authz.Rule{Access: authz.Login, Service: authz.Kiosk}, "remove it"},
		{authz.Rule{Access: authz.Networks, Networks: []string{"reading-room"}, Service: "login"}, "write external or kiosk"},
		{authz.Rule{Access: authz.Login, Terms: "other"}, `there are no terms "other"; define them, or name one of: "donor"`},
		{authz.Rule{Access: authz.Deny, Terms: "donor"}, "nothing to accept terms for"},
		{authz.Rule{Access: authz.Login, Collections: []string{"books"}}, `one of: "newspapers"`},
		{authz.Rule{Access: authz.Login, From: now, Until: now}, "until has to come after from"},
		{authz.Rule{Access: authz.Login, Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, "not between 1970 and 2500"},
		{authz.Rule{Access: authz.Open, Tier: tier}, "nobody needs the smaller image"},
		{authz.Rule{Access: authz.Hidden, Tier: tier}, "would tell that there is one"},
		{authz.Rule{Access: authz.Hook, Tier: tier}, "would tell of those that the other system hides"},
		{authz.Rule{Access: authz.Login, Tier: &authz.Tier{}}, "no bound"},
		{authz.Rule{Access: authz.Login, Tier: &authz.Tier{Scale: 1}}, "from 2 to"},
		{authz.Rule{Access: authz.Login, Tier: &authz.Tier{Side: -4}}, "from 1 to"},
		{authz.Rule{Access: authz.Hook, Groups: []string{"a"}}, "no attention to groups"},
	} {
		tt.rule.Images = []string{"**"}
		if _, err := (authz.Document{Items: []authz.Rule{tt.rule}, Definitions: definitions}).Compile(authz.Login); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q in it", tt.rule, err, tt.want)
		}
	}
}

func TestCompileRefusesDefinitions(t *testing.T) {
	text := authz.Text{"en": "x"}
	for _, tt := range []struct {
		d    authz.Definitions
		want string
	}{
		{authz.Definitions{Collections: []authz.Collection{{Name: "A b", Images: []string{"x"}}}}, "small letters"},
		{authz.Definitions{Collections: []authz.Collection{{Name: "a"}}}, "0 patterns"},
		{authz.Definitions{Collections: []authz.Collection{{Name: "a", Images: []string{"/x"}}}}, "begins with a slash"},
		{authz.Definitions{Networks: []authz.Network{{Name: "a", Addresses: []string{"somewhere"}}}}, "nor an address"},
		{authz.Definitions{Networks: []authz.Network{{Name: "a", Addresses: []string{"::1"}}, {Name: "a", Addresses: []string{"::1"}}}}, "two of this name"},
		{authz.Definitions{Terms: []authz.Terms{{Name: "a", Title: text, Text: text}}}, "the version"},
		{authz.Definitions{Terms: []authz.Terms{{Name: "a", Version: "1@2", Title: text, Text: text}}}, "the version"},
		{authz.Definitions{Terms: []authz.Terms{{Name: "a", Version: "1", Title: authz.Text{"de": "x"}, Text: text}}}, "not there in English"},
		{authz.Definitions{Terms: []authz.Terms{{Name: "a", Version: "1", Title: text, Text: authz.Text{"en": "x", "german!": "y"}}}}, "write a tag"},
		{authz.Definitions{Terms: []authz.Terms{{Name: "a", Version: "1", Title: text, Text: authz.Text{"en": strings.Repeat("x", 60_000)}}}}, "between 1 and"},
	} {
		if _, err := (authz.Document{Definitions: tt.d}).Compile(authz.Login); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q in it", tt.d, err, tt.want)
		}
	}
}

func TestSplitTier(t *testing.T) {
	for id, want := range map[string]string{"a~reduced": "a", "a/b.jp2~reduced": "a/b.jp2", "a": "", "~reduced": "", "a/~reduced": "", "a~reduced/b": "", "a~reduced~reduced": "a~reduced"} {
		if of, marked := authz.SplitTier(id); of != want || marked != (want != "") {
			t.Errorf("%s: %q, %v", id, of, marked)
		}
	}
}
