package config

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tessera-iiif/tessera/internal/claims"
	"github.com/tessera-iiif/tessera/internal/egress"
)

const (
	providersKey = "oidc"    // in the file
	flaggedName  = "default" // of the provider that flags set
	maxProviders = 100
)

// SignUp says who of a provider's people may come in the first time.
type SignUp string

// The values of SignUp. Whoever came once comes in by all of them.
const (
	SignUpEveryone SignUp = "everyone" // an account is made for them
	SignUpInvited  SignUp = "invited"  // those whom an administrator gave a link
	SignUpLinked   SignUp = "linked"   // those who signed in here otherwise and added the provider
)

// Provider is one OpenID provider, as the file has it below oidc:.
type Provider struct {
	Name         string `yaml:"name"`   // in URLs: a-z, 0-9, dash
	Issuer       string `yaml:"issuer"` // exactly as its tokens say
	ClientID     string `yaml:"client-id"`
	ClientSecret string `yaml:"client-secret"`      // "" for a client without one
	SecretFile   string `yaml:"client-secret-file"` // instead
	ClientAuth   string `yaml:"client-auth"`        // basic or post; default: what the provider says

	Label   string   `yaml:"label"`   // on the button; default: the issuer's host
	Hidden  bool     `yaml:"hidden"`  // no button: found by the domain of an address alone
	Domains []string `yaml:"domains"` // of addresses that lead here

	Scopes []string `yaml:"scopes"` // default openid profile email
	Prompt string   `yaml:"prompt"` // such as select_account, or login where browsers are shared
	SignUp SignUp   `yaml:"sign-up"`

	SkipUserInfo bool `yaml:"skip-userinfo"` // the ID token says everything
	Popup        bool `yaml:"popup"`         // its pages go into a window of their own where a viewer waits for the tab

	Refresh time.Duration `yaml:"refresh"` // how often the provider is asked whether somebody may stay; 0: never
	Grace   time.Duration `yaml:"grace"`   // how long it may be out of reach meanwhile; default 24h

	KeepSignOut bool `yaml:"keep-sign-out"` // people who sign out here are not offered to sign out there
	SidEndsAll  bool `yaml:"sid-ends-all"`  // back-channel logout of one session ends all of the person

	Claims claims.Settings `yaml:"claims"` // how what it says of people is read

	Audience     Texts `yaml:"audience"`       // what it calls this server in access tokens of API clients; none: they open nothing
	AnyTokenType bool  `yaml:"any-token-type"` // takes access tokens too whose header does not call them so
}

// readProviders reads the list below oidc:.
func (l *Loaded) readProviders(path string, node yaml.Node) error {
	text, err := yaml.Marshal(&node)
	if err != nil {
		return fmt.Errorf("%s:%d: %w", path, node.Line, err)
	}
	strict := yaml.NewDecoder(bytes.NewReader(text))
	strict.KnownFields(true)
	var providers []Provider
	if err := strict.Decode(&providers); err != nil {
		return fmt.Errorf("%s:%d: oidc is a list of providers, each with name, issuer and client-id: %w", path, node.Line, err)
	}
	for i := range providers {
		if err := providers[i].readSecret(); err != nil {
			return fmt.Errorf("%s: provider %q: %w", path, providers[i].Name, err)
		}
	}
	l.Providers = append(l.Providers, providers...)
	return nil
}

func (p *Provider) readSecret() error {
	if p.SecretFile == "" {
		return nil
	}
	if p.ClientSecret != "" {
		return errors.New("give client-secret or client-secret-file, not both")
	}
	text, err := os.ReadFile(p.SecretFile)
	if err != nil {
		return fmt.Errorf("client-secret-file: %w", err)
	}
	p.ClientSecret = strings.TrimSpace(string(text))
	return nil
}

// flaggedProvider puts the provider that flags set before all others. What the file says
// of a provider of that name besides holds for it.
func (l *Loaded) flaggedProvider() error {
	if l.OIDCIssuer == "" {
		if l.OIDCClientID != "" || l.OIDCSecret != "" || l.OIDCLabel != "" {
			return errors.New("--oidc-client-id, --oidc-client-secret and --oidc-label are about a provider: say which with --oidc-issuer")
		}
		return nil
	}
	p := Provider{Name: flaggedName}
	if i := slices.IndexFunc(l.Providers, func(p Provider) bool { return p.Name == flaggedName }); i >= 0 {
		p = l.Providers[i]
		l.Providers = slices.Delete(l.Providers, i, i+1)
	}
	p.Issuer, p.ClientID = l.OIDCIssuer, cmp.Or(l.OIDCClientID, p.ClientID)
	p.ClientSecret, p.Label = cmp.Or(l.OIDCSecret, p.ClientSecret), cmp.Or(l.OIDCLabel, p.Label)
	l.Providers = append([]Provider{p}, l.Providers...)
	return nil
}

func (s *Settings) validateProviders() error {
	var errs []error
	if len(s.Providers) > maxProviders {
		errs = append(errs, fmt.Errorf("oidc: more than %d providers", maxProviders))
	}
	seen := map[string]bool{}
	for _, p := range s.Providers {
		if err := p.validate(); err != nil {
			errs = append(errs, fmt.Errorf("oidc: provider %q: %w", p.Name, err))
		}
		// Two clients of one issuer are two ways for the same people; that is allowed.
		if seen[p.Name] {
			errs = append(errs, fmt.Errorf("oidc: two providers are called %q", p.Name))
		}
		seen[p.Name] = true
	}
	errs = append(errs, s.validateAudiences())
	if _, err := egress.ParseAllow(s.EgressAllow); err != nil {
		errs = append(errs, fmt.Errorf("--egress-allow %w", err))
	}
	if key, err := base64.StdEncoding.DecodeString(s.TokenKey); s.TokenKey != "" && (err != nil || len(key) != 32) {
		errs = append(errs, errors.New("--token-key: write 32 random bytes in base64, as `openssl rand -base64 32` makes them"))
	}
	return errors.Join(errs...)
}

var (
	providerName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)
	domainName   = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)
	scopeToken   = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+$`) // RFC 6749, 3.3
)

func (p Provider) validate() error {
	var errs []error
	wrong := func(is bool, sentence string) {
		if is {
			errs = append(errs, errors.New(sentence))
		}
	}
	wrong(!providerName.MatchString(p.Name), "its name stands in URLs: write a-z, 0-9 and dashes, 32 at most")
	wrong(p.ClientID == "" && len(p.Audience) == 0, "client-id is missing: it is what the provider calls this server")
	wrong(p.ClientAuth != "" && p.ClientAuth != "basic" && p.ClientAuth != "post", "client-auth: write basic or post")
	wrong(p.SignUp != "" && p.SignUp != SignUpEveryone && p.SignUp != SignUpInvited && p.SignUp != SignUpLinked, "sign-up: write everyone, invited or linked")
	wrong(p.Prompt != "" && !slices.Contains([]string{"login", "consent", "select_account"}, p.Prompt), "prompt: write login, consent or select_account")
	wrong(p.Hidden && len(p.Domains) == 0, "it is hidden and has no domains: nobody could find it")
	wrong(slices.ContainsFunc(p.Domains, func(d string) bool { return !domainName.MatchString(d) }), "domains: write them in lower case, such as example.edu")
	wrong(slices.ContainsFunc(p.Scopes, func(s string) bool { return !scopeToken.MatchString(s) }), "scopes: one word each, such as profile")
	wrong(len(p.Scopes) > 0 && !slices.Contains(p.Scopes, "openid"), "scopes: openid is missing")
	wrong(p.Refresh != 0 && (p.Refresh < time.Minute || p.Refresh > 7*24*time.Hour), "refresh: write 1m to 168h, or leave it out")
	wrong(p.Grace < 0 || p.Grace > 7*24*time.Hour, "grace: write 168h at most")
	return errors.Join(append(errs, p.validateIssuer(), p.validateTokens())...)
}

func (p Provider) validateIssuer() error {
	u, err := url.Parse(p.Issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("issuer: write the address that its discovery document gives as issuer, such as https://login.example.edu/realms/main")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())) {
		return errors.New("issuer: it has to be an https address; who can change what it says can sign in as anybody")
	}
	return nil
}

// IsDevelopment tells whether nothing but this machine is served: there is no public
// address, or it is this machine's own.
func (s *Settings) IsDevelopment() bool {
	return !slices.ContainsFunc(s.PublicURLs, func(raw string) bool {
		u, err := url.Parse(raw)
		return err != nil || !IsLoopback(u.Hostname())
	})
}
