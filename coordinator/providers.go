package coordinator

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/seal"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/claims"
)

// Provider is an OpenID provider by which people sign in, and what it may decide.
type Provider struct {
	oidc.Settings
	Claims  claims.Settings // what Mapping was made of, for administrators to read
	Hidden  bool            // no button: found by an address alone
	Domains []string        // of addresses whose people it speaks for, lower case
	Popup   bool            // not in the tab of a viewer, see window.go

	SignUp       people.SignUp
	DecidesAdmin bool // its mapping says who administers

	Refresh time.Duration // how often it is asked whether somebody may stay; 0: never
	Grace   time.Duration // how long it may be out of reach meanwhile; default 24 h

	KeepSignOut bool // who signs out here is not offered to sign out there
	SidEndsAll  bool // its word that one session ended ends all of the person
}

const defaultGrace = 24 * time.Hour

// ProvidersConfig is how people sign in by providers.
type ProvidersConfig struct {
	Providers []Provider    // none: nobody does
	Issuers   []TokenIssuer // whose access tokens edges take; here they are looked at alone
	Client    *http.Client  // that calls them; it decides what may be called
	Key       seal.Key      // their tokens are encrypted with
}

// TokenIssuer is a provider that makes access tokens for this server, as administrators
// see it.
type TokenIssuer struct {
	Name, Issuer, Label string
	Audiences           []string
	AnyType             bool
	Claims              claims.Settings
}

// providers is what the coordinator does with OpenID providers.
type providers struct {
	set      *oidc.Set
	settings map[string]Provider
	issuers  []TokenIssuer
	key      seal.Key
}

func newProviders(c ProvidersConfig, now func() time.Time, log *slog.Logger) (*providers, error) {
	p := &providers{settings: map[string]Provider{}, issuers: c.Issuers, key: c.Key}
	if len(c.Providers)+len(c.Issuers) > 0 && c.Client == nil {
		return nil, errors.New("coordinator: providers need a client to call them with")
	}
	all := make([]oidc.Settings, len(c.Providers))
	for i, settings := range c.Providers {
		if settings.Grace == 0 {
			settings.Grace = defaultGrace
		}
		all[i] = settings.Settings
		p.settings[settings.Name] = settings
	}
	addresses := make([]string, len(c.Issuers))
	for i, issuer := range c.Issuers {
		addresses[i] = issuer.Issuer
	}
	client := c.Client
	if client == nil {
		client = http.DefaultClient // calls nobody: there is nobody
	}
	var err error
	p.set, err = oidc.New(oidc.Config{Providers: all, Issuers: addresses, Client: client, Now: now, Log: log})
	return p, err
}

// clients lists them as sessions name them.
func (p *providers) clients() []people.Client {
	var all []people.Client
	for _, s := range p.settings {
		all = append(all, people.Client{Provider: s.Name, Issuer: s.Issuer})
	}
	return all
}

// ofAddress finds who speaks for the domain of an address, "" if nobody does. It looks at
// no account, so its answer tells nothing about any (R54).
func (p *providers) ofAddress(email string) string {
	_, domain, ok := strings.Cut(strings.ToLower(strings.TrimSpace(email)), "@")
	if !ok {
		return ""
	}
	for _, provider := range p.set.All() {
		if slices.Contains(p.settings[provider.Name].Domains, domain) {
			return provider.Name
		}
	}
	return ""
}

// buttons are the ways to sign in other than by password. The journey says where each
// leads in the end, wait how a page waits that some lead away from.
func (p *providers) buttons(j journey, wait web.Wait) []web.Button {
	var all []web.Button
	for _, provider := range p.set.All() {
		if !p.settings[provider.Name].Hidden {
			all = append(all, web.Button{Label: provider.Label, Link: j.start(provider.Name), Apart: p.apart(provider.Name, j, wait)})
		}
	}
	return all
}

func (p *providers) hasDomains() bool {
	for _, s := range p.settings {
		if len(s.Domains) > 0 {
			return true
		}
	}
	return false
}

// journey is where a sign-in by a provider ends. It is kept here while the browser is
// with the provider, and made of what was checked before (R43).
type journey struct {
	Next     string `json:"next,omitempty"`     // path to go on to
	Viewer   string `json:"viewer,omitempty"`   // origin of the viewer that asked, "" if it did not say
	Window   bool   `json:"window,omitempty"`   // ends on the page that closes itself
	LinkTo   string `json:"linkTo,omitempty"`   // id of the user who adds the provider
	LinkFrom string `json:"linkFrom,omitempty"` // id of the session she does it from
	Waiter   string `json:"waiter,omitempty"`   // page that waits for this window to end, "" for none

	LinkAdmin bool `json:"linkAdmin,omitempty"` // she left with an administrator's cookie
}

// start is the address of the page that sends the browser to a provider.
func (j journey) start(provider string) string {
	return "/auth/oidc/" + provider + "/start?" + j.query().Encode()
}

func (j journey) query() url.Values {
	q := url.Values{}
	switch {
	case j.Window && j.Viewer != "":
		q.Set("origin", j.Viewer)
		fallthrough
	case j.Window:
		q.Set("window", "yes")
	case j.Next != "":
		q.Set("next", j.Next)
	}
	if j.Waiter != "" {
		q.Set(waiterField, j.Waiter)
	}
	return q
}

// again is where somebody begins anew whose sign-in failed.
func (c *Coordinator) again(j journey) string {
	if j.LinkTo != "" {
		return waysPath
	}
	path, query := "/auth/login", j.query()
	if j.Window {
		path = "/auth/2/" + c.service + "/access"
		query.Del("window")
	}
	if query.Get("next") == "/" {
		query.Del("next")
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// showSignIn draws the sign-in page with all ways to sign in.
func (c *Coordinator) showSignIn(w http.ResponseWriter, r *http.Request, status int, form web.SignIn) {
	j := journey{Next: form.Next, Viewer: form.Origin, Window: form.Action != "/auth/login", Waiter: form.Waiter}
	form.Window = j.Window
	if j.Window {
		form.Wait = c.providers.wait(j, donePath)
	}
	form.Providers = c.providers.buttons(j, form.Wait)
	form.Find = c.providers.hasDomains()
	c.pages.ShowSignIn(w, r, status, form)
}

// findProvider leads somebody to the provider that speaks for her address.
func (c *Coordinator) findProvider(w http.ResponseWriter, r *http.Request) {
	if !c.readForm(w, r, maxForm) {
		return
	}
	if provenanceOf(r, c.base(r)) == elsewhere {
		c.fail(w, r, errCrossSite)
		return
	}
	viewer, ok := c.readViewer(w, r)
	if !ok {
		return
	}
	j := journey{Next: nextPath(r.PostFormValue("next")), Viewer: viewer.String(), Window: r.PostFormValue("window") != "", Waiter: waiterIn(r)}
	if name := c.providers.ofAddress(r.PostFormValue("email")); name != "" {
		c.showWayTo(w, r, name, j)
		return
	}
	form := web.SignIn{Action: "/auth/login", Next: j.Next, Origin: j.Viewer, Waiter: j.Waiter, Email: r.PostFormValue("email"), NotFound: true}
	if j.Window {
		form.Action = "/auth/2/" + c.service + "/access"
	}
	c.showSignIn(w, r, http.StatusOK, form)
}
