package authz_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// shapes of rules, each with an image that the rule of that number decides.
var shapes = []struct{ name, pattern, image string }{
	{"items", "collections/maps/sheet-%05d", "collections/maps/sheet-%05d"},
	{"folders", "collections/%05d/**", "collections/%05d/1890/sheet-04"},
	{"anywhere", "**/box-%05d/*", "archive/1890/box-%05d/sheet-04"},
	{"prefixes", "ms-%05d*", "ms-%05d_001r"},
	{"suffixes", "*_%05d", "manuscript_%05d"},
	{"middles", "maps/*/%05d/*", "maps/1890/%05d/sheet-04"},
	{"nested", "**/box-%d*/**", "archive/box-%d/1890/sheet-04"},
}

func manyRules(tb testing.TB, n int, pattern string) *authz.Policy {
	tb.Helper()
	rules := make([]authz.Rule, n)
	for i := range rules {
		rules[i] = authz.Rule{
			Name: fmt.Sprintf("rule for %d", i), Images: []string{fmt.Sprintf(pattern, i)},
			Access: authz.Groups, Groups: []string{"staff", fmt.Sprintf("group-%d", i)},
		}
	}
	return compile(tb, authz.Login, rules...)
}

// BenchmarkDecide is one decision under so many rules, by the last of them or by none.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		for _, shape := range shapes {
			p := manyRules(b, n, shape.pattern)
			last := fmt.Sprintf(shape.image, n-1)
			b.Run(fmt.Sprintf("%d/%s", n, shape.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if d := p.Decide(staff, last, now); d.Outcome != authz.Allow {
						b.Fatalf("%+v", d)
					}
				}
			})
			b.Run(fmt.Sprintf("%d/%s/none", n, shape.name), func(b *testing.B) {
				for b.Loop() {
					if d := p.Decide(staff, "another/place/altogether", now); d.Rule != "" {
						b.Fatalf("%+v", d)
					}
				}
			})
		}
	}
}

// BenchmarkDecideInTime is one decision under 10,000 rules each of which counts for a
// while and lets networks in.
func BenchmarkDecideInTime(b *testing.B) {
	rules := make([]authz.Rule, 10_000)
	for i := range rules {
		rules[i] = authz.Rule{
			Images: []string{fmt.Sprintf("collections/%05d/**", i)}, Access: authz.Groups, Groups: []string{"nobody"},
			Networks: []string{"192.0.2.0/24", "2001:db8::/32"}, From: now.Add(-time.Hour), Until: now.Add(time.Hour),
		}
	}
	p, who := compile(b, authz.Login, rules...), at(reader, inRoom)
	b.ReportAllocs()
	for b.Loop() {
		if d := p.Decide(who, "collections/09999/1890/sheet-04", now); d.Outcome != authz.Allow {
			b.Fatalf("%+v", d)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	rules := make([]authz.Rule, 10_000)
	for i := range rules {
		rules[i] = authz.Rule{Images: []string{fmt.Sprintf("collections/%05d/**", i)}, Access: authz.Login}
	}
	for b.Loop() {
		if _, err := authz.Compile(rules, authz.Open); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecideHostile asks for an identifier made to keep the matcher busy.
func BenchmarkDecideHostile(b *testing.B) {
	p := compile(b, authz.Login,
		authz.Rule{Images: []string{"**/a*a*a*b", "**a**a**b", "*a*a*b/**"}, Access: authz.Open})
	image := strings.Repeat("a", 2048)
	for b.Loop() {
		if d := p.Decide(staff, image, now); d.Rule != "" {
			b.Fatalf("%+v", d)
		}
	}
}
