package authz

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// A census and the slow way, which tries every pattern, agree about any rules and images.
func TestCensus(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	parts := []string{"a", "b", "ab", "*", "**", "/", "maps", "1"}
	made := func(n int) (text string) {
		for range 1 + r.IntN(4) {
			text += parts[r.IntN(n)]
		}
		return text
	}
	for range 300 {
		var rules []Rule
		for i := range 1 + r.IntN(maxMatches) {
			rule := Rule{Name: fmt.Sprint("r", i), Access: Open}
			for range 1 + r.IntN(3) {
				if p := made(len(parts)); checkPattern(p) == nil {
					rule.Images = append(rule.Images, p)
				}
			}
			if len(rule.Images) == 0 {
				rule.Images = []string{"a"}
			}
			rules = append(rules, rule)
		}
		policy, err := Compile(rules, Deny)
		if err != nil {
			continue // some combinations of stars are refused
		}
		census, want := policy.Census(), map[string]bool{}
		for range 5 {
			image := fmt.Sprint(parts[r.IntN(3)], "/", parts[r.IntN(3)], parts[6+r.IntN(2)])
			census.See(image)
			for _, m := range policy.Matches(image, time.Now()) {
				want[m.Rule] = true
			}
		}
		for i, rule := range rules {
			if census.Seen(i) != want[rule.Name] {
				t.Fatalf("%+v: seen %v, want %v", rule, census.Seen(i), want[rule.Name])
			}
		}
		if census.Done() != (len(want) == len(rules)) {
			t.Fatalf("done %v, with %d of %d", census.Done(), len(want), len(rules))
		}
	}
}

// Rules behind others and rules whose time is over count too: others say that of them.
func TestCensusOfCollections(t *testing.T) {
	d := Document{
		Items: []Rule{
			{Images: []string{"**"}, Access: Open},
			{Images: []string{"maps/*"}, Access: Deny, Until: time.Unix(1, 0)},
			{Collections: []string{"letters"}, Access: Deny},
			{Images: []string{"gone/*"}, Access: Deny},
		},
		Definitions: Definitions{Collections: []Collection{{Name: "letters", Images: []string{"letters/**"}}}},
	}
	policy, err := d.Compile(Deny)
	if err != nil {
		t.Fatal(err)
	}
	census := policy.Census()
	for _, image := range []string{"maps/1", "letters/a/b"} {
		census.See(image)
	}
	for i, want := range []bool{true, true, true, false} {
		if census.Seen(i) != want {
			t.Errorf("rule %d: seen %v", i+1, census.Seen(i))
		}
	}
}
