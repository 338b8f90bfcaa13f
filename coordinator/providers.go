package coordinator

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/catalogue"
	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/seal"
	"github.com/tessera-iiif/tessera/coordinator/web"
)

// Provider is an OpenID provider by which people sign in, and what it may decide.
type Provider struct {
	oidc.Settings
	Hidden  bool     // no button: found by an address alone
	Domains []string // of addresses whose people it speaks for, lower case

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
	Providers []Provider   // none: nobody does
	Client    *http.Client // that calls them; it decides what may be called
	Key       seal.Key     // their tokens are encrypted with
}

// providers is what the coordinator does with OpenID providers.
type providers struct {
	set      *oidc.Set
	settings map[string]Provider
	key      seal.Key
}

func newProviders(c ProvidersConfig, now func() time.Time, log *slog.Logger) (*providers, error) {
	p := &providers{settings: map[string]Provider{}, key: c.Key}
	if len(c.Providers) > 0 && c.Client == nil {
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
	client := c.Client
	if client == nil {
		client = http.DefaultClient // calls nobody: there is nobody
	}
	var err error
	p.set, err = oidc.New(oidc.Config{Providers: all, Client: client, Now: now, Log: log})
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
// leads in the end.
func (p *providers) buttons(j journey) []web.Button {
	var all []web.Button
	for _, provider := range p.set.All() {
		if !p.settings[provider.Name].Hidden {
			all = append(all, web.Button{Label: provider.Label, Link: j.start(provider.Name)})
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
	return q
}

// again is where somebody begins anew whose sign-in failed.
func (c *Coordinator) again(j journey) string {
	switch {
	case j.LinkTo != "":
		return waysPath
	case j.Window && j.Viewer != "":
		return "/auth/2/" + c.service + "/access?" + url.Values{"origin": {j.Viewer}}.Encode()
	case j.Window:
		return "/auth/2/" + c.service + "/access"
	case j.Next != "" && j.Next != "/":
		return "/auth/login?" + url.Values{"next": {j.Next}}.Encode()
	}
	return "/auth/login"
}

// showSignIn draws the sign-in page with all ways to sign in.
func (c *Coordinator) showSignIn(w http.ResponseWriter, status int, form web.SignIn) {
	j := journey{Next: form.Next, Viewer: form.Origin, Window: form.Action != "/auth/login"}
	form.Window = j.Window
	form.Providers = c.providers.buttons(j)
	form.Find = c.providers.hasDomains()
	web.ShowSignIn(w, status, form)
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
	j := journey{Next: nextPath(r.PostFormValue("next")), Viewer: viewer.String(), Window: r.PostFormValue("window") != ""}
	if name := c.providers.ofAddress(r.PostFormValue("email")); name != "" {
		web.ShowOnward(w, web.Onward{Sentence: catalogue.Text("onward.provider", c.providers.set.Find(name).Label), Next: j.start(name)})
		return
	}
	form := web.SignIn{Action: "/auth/login", Next: j.Next, Origin: j.Viewer, Email: r.PostFormValue("email"), NotFound: true}
	if j.Window {
		form.Action = "/auth/2/" + c.service + "/access"
	}
	c.showSignIn(w, http.StatusOK, form)
}
