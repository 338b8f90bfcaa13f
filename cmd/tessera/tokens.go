package main

import (
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/internal/claims"
	"github.com/tessera-iiif/tessera/internal/config"
	"github.com/tessera-iiif/tessera/internal/egress"
	"github.com/tessera-iiif/tessera/internal/oidctoken"
	"github.com/tessera-iiif/tessera/internal/ops"
)

// tokens verifies the access tokens of providers that name an audience, nil where none
// does: then nobody is asked for keys either.
func (s *server) tokens() (*oidctoken.Verifier, error) {
	providers := s.settings.TokenProviders()
	if len(providers) == 0 {
		return nil, nil //nolint:nilnil // nobody verifies where there is nothing to verify
	}
	allow, err := egress.ParseAllow(s.settings.EgressAllow)
	if err != nil {
		return nil, fmt.Errorf("--egress-allow: %w", err)
	}
	c := oidctoken.Config{
		Client: egress.NewClient(egress.Config{Allow: allow, Loopback: s.settings.IsDevelopment()}), Now: time.Now, Log: s.log,
	}
	for _, p := range providers {
		mapping, err := claims.New(p.Claims)
		if err != nil {
			return nil, fmt.Errorf("provider %q: %w", p.Name, err)
		}
		c.Issuers = append(c.Issuers, oidctoken.Issuer{Name: p.Name, URL: p.Issuer, Audiences: p.Audience, AnyType: p.AnyTokenType, Mapping: mapping})
	}
	verifier, err := oidctoken.New(c)
	if err != nil {
		return nil, err
	}
	s.parts = append(s.parts, ops.Part{Name: "keys of token issuers", Run: verifier.Run})
	return verifier, nil
}

// tokenIssuers says of whom coordinators let edges take access tokens. Of two providers
// of one issuer the stricter counts.
func tokenIssuers(providers []config.Provider) map[string]people.SignUp {
	issuers := map[string]people.SignUp{}
	for _, p := range providers {
		issuers[p.Issuer] = max(issuers[p.Issuer], signUps[p.SignUp])
	}
	return issuers
}
