package authz_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// shapes of 10,000 rules, each with an image that the last rule decides.
var shapes = []struct{ name, pattern, image string }{
	{"items", "collections/maps/sheet-%05d", "collections/maps/sheet-09999"},
	{"folders", "collections/%05d/**", "collections/09999/1890/sheet-04"},
	{"anywhere", "**/box-%05d/*", "archive/1890/box-09999/sheet-04"},
	{"prefixes", "ms-%05d*", "ms-09999_001r"},
	{"suffixes", "*_%05d", "manuscript_09999"},
	{"middles", "maps/*/%05d/*", "maps/1890/09999/sheet-04"},
	{"nested", "**/box-%d*/**", "archive/box-9999/1890/sheet-04"},
}

func manyRules(tb testing.TB, pattern string) *authz.Policy {
	tb.Helper()
	rules := make([]authz.Rule, 10_000)
	for i := range rules {
		rules[i] = authz.Rule{
			Name: fmt.Sprintf("rule for %d", i), Images: []string{fmt.Sprintf(pattern, i)},
			Access: authz.Groups, Groups: []string{"staff", fmt.Sprintf("group-%d", i)},
		}
	}
	return compile(tb, authz.Login, rules...)
}

// BenchmarkDecide is one decision under 10,000 rules.
func BenchmarkDecide(b *testing.B) {
	for _, shape := range shapes {
		p := manyRules(b, shape.pattern)
		b.Run(shape.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := p.Decide(staff, shape.image, now); d.Outcome != authz.Allow {
					b.Fatalf("%+v", d)
				}
			}
		})
		b.Run(shape.name+"/none", func(b *testing.B) {
			for b.Loop() {
				if d := p.Decide(staff, "another/place/altogether", now); d.Rule != "" {
					b.Fatalf("%+v", d)
				}
			}
		})
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
