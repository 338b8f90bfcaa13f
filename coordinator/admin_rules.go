package coordinator

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

const (
	rulesPath     = "/auth/admin/rules"
	rulesEditPath = "/auth/admin/rules/edit"
	rulesJSONPath = "/auth/admin/rules/json"
)

const (
	// maxRulesOnPage is how many rules a person can still oversee as a form.
	maxRulesOnPage = 200
	maxRulesInList = 200 // on one page of the table
	maxPatterns    = 4   // of a rule, in the table
)

func (c *Coordinator) rulePages() map[string]adminPage {
	return map[string]adminPage{
		"GET " + rulesPath:      c.getRules,
		"GET " + rulesEditPath:  c.getRulesForm,
		"POST " + rulesEditPath: c.postRulesForm,
		"GET " + rulesJSONPath:  c.getRulesJSON,
		"POST " + rulesJSONPath: c.postRulesJSON,
	}
}

// getRules shows the table. Rules have places, so its pages go by them.
func (c *Coordinator) getRules(w http.ResponseWriter, r *http.Request, as people.Session) {
	set, err := c.people.Rules(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	say := wordsFor(r)
	warnings, err := c.people.Warnings(set.Document(), say)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page := web.Rules{
		Notices: web.Notices{Done: doneNotice(r)}, Search: asked(r, "q"), Total: len(set.Rules),
		Fallback: string(c.fallback), Form: len(set.Rules) <= maxRulesOnPage, Warnings: textsFor(warnings, 0),
	}
	without, err := c.unmatched(r.Context(), set.Document())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page.Unknown = without.Unknown
	from, _ := strconv.Atoi(r.URL.Query().Get("from"))
	for i, rule := range set.Rules {
		if i < from || !mentions(rule, strings.ToLower(page.Search)) {
			continue
		}
		if len(page.Items) == maxRulesInList {
			page.Next = rulesPath + "?" + url.Values{"q": {page.Search}, "from": {strconv.Itoa(i)}}.Encode()
			break
		}
		line := lineOf(i, rule, say)
		line.Warnings, line.Unmatched = textsFor(warnings, i+1), textsFor(without.Items, i+1)
		page.Items = append(page.Items, line)
	}
	if from > 0 {
		page.First = rulesPath + "?" + url.Values{"q": {page.Search}}.Encode()
	}
	c.pages.ShowAdmin(w, r, http.StatusOK, adminOf(as), page)
}

// mentions tells whether a rule has a text in its name or in what it names.
func mentions(rule authz.Rule, text string) bool {
	if text == "" {
		return true
	}
	all := slices.Concat([]string{rule.Name, rule.Terms, string(rule.Access)}, rule.Images, rule.Collections, rule.Groups, rule.Networks)
	return slices.ContainsFunc(all, func(s string) bool { return strings.Contains(strings.ToLower(s), text) })
}

// textsFor are the warnings about the rule at a place, 0 for those about none.
func textsFor(warnings []authz.Warning, place int) (texts []string) {
	for _, x := range warnings {
		if x.Rule == place {
			texts = append(texts, x.Text)
		}
	}
	return texts
}

func nameOfRule(i int, rule authz.Rule, say *catalogue.Words) string {
	if rule.Name != "" {
		return rule.Name
	}
	return say.Text("rules.unnamed", i+1)
}

func lineOf(i int, rule authz.Rule, say *catalogue.Words) web.RuleLine {
	images := slices.Clone(rule.Images)
	for _, name := range rule.Collections {
		images = append(images, say.Text("rules.collection-of", name))
	}
	shown := images[:min(len(images), maxPatterns)]
	return web.RuleLine{
		Place: i + 1, Name: nameOfRule(i, rule, say), Images: shown, More: len(images) - len(shown),
		Access: string(rule.Access), Groups: rule.Groups, Notes: notesOn(rule, say),
	}
}

// notesOn says what else a rule does.
func notesOn(rule authz.Rule, say *catalogue.Words) (notes []string) {
	note := func(text string) { notes = append(notes, text) }
	if len(rule.Networks) > 0 {
		note(say.Text("rules.note.networks", strings.Join(rule.Networks, ", ")))
	}
	if !rule.From.IsZero() {
		note(say.Text("rules.note.from", say.When(rule.From)))
	}
	if !rule.Until.IsZero() {
		note(say.Text("rules.note.until", say.When(rule.Until)))
	}
	if rule.Terms != "" {
		note(say.Text("rules.note.terms", rule.Terms))
	}
	if rule.Tier != nil {
		note(tierText(*rule.Tier, say))
	}
	if rule.ViewOnly {
		note(say.Text("rules.note.view-only"))
	}
	return notes
}

func tierText(t authz.Tier, say *catalogue.Words) string {
	switch {
	case t.Scale > 0 && t.Side > 0:
		return say.Text("rules.note.tier-both", t.Scale, t.Side)
	case t.Scale > 0:
		return say.Text("rules.note.tier-scale", t.Scale)
	}
	return say.Text("rules.note.tier-side", t.Side)
}

// sentence makes one of what a check says.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%s%s.", strings.ToUpper(text[:1]), strings.TrimSuffix(text[1:], "."))
}
