package coordinator

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/api"
	"github.com/tessera-iiif/tessera/coordinator/catalogue"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
)

const (
	providersPath = "/auth/admin/providers"
	maxTableShown = 10 // rows of a table of claims on a page
	openUpTo      = 2  // providers that are shown whole
)

func (c *Coordinator) providerPages() map[string]adminPage {
	return map[string]adminPage{
		"GET " + providersPath:                    c.getProviders,
		"POST " + providersPath + "/{name}/check": c.postCheckProvider,
		"POST " + providersPath + "/{name}/end":   c.postEndOfProvider,
	}
}

func (c *Coordinator) getProviders(w http.ResponseWriter, r *http.Request, as people.Session) {
	c.showProviders(w, r, as, http.StatusOK, web.Notices{Done: doneNotice(r)}, "")
}

// postCheckProvider shows what came of it in its own answer: another coordinator, to which
// a redirect may lead, would not know.
func (c *Coordinator) postCheckProvider(w http.ResponseWriter, r *http.Request, as people.Session) {
	found, err := c.checkProvider(r, actorOf(as), r.PathValue("name"))
	if err != nil {
		status, sentence := c.explain(r.Context(), w, err)
		c.showProviders(w, r, as, status, web.Notices{Problem: sentence}, "")
		return
	}
	c.showProviders(w, r, as, http.StatusOK, web.Notices{Done: catalogue.Text("providers.checked", found.Label, stateWords(found))}, found.Name)
}

func (c *Coordinator) postEndOfProvider(w http.ResponseWriter, r *http.Request, as people.Session) {
	name := r.PathValue("name")
	err := error(errNoProvider)
	if c.providers.set.Find(name) != nil {
		_, err = c.people.EndSessionsOf(r.Context(), actorOf(as), people.SessionFilter{Provider: &name})
	}
	if err != nil {
		status, sentence := c.explain(r.Context(), w, err)
		c.showProviders(w, r, as, status, web.Notices{Problem: sentence}, "")
		return
	}
	did(w, providersPath, "sessions-ended", "")
}

func (c *Coordinator) showProviders(w http.ResponseWriter, r *http.Request, as people.Session, status int, notices web.Notices, open string) {
	report, err := c.providerReport(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page := web.Providers{Notices: notices, By: report.By}
	for _, p := range report.Items {
		sheet := sheetOf(p)
		sheet.Open = p.Name == open || open == "" && (len(report.Items) <= openUpTo || p.State == providerFails)
		page.Items = append(page.Items, sheet)
	}
	web.ShowAdmin(w, status, adminOf(as), page)
}

func stateWords(p api.Provider) string {
	return catalogue.Text("providers.state." + p.State)
}

var providerStates = map[string]string{providerWorks: "good", providerAttention: "warn", providerFails: "bad"}

func sheetOf(p api.Provider) web.ProviderSheet {
	sheet := web.ProviderSheet{
		Name: p.Name, Label: p.Label, Issuer: p.Issuer, State: providerStates[p.State], StateText: stateWords(p), Notes: p.Notes,
		Here: []web.Fact{copied(p, "issuer", p.Issuer)}, Seen: seenFacts(p), Claims: claimFacts(p.Claims),
	}
	if sheet.Label == "" {
		sheet.Label = p.Name
	}
	if s := p.SignIn; s != nil {
		sheet.Here = append(sheet.Here, clientFacts(p, *s)...)
		sheet.Register = addressFacts(p, *s)
		sheet.SignsIn, sheet.Sessions, sheet.Use = true, s.Sessions, useFacts(*s)
	}
	if p.Tokens != nil {
		sheet.Here = append(sheet.Here, tokenFacts(p)...)
	}
	for _, x := range p.Warned {
		sheet.Warned = append(sheet.Warned, web.ClaimWarning{Text: x.Text, Count: x.Count, Last: x.Last})
	}
	return sheet
}

// fact is one line of a sheet. what is its name in the catalogue.
func fact(what, value string) web.Fact {
	return web.Fact{Label: catalogue.Text("providers.fact." + what), Value: value}
}

// copied is a fact that is to be written somewhere else, letter by letter.
func copied(p api.Provider, what, value string) web.Fact {
	f := fact(what, value)
	f.ID = p.Name + "-" + what
	return f
}

func listed(all []string) string { return strings.Join(all, ", ") }

func clientFacts(p api.Provider, s api.ProviderSignIn) []web.Fact {
	secret := catalogue.Text("providers.secret.no")
	if s.HasSecret {
		secret = catalogue.Text("providers.secret.yes")
	}
	refresh := catalogue.Text("providers.refresh.never")
	if s.RefreshEvery > 0 {
		refresh = catalogue.Text("providers.refresh.every", spanText(time.Duration(s.RefreshEvery)*time.Second))
	}
	facts := []web.Fact{copied(p, "client", s.ClientID), fact("secret", secret), fact("scopes", listed(s.Scopes))}
	if len(s.Domains) > 0 {
		facts = append(facts, fact("domains", listed(s.Domains)))
	}
	return append(facts, fact("sign-up", catalogue.Text("providers.sign-up."+s.SignUp)), fact("refresh", refresh))
}

// addressFacts are what a provider compares letter by letter.
func addressFacts(p api.Provider, s api.ProviderSignIn) (facts []web.Fact) {
	add := func(what string, all ...string) {
		for i, address := range all {
			f := copied(p, what, address)
			if i > 0 {
				f.ID += "-" + strconv.Itoa(i+1)
			}
			facts = append(facts, f)
		}
	}
	add("redirect", s.Redirect...)
	add("signed-out", s.SignedOut...)
	add("logout", s.Logout)
	return facts
}

func tokenFacts(p api.Provider) []web.Fact {
	kind := catalogue.Text("providers.tokens.typed")
	if p.Tokens.AnyType {
		kind = catalogue.Text("providers.tokens.any")
	}
	audience := fact("audience", listed(p.Tokens.Audiences))
	audience.Hint = kind
	return []web.Fact{audience}
}

func useFacts(s api.ProviderSignIn) []web.Fact {
	count := strconv.Itoa(s.SignIns)
	if s.Partial {
		count = catalogue.Text("providers.use.partial", s.SignIns)
	}
	last := catalogue.Text("providers.use.none")
	if !s.LastSignIn.IsZero() {
		last = inWords(s.LastSignIn)
	}
	facts := []web.Fact{fact("sign-ins", count), fact("last", last), fact("sessions", strconv.Itoa(s.Sessions))}
	facts[0].Hint = catalogue.Text("providers.use.days", s.Days)
	return facts
}
