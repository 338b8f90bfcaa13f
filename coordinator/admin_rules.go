package coordinator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/catalogue"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// maxRulesOnPage is how many rules a person can still oversee as a form.
const maxRulesOnPage = 200

// rulesSaved is said beside the rules, not at the top of the page.
const rulesSaved = "rules-saved"

// rulesInForce reads the rules as the overview shows them.
func (c *Coordinator) rulesInForce(r *http.Request) (web.Rules, error) {
	set, err := c.people.Rules(r.Context())
	if err != nil {
		return web.Rules{}, err
	}
	page := web.Rules{Revision: set.Revision, Fallback: string(c.fallback)}
	if len(set.Rules) > maxRulesOnPage {
		page.TooMany = len(set.Rules)
		return page, nil
	}
	for _, rule := range set.Rules {
		page.Items = append(page.Items, web.Rule{
			Name: rule.Name, Images: strings.Join(rule.Images, "\n"),
			Access: string(rule.Access), Groups: strings.Join(rule.Groups, ", "), Rest: restOf(rule),
		})
	}
	return page, nil
}

var errBadForm = &people.Error{Kind: people.Invalid, Code: "bad-form"}

// rulesIn reads the table of rules from its form.
func (c *Coordinator) rulesIn(r *http.Request) (web.Rules, error) {
	form := r.PostForm
	names, images, accesses, groups, rests := form["name"], form["images"], form["access"], form["groups"], form["rest"]
	n := len(names)
	revision, err := strconv.ParseInt(form.Get("revision"), 10, 64)
	if err != nil || revision < 0 || n > maxRulesOnPage || len(images) != n || len(accesses) != n || len(groups) != n || len(rests) != n {
		return web.Rules{}, errBadForm
	}
	draft := web.Rules{Revision: revision, Draft: true, Fallback: string(c.fallback)}
	for i := range n {
		draft.Items = append(draft.Items, web.Rule{Name: names[i], Images: images[i], Access: accesses[i], Groups: groups[i], Rest: rests[i]})
	}
	return draft, nil
}

// postRules saves the table, or changes its order or length and shows it again:
// half a change of rules must never be in force.
func (c *Coordinator) postRules(w http.ResponseWriter, r *http.Request, as people.Session) {
	draft, err := c.rulesIn(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if do := r.PostForm.Get("do"); do != "save" {
		draft.Items, err = edited(draft.Items, do)
		c.showDraft(w, r, as, draft, err)
		return
	}
	table, err := tableOf(draft.Items)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if _, err := c.people.ReplaceRules(r.Context(), actorOf(as), table, draft.Revision); err != nil {
		c.showDraft(w, r, as, draft, err)
		return
	}
	did(w, "/auth/admin/", rulesSaved, "#rules")
}

func (c *Coordinator) showDraft(w http.ResponseWriter, r *http.Request, as people.Session, draft web.Rules, cause error) {
	status := http.StatusOK
	if cause != nil {
		status, draft.Problem = c.explain(r.Context(), w, cause)
	}
	c.showOverview(w, r, as, status, web.Overview{Rules: draft, People: emptyPeople()})
}

// edited does what a button of the form says: "add", "up:2", "down:2", "remove:2".
func edited(rules []web.Rule, do string) ([]web.Rule, error) {
	if do == "add" {
		if len(rules) == maxRulesOnPage {
			return rules, &people.Error{Kind: people.Invalid, Code: "too-many-rules", Args: []any{maxRulesOnPage}}
		}
		name := catalogue.Text("rules.new-name", len(rules)+1)
		return append(rules, web.Rule{Name: name, Access: string(authz.Login)}), nil
	}
	verb, number, _ := strings.Cut(do, ":")
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(rules) {
		return rules, errBadForm
	}
	return moved(rules, verb, i)
}

func moved(rules []web.Rule, verb string, i int) ([]web.Rule, error) {
	switch {
	case verb == "remove":
		return slices.Delete(rules, i, i+1), nil
	case verb == "up" && i > 0:
		rules[i-1], rules[i] = rules[i], rules[i-1]
		return rules, nil
	case verb == "down" && i+1 < len(rules):
		rules[i], rules[i+1] = rules[i+1], rules[i]
		return rules, nil
	}
	return rules, errBadForm
}

func tableOf(rows []web.Rule) ([]authz.Rule, error) {
	rules := make([]authz.Rule, 0, len(rows))
	for _, row := range rows {
		rule, err := withRest(row.Rest)
		if err != nil {
			return nil, err
		}
		rule.Name, rule.Images = strings.TrimSpace(row.Name), splitList(row.Images, "\n")
		rule.Access, rule.Groups = authz.Access(row.Access), splitList(row.Groups, ",")
		rules = append(rules, rule)
	}
	return rules, nil
}

// restOf is what the form has no fields for. A rule that lost its networks or its time
// on the way through would open more than it was meant to.
func restOf(rule authz.Rule) string {
	rule.Name, rule.Images, rule.Access, rule.Groups = "", nil, "", nil
	return string(encode(rule))
}

func withRest(text string) (rule authz.Rule, err error) {
	if text == "" {
		return rule, nil // a new one
	}
	in := json.NewDecoder(strings.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&rule); err != nil {
		return rule, errBadForm
	}
	return rule, nil
}
