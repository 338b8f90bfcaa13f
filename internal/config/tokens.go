package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/tessera-iiif/tessera/internal/claims"
)

const (
	maxAudiences = 20
	maxAudience  = 500 // bytes
)

// Texts is one text or a list of them.
type Texts []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *Texts) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*t = Texts{node.Value}
		return nil
	}
	return node.Decode((*[]string)(t))
}

// SignInProviders are those by which people sign in.
func (s *Settings) SignInProviders() []Provider {
	return slices.DeleteFunc(slices.Clone(s.Providers), func(p Provider) bool { return p.ClientID == "" })
}

// TokenProviders are those whose access tokens open images for API clients.
func (s *Settings) TokenProviders() []Provider {
	return slices.DeleteFunc(slices.Clone(s.Providers), func(p Provider) bool { return len(p.Audience) == 0 })
}

// foreignProviders keeps secrets from processes that do not sign people in. An edge
// verifies access tokens, which takes none.
func (l *Loaded) foreignProviders() error {
	var errs []error
	for _, p := range l.Providers {
		switch {
		case l.Role == Serve || l.Role == Coordinator:
		case l.Role != Edge:
			errs = append(errs, fmt.Errorf("%s (from %s) is not for %s: serve, edge, coordinator may have it; take it away here", providersKey, FromFile, article(l.Role)))
		case p.ClientSecret != "":
			errs = append(errs, fmt.Errorf("%s: the client secret of provider %q (from %s) is not for an edge, which needs name, issuer, audience and claims alone; take it away here", providersKey, p.Name, FromFile))
		}
	}
	return errors.Join(errs...)
}

// validateTokens checks how a provider's claims and access tokens are read.
func (p Provider) validateTokens() error {
	_, err := claims.New(p.Claims)
	errs := []error{err}
	if len(p.Audience) > maxAudiences || slices.ContainsFunc(p.Audience, isNoAudience) {
		errs = append(errs, fmt.Errorf("audience: write what the provider calls this server in access tokens, such as https://iiif.example.edu, %d at most", maxAudiences))
	}
	if p.AnyTokenType && len(p.Audience) == 0 {
		errs = append(errs, errors.New("any-token-type is about access tokens: say for which audience"))
	}
	return errors.Join(errs...)
}

func isNoAudience(text string) bool {
	return text == "" || len(text) > maxAudience || strings.ContainsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) })
}

// validateAudiences keeps ID tokens apart from access tokens: the audience of an ID token
// is the client.
func (s *Settings) validateAudiences() error {
	var errs []error
	for _, p := range s.Providers {
		for _, client := range s.Providers {
			if p.Issuer == client.Issuer && slices.Contains(p.Audience, client.ClientID) {
				errs = append(errs, fmt.Errorf("oidc: provider %q: the audience %s is also a client-id, so that ID tokens would be as good as access tokens; have the provider call this server something else as a resource", p.Name, client.ClientID))
			}
		}
	}
	return errors.Join(errs...)
}

// summary is a provider in a line, without its secret.
func (p Provider) summary() string {
	text := p.Issuer
	if p.ClientID != "" {
		text += " as " + p.ClientID
	}
	if len(p.Audience) > 0 {
		text += ", access tokens for " + strings.Join(p.Audience, ", ")
	}
	return text
}
