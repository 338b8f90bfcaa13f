package main

import (
	"fmt"
	"path/filepath"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/seal"
	"github.com/tessera-iiif/tessera/internal/config"
	"github.com/tessera-iiif/tessera/internal/egress"
)

// providers are the ways to sign in besides passwords. A server without any makes no key.
func (s *server) providers() (c coordinator.ProvidersConfig, err error) {
	if len(s.settings.Providers) == 0 {
		return c, nil
	}
	allow, err := egress.ParseAllow(s.settings.EgressAllow)
	if err != nil {
		return c, fmt.Errorf("--egress-allow: %w", err)
	}
	c.Client = egress.NewClient(egress.Config{Allow: allow, Loopback: s.settings.IsDevelopment()})
	if c.Key, err = s.tokenKey(); err != nil {
		return c, fmt.Errorf("key of providers' tokens: %w", err)
	}
	for _, p := range s.settings.Providers {
		c.Providers = append(c.Providers, provider(p))
	}
	return c, nil
}

func (s *server) tokenKey() (seal.Key, error) {
	if s.settings.TokenKey != "" {
		return seal.ParseKey(s.settings.TokenKey)
	}
	if s.settings.DatabaseIsShared() {
		s.log.Warn("each coordinator has a key of its own for providers' tokens: give all of them the same --token-key, or none can ask providers about people who signed in at another")
	}
	return seal.KeyIn(filepath.Join(s.settings.Data, "keys"))
}

var signUps = map[config.SignUp]people.SignUp{
	config.SignUpEveryone: people.Everyone, config.SignUpInvited: people.Invited, config.SignUpLinked: people.Linked,
}

func provider(p config.Provider) coordinator.Provider {
	return coordinator.Provider{
		Settings: oidc.Settings{
			Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, ClientAuth: p.ClientAuth,
			Label: p.Label, Scopes: p.Scopes, Prompt: p.Prompt, SkipUserInfo: p.SkipUserInfo, Mapping: standardClaims,
		},
		Hidden: p.Hidden, Domains: p.Domains, SignUp: signUps[p.SignUp],
		Refresh: p.Refresh, Grace: p.Grace, KeepSignOut: p.KeepSignOut, SidEndsAll: p.SidEndsAll,
	}
}

// standardClaims reads the claims that OpenID Connect Core 1.0, 5.1, names, and groups.
func standardClaims(merged map[string]any) (p oidc.Person, warnings []string, err error) {
	p.Name, _ = merged["name"].(string)
	p.Email, _ = merged["email"].(string)
	p.EmailVerified, _ = merged["email_verified"].(bool)
	groups, _ := merged["groups"].([]any)
	for _, g := range groups {
		if name, ok := g.(string); ok {
			p.Groups = append(p.Groups, name)
		}
	}
	return p, nil, nil
}
