package coordinator

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/api"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
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
	found, err := c.checkProvider(r, c.people.ActorOf(as), r.PathValue("name"))
	if err != nil {
		status, sentence := c.explain(r.Context(), w, err)
		c.showProviders(w, r, as, status, web.Notices{Problem: sentence}, "")
		return
	}
	say := sheets{wordsFor(r)}
	c.showProviders(w, r, as, http.StatusOK, web.Notices{Done: say.Text("providers.checked", found.Label, say.stateWords(found))}, found.Name)
}

func (c *Coordinator) postEndOfProvider(w http.ResponseWriter, r *http.Request, as people.Session) {
	name := r.PathValue("name")
	err := error(errNoProvider)
	if c.providers.set.Find(name) != nil {
		_, err = c.people.EndSessionsOf(r.Context(), c.people.ActorOf(as), people.SessionFilter{Provider: &name})
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
		sheet := sheets{wordsFor(r)}.sheetOf(p)
		sheet.Open = p.Name == open || open == "" && (len(report.Items) <= openUpTo || p.State == providerFails)
		page.Items = append(page.Items, sheet)
	}
	c.pages.ShowAdmin(w, r, status, adminOf(as), page)
}

// sheets puts what is known of providers into a reader's words.
type sheets struct{ *catalogue.Words }

func (say sheets) stateWords(p api.Provider) string {
	return say.Text("providers.state." + p.State)
}

var providerStates = map[string]string{providerWorks: "good", providerAttention: "warn", providerFails: "bad"}

func (say sheets) sheetOf(p api.Provider) web.ProviderSheet {
	sheet := web.ProviderSheet{
		Name: p.Name, Label: p.Label, Issuer: p.Issuer, State: providerStates[p.State], StateText: say.stateWords(p), Notes: p.Notes,
		Here: []web.Fact{say.copied(p, "issuer", p.Issuer)}, Seen: say.seenFacts(p), Claims: say.claimFacts(p.Claims),
	}
	if sheet.Label == "" {
		sheet.Label = p.Name
	}
	if s := p.SignIn; s != nil {
		sheet.Here = append(sheet.Here, say.clientFacts(p, *s)...)
		sheet.Register = say.addressFacts(p, *s)
		sheet.SignsIn, sheet.Sessions, sheet.Use = true, s.Sessions, say.useFacts(*s)
	}
	if p.Tokens != nil {
		sheet.Here = append(sheet.Here, say.tokenFacts(p)...)
	}
	for _, x := range p.Warned {
		sheet.Warned = append(sheet.Warned, web.ClaimWarning{Text: x.Text, Count: x.Count, Last: x.Last})
	}
	return sheet
}

// fact is one line of a sheet. what is its name in the catalogue.
func (say sheets) fact(what, value string) web.Fact {
	return web.Fact{Label: say.Text("providers.fact." + what), Value: value}
}

// copied is a fact that is to be written somewhere else, letter by letter.
func (say sheets) copied(p api.Provider, what, value string) web.Fact {
	f := say.fact(what, value)
	f.ID = p.Name + "-" + what
	return f
}

func listed(all []string) string { return strings.Join(all, ", ") }

func (say sheets) clientFacts(p api.Provider, s api.ProviderSignIn) []web.Fact {
	secret := say.Text("providers.secret.no")
	if s.HasSecret {
		secret = say.Text("providers.secret.yes")
	}
	refresh := say.Text("providers.refresh.never")
	if s.RefreshEvery > 0 {
		refresh = say.Text("providers.refresh.every", spanText(time.Duration(s.RefreshEvery)*time.Second, say.Words))
	}
	facts := []web.Fact{say.copied(p, "client", s.ClientID), say.fact("secret", secret), say.fact("scopes", listed(s.Scopes))}
	if len(s.Domains) > 0 {
		facts = append(facts, say.fact("domains", listed(s.Domains)))
	}
	return append(facts, say.fact("sign-up", say.Text("providers.sign-up."+s.SignUp)), say.fact("refresh", refresh), say.windowFact(s))
}

// windowFact is where its pages open for readers whose viewer waits for a tab.
func (say sheets) windowFact(s api.ProviderSignIn) web.Fact {
	if s.Popup {
		return say.fact("window", say.Text("providers.window.own"))
	}
	return say.fact("window", say.Text("providers.window.same"))
}

// addressFacts are what a provider compares letter by letter.
func (say sheets) addressFacts(p api.Provider, s api.ProviderSignIn) (facts []web.Fact) {
	add := func(what string, all ...string) {
		for i, address := range all {
			f := say.copied(p, what, address)
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

func (say sheets) tokenFacts(p api.Provider) []web.Fact {
	kind := say.Text("providers.tokens.typed")
	if p.Tokens.AnyType {
		kind = say.Text("providers.tokens.any")
	}
	audience := say.fact("audience", listed(p.Tokens.Audiences))
	audience.Hint = kind
	return []web.Fact{audience}
}

func (say sheets) useFacts(s api.ProviderSignIn) []web.Fact {
	count := strconv.Itoa(s.SignIns)
	if s.Partial {
		count = say.Text("providers.use.partial", s.SignIns)
	}
	last := say.Text("providers.use.none")
	if !s.LastSignIn.IsZero() {
		last = say.When(s.LastSignIn)
	}
	facts := []web.Fact{say.fact("sign-ins", count), say.fact("last", last), say.fact("sessions", strconv.Itoa(s.Sessions))}
	facts[0].Hint = say.Text("providers.use.days", s.Days)
	return facts
}
