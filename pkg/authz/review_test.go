package authz_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

func TestWarnings(t *testing.T) {
	login := func(images ...string) authz.Rule { return authz.Rule{Name: "r", Images: images, Access: authz.Login} }
	timed := func(from, until time.Duration, images ...string) authz.Rule {
		r := login(images...)
		if from != 0 {
			r.From = now.Add(from)
		}
		if until != 0 {
			r.Until = now.Add(until)
		}
		return r
	}
	for _, tt := range []struct {
		name  string
		rules []authz.Rule
		want  []string // in order, parts of the warnings about rules
	}{
		{"none", []authz.Rule{login("a/*"), login("a/**"), login("**/b")}, nil},
		{"the same again", []authz.Rule{login("a"), login("a")}, []string{"never decides: rule 1"}},
		{"within a folder", []authz.Rule{login("a/**"), login("a/b/c"), login("a/*/d", "a/b*")}, []string{"never decides: rule 1", "never decides: rule 1"}},
		{"behind all", []authz.Rule{login("**"), login("*/b"), login("**/c")}, []string{"never decides", "never decides"}},
		{"in part", []authz.Rule{login("a/**"), login("a/b", "b")}, []string{`"a/b" never counts`}},
		{"any depth", []authz.Rule{login("**/x"), login("x"), login("a/x"), login("a/**/x")}, []string{"never decides", "never decides", "never decides"}},
		{"a star does not cross", []authz.Rule{login("a/*"), login("a/**"), login("a/*/b")}, []string{"rule 2"}},
		{"a rule with a time shadows nothing", []authz.Rule{timed(0, time.Hour, "a/**"), login("a/b"), login("**")}, nil},
		{"over", []authz.Rule{timed(0, -time.Hour, "a/**")}, []string{"Its time ended on"}},
		{"nothing behind it", []authz.Rule{timed(time.Hour, 0, "a/**"), login("a/*")}, []string{`nothing is said of "a/**"`}},
		{"something behind it", []authz.Rule{timed(time.Hour, 0, "a/*"), login("a/**")}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := authz.Document{Items: tt.rules}
			p, err := doc.Compile(authz.Login)
			if err != nil {
				t.Fatal(err)
			}
			got := doc.Warnings(p, now)
			if len(got) != len(tt.want) {
				t.Fatalf("got %+v, want %d warnings", got, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i].Text, want) || got[i].Rule == 0 {
					t.Errorf("got %+v, want %q", got[i], want)
				}
			}
		})
	}
}

func TestWarningsOfDefinitions(t *testing.T) {
	doc := authz.Document{Definitions: definitions, Items: []authz.Rule{
		{Images: []string{"a"}, Collections: []string{"newspapers"}, Access: authz.Networks, Networks: []string{"reading-room"}},
	}}
	p, err := doc.Compile(authz.Login)
	if err != nil {
		t.Fatal(err)
	}
	if got := doc.Warnings(p, now); len(got) != 1 || !strings.Contains(got[0].Text, `terms "donor"`) {
		t.Errorf("got %+v", got)
	}
}

// A rule that is said never to decide never does.
func TestShadowedRulesNeverDecide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var doc authz.Document
		for range rapid.IntRange(2, 6).Draw(t, "rules") {
			r := authz.Rule{Images: []string{anyPattern().Draw(t, "image")}, Access: authz.Open}
			if _, err := authz.Compile([]authz.Rule{r}, authz.Deny); err == nil {
				doc.Items = append(doc.Items, r)
			}
		}
		p, err := doc.Compile(authz.Deny)
		if err != nil {
			t.Fatal(err)
		}
		never := map[string]bool{}
		for _, w := range doc.Warnings(p, now) {
			never[fmt.Sprintf("rule %d", w.Rule)] = true
		}
		for _, image := range rapid.SliceOfN(anyImage(), 1, 30).Draw(t, "images asked for") {
			if d := p.Decide(reader, image, now); never[d.Rule] {
				t.Fatalf("%s decides about %q among %v", d.Rule, image, doc.Items)
			}
		}
	})
}

// Every rule that names the image is told, in order, with its part.
func TestMatches(t *testing.T) {
	p := compile(
		t, authz.Login,
		authz.Rule{Name: "over", Images: []string{"a/**"}, Access: authz.Open, Until: now.Add(-time.Hour)},
		authz.Rule{Name: "to come", Images: []string{"a/**"}, Access: authz.Open, From: now.Add(time.Hour)},
		authz.Rule{Name: "elsewhere", Images: []string{"b/**"}, Access: authz.Open},
		authz.Rule{Name: "now", Images: []string{"a/x", "a/*"}, Access: authz.Deny, Until: now.Add(time.Hour)},
		authz.Rule{Name: "shadowed", Images: []string{"a/x"}, Access: authz.Open},
	)
	want := []string{"over: ended", "to come: counts from", "now: decides until", "shadowed: rule before it"}
	got := p.Matches("a/x", now)
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i, m := range got {
		rule, note, _ := strings.Cut(want[i], ": ")
		if m.Rule != rule || !strings.Contains(m.Note, note) || m.Decides != (rule == "now") {
			t.Errorf("got %+v, want %s", m, want[i])
		}
	}
}

// An image's own setting comes first among what there is about it, as it does where it
// is decided, and while its time is not the rules do.
func TestMatchesOfItems(t *testing.T) {
	p := compile(t, authz.Login, authz.Rule{Name: "open", Images: []string{"a/**"}, Access: authz.Open})
	items := authz.NewItems()
	for image, s := range map[string]authz.Setting{
		"a/closed":  {Access: authz.Deny},
		"a/for now": {Access: authz.Deny, Until: now.Add(time.Hour)},
		"a/over":    {Access: authz.Deny, Until: now.Add(-time.Hour)},
		"a/lost":    {Access: authz.Open, Terms: "gone"},
	} {
		if err := items.Set(image, s); err != nil {
			t.Fatal(err)
		}
	}
	p = p.With(items)
	for image, notes := range map[string][2]string{
		"a/closed":  {"before every rule", "the image's own setting does"},
		"a/for now": {"decides until", "the image's own setting does"},
		"a/over":    {"ended on", "the first that names"},
		"a/lost":    {"before every rule", "the image's own setting does"},
	} {
		got := p.Matches(image, now)
		if len(got) != 2 || got[0].Rule != authz.ItemRule || got[1].Rule != "open" {
			t.Fatalf("%s: %+v", image, got)
		}
		decides := p.Decide(reader, image, now).Rule
		for i, m := range got {
			if m.Decides != (m.Rule == decides) || !strings.Contains(m.Note, notes[i]) {
				t.Errorf("%s, decided by %s: %+v, want %q", image, decides, m, notes[i])
			}
		}
	}
	if got := p.Matches("a/x", now); len(got) != 1 || !got[0].Decides {
		t.Errorf("without a setting of its own: %+v", got)
	}
}
