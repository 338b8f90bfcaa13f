package authz_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

func TestPatterns(t *testing.T) {
	tests := []struct {
		pattern   string
		match, no []string
	}{
		{"maps/1890", []string{"maps/1890"}, []string{"maps", "maps/1890/a", "Maps/1890", "xmaps/1890", "maps/18900"}},
		{"*", []string{"a", "a.b", "ü"}, []string{"a/b"}},
		{"**", []string{"a", "a/b/c", "http://example.com/1"}, nil},
		{"maps/*", []string{"maps/a"}, []string{"maps", "maps/a/b", "mapsa"}},
		{"maps/**", []string{"maps/a", "maps/a/b"}, []string{"maps", "mapsa", "x/maps/a"}},
		{"maps/*/x", []string{"maps/a/x", "maps//x"}, []string{"maps/x", "maps/a/b/x"}},
		{"maps/**/x", []string{"maps/x", "maps/a/x", "maps/a/b/x"}, []string{"mapsx", "maps/ax", "maps/x/y"}},
		{"**/x", []string{"x", "a/x", "a/b/x"}, []string{"ax", "a/xb", "x/a"}},
		{"**/covers/*", []string{"covers/a", "books/covers/a", "books/rare/covers/a"}, []string{"covers", "discovers/a", "covers/a/b"}},
		{"ms-17**", []string{"ms-17", "ms-1701", "ms-17/1r"}, []string{"ms-1", "a/ms-17"}},
		{"**.x", []string{"a.x", "a/b.x", ".x"}, []string{"a.xy"}},
		{"a**/b", []string{"a/b", "ax/b", "a/c/b"}, []string{"b", "ab"}},
		{"*a*b*", []string{"ab", "xaxbx", "aab"}, []string{"ba", "a/b"}},
		{"*ab", []string{"ab", "aab", "abab"}, []string{"aba"}},
		{"**/a*/b", []string{"a/b", "x/ax/b", "a/c/a/b"}, []string{"a/c/b"}},
		{"**/**", []string{"a", "a/b"}, nil},
		{"[a]?.(x)", []string{"[a]?.(x)"}, []string{"a", "[a]b.(x)"}},
		{"http://example.com/**", []string{"http://example.com/1"}, []string{"http:/example.com/1"}},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			p := compile(t, authz.Deny, authz.Rule{Name: "r", Images: []string{tt.pattern}, Access: authz.Open})
			for _, image := range tt.match {
				if p.Decide(anonymous, image, now).Rule != "r" {
					t.Errorf("%s does not match", image)
				}
			}
			for _, image := range tt.no {
				if p.Decide(anonymous, image, now).Rule == "r" {
					t.Errorf("%s matches", image)
				}
			}
		})
	}
}

// naive is the meaning of a pattern said another way.
func naive(pattern string) *regexp.Regexp {
	const from, to = "\x01", "\x02" // stand for "**/" at the start of a segment, and for "**"
	var b strings.Builder
	for i, segment := range strings.Split(pattern, "/") {
		switch {
		case i == 0:
		case strings.HasSuffix(b.String(), to) && wholeSegment(b.String(), from, to):
			s := strings.TrimSuffix(b.String(), to)
			b.Reset()
			b.WriteString(s + from)
		default:
			b.WriteString("/")
		}
		b.WriteString(strings.ReplaceAll(segment, "**", to))
	}
	s := regexp.QuoteMeta(b.String())
	s = strings.ReplaceAll(s, `\*`, `[^/]*`)
	s = strings.ReplaceAll(s, to, `(?s:.*)`)
	s = strings.ReplaceAll(s, from, `(?s:.*/)?`)
	return regexp.MustCompile(`^(?s:` + s + `)$`)
}

// wholeSegment tells whether the last thing in s is a segment of two stars and nothing else.
func wholeSegment(s, from, to string) bool {
	before := strings.TrimSuffix(s, to)
	return before == "" || strings.HasSuffix(before, "/") || strings.HasSuffix(before, from)
}

func anyPattern() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{"a", "b", "ab", "ba", "*", "**", "/", "/", "/**/", "c-1", "c-2"})
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 1, 7).Draw(t, "pieces"), "")
	})
}

func anyImage() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{"a", "b", "ab", "/", "/", "c-1", "c-12"})
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 1, 12).Draw(t, "pieces"), "")
	})
}

// The index finds what trying every pattern in turn finds.
func TestIndexAgreesWithTryingAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rules []authz.Rule
		var patterns [][]*regexp.Regexp
		for range rapid.IntRange(1, 60).Draw(t, "rules") {
			r := authz.Rule{Name: fmt.Sprint(len(rules)), Access: authz.Open}
			var meaning []*regexp.Regexp
			for _, image := range rapid.SliceOfN(anyPattern(), 1, 3).Draw(t, "images") {
				r.Images = append(r.Images, image)
				meaning = append(meaning, naive(image))
			}
			if _, err := authz.Compile([]authz.Rule{r}, authz.Deny); err != nil {
				continue // refused patterns have their own test
			}
			rules = append(rules, r)
			patterns = append(patterns, meaning)
		}
		policy, err := authz.Compile(rules, authz.Deny)
		if err != nil {
			t.Fatal(err)
		}
		for _, image := range rapid.SliceOfN(anyImage(), 1, 20).Draw(t, "images asked for") {
			want := firstNaive(patterns, image)
			if got := policy.Decide(authz.Principal{}, image, now).Rule; got != want {
				t.Fatalf("%s: rule %q, want %q among %v", image, got, want, rules)
			}
		}
	})
}

func firstNaive(patterns [][]*regexp.Regexp, image string) string {
	for i, meaning := range patterns {
		for _, m := range meaning {
			if m.MatchString(image) {
				return fmt.Sprint(i)
			}
		}
	}
	return ""
}

func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{
		{"maps/**", "maps/a/b"}, {"**/a*/b", "a/c/a/b"}, {"*a*b*", "xaxbx"}, {"a**/b", "a/c/b"}, {"**/**/x", "x"}, {"ü*", "üü"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, image string) {
		p, err := authz.Compile([]authz.Rule{{Name: "r", Images: []string{pattern}, Access: authz.Open}}, authz.Deny)
		if err != nil {
			return
		}
		if got, want := p.Decide(anonymous, image, now).Rule == "r", naive(pattern).MatchString(image); got != want {
			t.Fatalf("%q on %q: %v, want %v", pattern, image, got, want)
		}
	})
}
