package main

import (
	"fmt"
	"path/filepath"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/seal"
	"github.com/tessera-iiif/tessera/internal/claims"
	"github.com/tessera-iiif/tessera/internal/config"
	"github.com/tessera-iiif/tessera/internal/egress"
)

// providers are the ways to sign in besides passwords. A server without any makes no key.
func (s *server) providers() (c coordinator.ProvidersConfig, err error) {
	all := s.settings.SignInProviders()
	c.Issuers = shownIssuers(s.settings.TokenProviders())
	if len(all)+len(c.Issuers) == 0 {
		return c, nil
	}
	allow, err := egress.ParseAllow(s.settings.EgressAllow)
	if err != nil {
		return c, fmt.Errorf("--egress-allow: %w", err)
	}
	c.Client = egress.NewClient(egress.Config{Allow: allow, Loopback: s.settings.IsDevelopment()})
	if len(all) == 0 {
		return c, nil
	}
	if c.Key, err = s.tokenKey(); err != nil {
		return c, fmt.Errorf("key of providers' tokens: %w", err)
	}
	for _, p := range all {
		mapping, err := mappingOf(p)
		if err != nil {
			return c, err
		}
		c.Providers = append(c.Providers, provider(p, mapping))
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

func provider(p config.Provider, mapping oidc.Mapping) coordinator.Provider {
	return coordinator.Provider{
		Settings: oidc.Settings{
			Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, ClientAuth: p.ClientAuth,
			Label: p.Label, Scopes: p.Scopes, Prompt: p.Prompt, SkipUserInfo: p.SkipUserInfo, Mapping: mapping,
		},
		Claims: p.Claims, Hidden: p.Hidden, Domains: p.Domains, SignUp: signUps[p.SignUp], DecidesAdmin: p.Claims.Administrators != "",
		Refresh: p.Refresh, Grace: p.Grace, Popup: p.Popup, KeepSignOut: p.KeepSignOut, SidEndsAll: p.SidEndsAll,
	}
}

// shownIssuers are those of access tokens, as administrators see them.
func shownIssuers(all []config.Provider) []coordinator.TokenIssuer {
	shown := make([]coordinator.TokenIssuer, len(all))
	for i, p := range all {
		shown[i] = coordinator.TokenIssuer{Name: p.Name, Issuer: p.Issuer, Label: p.Label, Audiences: p.Audience, AnyType: p.AnyTokenType, Claims: p.Claims}
	}
	return shown
}

// mappingOf reads claims as the provider's settings say.
func mappingOf(p config.Provider) (oidc.Mapping, error) {
	m, err := claims.New(p.Claims)
	if err != nil {
		return nil, fmt.Errorf("provider %q: %w", p.Name, err)
	}
	return func(merged map[string]any) (oidc.Person, []string, error) {
		who, warnings, err := claims.Map(m, merged)
		sentences := make([]string, len(warnings))
		for i, w := range warnings {
			sentences[i] = w.String()
		}
		return oidc.Person{Name: who.Name, Email: who.Email, EmailVerified: who.EmailVerified, Groups: who.Groups, Admin: who.Admin}, sentences, err
	}, nil
}
