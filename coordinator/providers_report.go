package coordinator

import (
	"net/http"
	"slices"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/api"
	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/claims"
)

// The states of a provider.
const (
	providerWorks     = "works"
	providerAttention = "attention"
	providerFails     = "fails"
	providerUnasked   = "unasked"
)

// providerReport is every provider as this coordinator sees it. It asks none.
func (c *Coordinator) providerReport(r *http.Request) (api.Providers, error) {
	report := api.Providers{By: c.name, Items: []api.Provider{}}
	use, partial, err := c.people.ProvidersUse(r.Context())
	if err != nil {
		return report, err
	}
	sites, words := c.addresses(r), wordsFor(r)
	for _, p := range c.providers.set.All() {
		one := c.shownProvider(p.Issuer, p.Name, p.Label, c.providers.settings[p.Name].Claims, words)
		one.SignIn = c.signInBy(p, sites, use[p.Name], partial)
		addLately(&one, p.Lately(), words)
		report.Items = append(report.Items, one)
	}
	for _, t := range c.providers.issuers {
		i := slices.IndexFunc(report.Items, func(p api.Provider) bool { return p.Name == t.Name })
		if i < 0 {
			i, report.Items = len(report.Items), append(report.Items, c.shownProvider(t.Issuer, t.Name, t.Label, t.Claims, words))
		}
		report.Items[i].Tokens = &api.ProviderTokens{Audiences: t.Audiences, AnyType: t.AnyType, Edges: c.edgesWith(t.Issuer)}
	}
	for i := range report.Items {
		judge(&report.Items[i], words)
	}
	return report, nil
}

// addresses are the public ones: redirects come back to the one they left from.
func (c *Coordinator) addresses(r *http.Request) (all []string) {
	for _, site := range c.sites {
		all = append(all, site.String())
	}
	if len(all) == 0 {
		all = append(all, c.base(r).String())
	}
	return all
}

var errNoProvider = &people.Error{Kind: people.NotFound, Code: "provider-unknown"}

// checkProvider asks a provider now and tells what came of it.
func (c *Coordinator) checkProvider(r *http.Request, actor people.Actor, name string) (api.Provider, error) {
	issuer := c.issuerOf(name)
	if issuer == "" {
		return api.Provider{}, errNoProvider
	}
	c.log.InfoContext(r.Context(), "a provider is looked at", "provider", name, "by", actor.UserID)
	if err := c.providers.set.Check(r.Context(), issuer); err != nil {
		return api.Provider{}, err
	}
	report, err := c.providerReport(r)
	if err != nil {
		return api.Provider{}, err
	}
	i := slices.IndexFunc(report.Items, func(p api.Provider) bool { return p.Name == name })
	return report.Items[i], nil
}

// issuerOf is the issuer of a provider's name, "" if nothing is called so.
func (c *Coordinator) issuerOf(name string) string {
	if p := c.providers.set.Find(name); p != nil {
		return p.Issuer
	}
	i := slices.IndexFunc(c.providers.issuers, func(t TokenIssuer) bool { return t.Name == name })
	if i < 0 {
		return ""
	}
	return c.providers.issuers[i].Issuer
}

func (c *Coordinator) shownProvider(issuer, name, label string, read claims.Settings, words *catalogue.Words) api.Provider {
	seen, _ := c.providers.set.Status(issuer) // the set was made of these
	p := api.Provider{
		Name: name, Label: label, Issuer: issuer, By: c.name, Claims: shownClaims(read.Spelt()),
		Discovery: api.ProviderRead{Asked: seen.Asked, Read: seen.Read, Failing: seen.Failing, Failure: shownFailure(issuer, seen.Failure, words)},
		Keys:      api.ProviderKeys{Count: seen.Keys, Read: seen.KeysRead, Failure: shownFailure(issuer, seen.KeysFailure, words)},
		PKCE:      string(seen.PKCE), EndsSession: seen.EndsSession, TellsLogout: seen.TellsLogout,
		Notes: []string{}, Warned: []api.ClaimWarning{},
	}
	if !seen.Compared.IsZero() {
		p.Clock = &api.ProviderClock{Ahead: int(seen.Ahead.Round(time.Second).Seconds()), Compared: seen.Compared}
	}
	return p
}

func shownFailure(issuer string, f *oidc.Failure, words *catalogue.Words) *api.ProviderFailure {
	if f == nil {
		return nil
	}
	return &api.ProviderFailure{At: f.At, Reason: string(f.Reason), Detail: f.Detail, Sentence: failureText(issuer, *f, words)}
}

func shownClaims(s claims.Settings) api.ProviderClaims {
	shown := api.ProviderClaims{
		Name: s.Name, Email: s.Email, Groups: s.Groups, GroupPrefix: s.GroupPrefix, Administrators: s.Administrators,
		Affiliations: append([]string{}, s.AffiliationScopes...), Entitlements: []api.ClaimEntitlement{}, Table: []api.ClaimTable{},
	}
	for _, e := range s.Entitlements {
		shown.Entitlements = append(shown.Entitlements, api.ClaimEntitlement{Namespace: e.Namespace, Authorities: append([]string{}, e.Authorities...)})
	}
	for _, row := range s.Table {
		shown.Table = append(shown.Table, api.ClaimTable(row))
	}
	return shown
}

var signUpWords = map[people.SignUp]string{people.Everyone: "everyone", people.Invited: "invited", people.Linked: "linked"}

func (c *Coordinator) signInBy(p *oidc.Provider, sites []string, use people.ProviderUse, partial bool) *api.ProviderSignIn {
	settings := c.providers.settings[p.Name]
	s := &api.ProviderSignIn{
		ClientID: p.ClientID, HasSecret: p.ClientSecret != "", ClientAuth: p.ClientAuth, Scopes: p.Scopes,
		Domains: append([]string{}, settings.Domains...), Hidden: settings.Hidden, SignUp: signUpWords[settings.SignUp],
		RefreshEvery: int(settings.Refresh.Seconds()), DecidesAdmin: settings.DecidesAdmin, Popup: settings.Popup,
		Logout:   sites[0] + providerPath(p.Name) + "/backchannel-logout",
		Sessions: use.Sessions, SignIns: use.SignIns, Partial: partial, LastSignIn: use.Last, Days: int(people.UseSince.Hours() / 24),
	}
	for _, site := range sites {
		s.Redirect = append(s.Redirect, site+providerPath(p.Name)+"/callback")
		s.SignedOut = append(s.SignedOut, site+"/auth/signed-out")
	}
	return s
}

func providerPath(name string) string { return "/auth/oidc/" + name }

func addLately(p *api.Provider, l oidc.Lately, words *catalogue.Words) {
	p.SignIn.Arrived = l.Arrived
	if l.Trouble != nil {
		p.Trouble = &api.ProviderTrouble{At: l.Trouble.At, Sentence: troubleText(l.Trouble.Kind, words)}
	}
	for _, w := range l.Warned {
		p.Warned = append(p.Warned, api.ClaimWarning(w))
	}
}
