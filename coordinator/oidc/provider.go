// Package oidc signs people in by OpenID providers: it is the relying party of OpenID
// Connect Core 1.0 with the code flow, PKCE (S256), state, nonce and issuer checks of
// RFC 9700 and RFC 9207, and of back-channel and RP-initiated logout.
//
// It knows neither pages nor people: it says where to send a browser, and who came back.
// Providers are asked when they are needed and not before, so that one that is down
// keeps nothing from starting; every question has a bound in time and size.
package oidc

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Person is what a provider says about somebody, as the operator's mapping reads it.
type Person struct {
	Name          string
	Email         string
	EmailVerified bool
	Groups        []string
	Admin         bool
}

// Mapping reads claims: those of the ID token joined with those of userinfo, as
// encoding/json decodes an object. Warnings are sentences for administrators.
type Mapping func(merged map[string]any) (p Person, warnings []string, err error)

// Settings of one provider. Name, Issuer, ClientID and Mapping are needed.
type Settings struct {
	Name         string
	Issuer       string
	ClientID     string
	ClientSecret string // "" for a client without one
	ClientAuth   string // "basic", "post" or "": what the provider says
	Label        string // default: the issuer's host

	Scopes       []string // default openid profile email
	Prompt       string   // "" leaves it to the provider
	SkipUserInfo bool     // the ID token says everything

	Mapping Mapping
}

// Config of a Set. Client is needed: it decides what may be called.
type Config struct {
	Providers []Settings
	Issuers   []string // that are looked at besides
	Client    *http.Client
	Now       func() time.Time
	Log       *slog.Logger
}

// Set is the providers that are configured, in their order.
type Set struct {
	byName  map[string]*Provider
	all     []*Provider
	issuers map[string]*issuer
	client  *http.Client
}

// Provider is one client of one issuer. It is safe for concurrent use.
type Provider struct {
	Settings
	issuer *issuer
	now    func() time.Time
	log    *slog.Logger
	diary  diary
}

// New makes a set. It does no I/O.
func New(c Config) (*Set, error) {
	if c.Client == nil {
		return nil, errors.New("oidc: a client is needed")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	set := &Set{byName: map[string]*Provider{}, issuers: map[string]*issuer{}, client: c.Client}
	for _, s := range c.Providers {
		if s.Name == "" || s.ClientID == "" || s.Mapping == nil || set.byName[s.Name] != nil {
			return nil, errors.New("oidc: a provider needs a name of its own, a client id and a mapping")
		}
		p := &Provider{Settings: s.withDefaults(), issuer: set.issuerOf(s.Issuer, c), now: c.Now, log: c.Log.With("provider", s.Name)}
		p.issuer.signIn = true
		set.byName[s.Name] = p
		set.all = append(set.all, p)
	}
	for _, address := range c.Issuers {
		set.issuerOf(address, c)
	}
	return set, nil
}

// issuerOf is the one that all clients of an issuer share.
func (s *Set) issuerOf(address string, c Config) *issuer {
	if s.issuers[address] == nil {
		s.issuers[address] = newIssuer(address, c)
	}
	return s.issuers[address]
}

func (s Settings) withDefaults() Settings {
	if len(s.Scopes) == 0 {
		s.Scopes = []string{"openid", "profile", "email"}
	}
	if s.Label == "" {
		s.Label = s.Issuer
		if u, err := url.Parse(s.Issuer); err == nil && u.Host != "" {
			s.Label = u.Host
		}
	}
	return s
}

// All lists the providers.
func (s *Set) All() []*Provider { return slices.Clone(s.all) }

// Find finds a provider by name, nil if there is none.
func (s *Set) Find(name string) *Provider { return s.byName[name] }

// Close lets go of connections.
func (s *Set) Close() { s.client.CloseIdleConnections() }

// client is how x/oauth2 sees the provider; redirect is the exact address of our callback.
func (p *Provider) client(d *discovery, redirect string) *oauth2.Config {
	endpoint := d.provider.Endpoint()
	endpoint.AuthStyle = p.authStyle(d)
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: endpoint, RedirectURL: redirect, Scopes: p.Scopes,
	}
}

// authStyle is never left to trial: a code that was sent with the wrong one is spent.
func (p *Provider) authStyle(d *discovery) oauth2.AuthStyle {
	methods := d.AuthMethods
	switch {
	case p.ClientAuth == "post" || p.ClientSecret == "":
		return oauth2.AuthStyleInParams
	case p.ClientAuth == "basic" || len(methods) == 0 || slices.Contains(methods, "client_secret_basic"):
		return oauth2.AuthStyleInHeader
	case slices.ContainsFunc(methods, func(m string) bool { return strings.EqualFold(m, "client_secret_post") }):
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}
