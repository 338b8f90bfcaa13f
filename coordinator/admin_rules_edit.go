package coordinator

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

func (c *Coordinator) getRulesForm(w http.ResponseWriter, r *http.Request, as people.Session) {
	set, err := c.people.Rules(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if len(set.Rules) > maxRulesOnPage {
		seeOther(w, rulesJSONPath)
		return
	}
	draft := web.RulesEdit{Revision: set.Revision, Definitions: indented(set.Definitions), Fallback: string(c.fallback)}
	for _, rule := range set.Rules {
		draft.Items = append(draft.Items, formOf(rule))
	}
	c.pages.ShowAdmin(w, r, http.StatusOK, adminOf(as), draft)
}

func (c *Coordinator) getRulesJSON(w http.ResponseWriter, r *http.Request, as people.Session) {
	set, err := c.people.Rules(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	d := set.Document()
	d.Items = append([]authz.Rule{}, d.Items...) // never null
	c.pages.ShowAdmin(w, r, http.StatusOK, adminOf(as), web.RulesEdit{
		AsJSON: true, Document: indented(d), Revision: set.Revision, Fallback: string(c.fallback),
	})
}

func indented(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("coordinator: " + err.Error()) // rules that came out of JSON
	}
	return string(text)
}

// draftIn reads what both editors have.
func (c *Coordinator) draftIn(r *http.Request) (web.RulesEdit, error) {
	revision, err := strconv.ParseInt(r.PostFormValue("revision"), 10, 64)
	if err != nil || revision < 0 {
		return web.RulesEdit{}, errBadForm
	}
	return web.RulesEdit{
		Revision: revision, Changed: true, Fallback: string(c.fallback),
		Samples: r.PostFormValue("samples"), Reader: r.PostFormValue("reader"),
	}, nil
}

// postRulesForm changes the order or length of the draft and shows it again, or does
// what drafts are for: half a change of rules must never be in force.
func (c *Coordinator) postRulesForm(w http.ResponseWriter, r *http.Request, as people.Session) {
	draft, err := c.draftIn(r)
	if err == nil {
		draft.Items, err = formsIn(r)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	draft.Definitions = r.PostFormValue("definitions")
	if do := r.PostFormValue("do"); do != "save" && do != "preview" {
		draft.Items, err = edited(draft.Items, do, wordsFor(r))
		c.showDraft(w, r, as, draft, err)
		return
	}
	say := wordsFor(r)
	d, readable, err := documentOf(&draft, say)
	switch {
	case err != nil:
		c.fail(w, r, err)
	case !readable || c.place(&draft, d, say):
		c.showDraft(w, r, as, draft, errFaultyRules)
	default:
		c.doRules(w, r, as, draft, d)
	}
}

var errFaultyRules = &people.Error{Kind: people.Invalid, Code: "faulty-rules"}

func (c *Coordinator) postRulesJSON(w http.ResponseWriter, r *http.Request, as people.Session) {
	draft, err := c.draftIn(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	draft.AsJSON, draft.Document = true, r.PostFormValue("document")
	var d authz.Document
	if draft.Fault = decodeStrictly(draft.Document, &d, wordsFor(r)); draft.Fault == "" {
		if _, err := d.Compile(c.fallback); err != nil {
			draft.Fault = sentence(err.Error())
		}
	}
	if draft.Fault != "" {
		c.showDraft(w, r, as, draft, errFaultyRules)
		return
	}
	c.doRules(w, r, as, draft, d)
}

// doRules shows what a sound draft would change, or puts it in force.
func (c *Coordinator) doRules(w http.ResponseWriter, r *http.Request, as people.Session, draft web.RulesEdit, d authz.Document) {
	if r.PostFormValue("do") == "save" {
		if _, err := c.people.ReplaceDocument(r.Context(), c.people.ActorOf(as), d, draft.Revision); err != nil {
			c.showDraft(w, r, as, draft, err)
			return
		}
		did(w, rulesPath, "rules-saved", "")
		return
	}
	say := wordsFor(r)
	warnings, err := c.people.Warnings(d, say)
	if err == nil {
		draft.Preview, err = c.preview(r.Context(), draft, d)
	}
	if err == nil {
		err = c.addUnmatched(r.Context(), draft.Preview, d)
	}
	for i := range draft.Items {
		draft.Items[i].Warnings = textsFor(warnings, i+1)
	}
	draft.Warnings = textsFor(warnings, 0)
	if draft.AsJSON {
		draft.Warnings = nil
		for _, x := range warnings {
			draft.Warnings = append(draft.Warnings, placed(x, say))
		}
	}
	c.showDraft(w, r, as, draft, err)
}

// addUnmatched says which rules of a draft name no image that there is now. It keeps
// nobody from putting them in force.
func (c *Coordinator) addUnmatched(ctx context.Context, p *web.Preview, d authz.Document) error {
	without, err := c.unmatched(ctx, d)
	if err != nil {
		return err
	}
	p.Unknown = without.Unknown
	for _, x := range without.Items[:min(len(without.Items), maxUnmatchedShown)] {
		p.Unmatched = append(p.Unmatched, nameOfRule(x.Rule-1, authz.Rule{Name: x.Name}, catalogue.From(ctx)))
	}
	p.MoreUnmatched = len(without.Items) - len(p.Unmatched)
	return nil
}

// maxUnmatchedShown is how many rules without images a preview names.
const maxUnmatchedShown = 20

// placed says which rule a warning is about.
func placed(x authz.Warning, say *catalogue.Words) string {
	if x.Rule == 0 {
		return x.Text
	}
	return nameOfRule(x.Rule-1, authz.Rule{Name: x.Name}, say) + ": " + x.Text
}

func (c *Coordinator) showDraft(w http.ResponseWriter, r *http.Request, as people.Session, draft web.RulesEdit, cause error) {
	status := http.StatusOK
	if cause != nil {
		status, draft.Problem = c.explain(r.Context(), w, cause)
	}
	c.pages.ShowAdmin(w, r, status, adminOf(as), draft)
}
