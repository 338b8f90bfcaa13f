package oidc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"
)

const (
	discoveryTime = 6 * time.Second
	discoveryLife = 6 * time.Hour   // then it is read again; the old one holds until that succeeds
	firstRetry    = 2 * time.Second // after a failure, doubled each time
	lastRetry     = time.Minute
)

// issuer is what is known of one issuer, for all of its clients.
type issuer struct {
	url    string
	client *http.Client
	clock  *clockWatch
	now    func() time.Time
	seen   sight
	signIn bool // people do by it: else it is only looked at

	turn    chan struct{} // holds one who may read or change what follows
	known   *discovery
	keys    *keys
	failed  error // of the last try
	tries   int   // that failed, one after the other
	next    time.Time
	checked time.Time // when an administrator last had it asked
}

// discovery is what an issuer says of itself (OpenID Connect Discovery 1.0, 3).
type discovery struct {
	provider   *gooidc.Provider
	algorithms []string // of signatures: asymmetric ones alone

	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	EndSession  string   `json:"end_session_endpoint"`
	JWKS        string   `json:"jwks_uri"`
	SendsIssuer bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
	Algorithms  []string `json:"id_token_signing_alg_values_supported"`
	PKCE        []string `json:"code_challenge_methods_supported"` // RFC 8414
	TellsLogout bool     `json:"backchannel_logout_supported"`
}

func newIssuer(issuerURL string, c Config) *issuer {
	client := *c.Client
	clock := &clockWatch{next: client.Transport, issuer: issuerURL, now: c.Now, log: c.Log}
	client.Transport = clock
	return &issuer{url: issuerURL, client: &client, clock: clock, now: c.Now, turn: make(chan struct{}, 1)}
}

// context makes both libraries use our client.
func (i *issuer) context(ctx context.Context) context.Context {
	return gooidc.ClientContext(ctx, i.client)
}

// discover gives what the issuer says of itself, asking it if that is not known or old.
// While it does not answer, waiting people are told so at once.
func (i *issuer) discover(ctx context.Context) (*discovery, *keys, error) {
	select {
	case i.turn <- struct{}{}:
		defer func() { <-i.turn }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	now := i.now()
	switch {
	case now.Before(i.next) && i.known != nil:
		return i.known, i.keys, nil
	case now.Before(i.next):
		return nil, nil, i.failed
	}
	if err := i.learn(ctx, now); err != nil && i.known == nil {
		return nil, nil, err
	}
	return i.known, i.keys, nil
}

// learn asks the issuer, whose turn its caller has, and keeps what it says or that it
// says nothing.
func (i *issuer) learn(ctx context.Context, now time.Time) error {
	d, err := i.ask(ctx)
	if err != nil {
		i.failed, i.tries = err, i.tries+1
		i.next = now.Add(min(firstRetry<<min(i.tries-1, 10), lastRetry))
		i.seen.note(now, i.known, i.keys, err)
		return err
	}
	if i.known == nil || i.known.JWKS != d.JWKS || !slices.Equal(i.known.algorithms, d.algorithms) {
		i.keys = newKeys(d, i.client, i.now)
	}
	i.known, i.failed, i.tries, i.next = d, nil, 0, now.Add(discoveryLife)
	i.seen.note(now, i.known, i.keys, nil)
	return nil
}

// ask goes on when whoever wanted to know has left: others wait as well.
func (i *issuer) ask(ctx context.Context) (*discovery, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discoveryTime)
	defer cancel()
	provider, err := gooidc.NewProvider(i.context(ctx), i.url)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	d := &discovery{provider: provider}
	if err := provider.Claims(d); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	return d, d.check(i.signIn)
}

// trusted are the algorithms of signatures that need no shared secret.
var trusted = []string{
	gooidc.RS256, gooidc.RS384, gooidc.RS512, gooidc.ES256, gooidc.ES384, gooidc.ES512,
	gooidc.PS256, gooidc.PS384, gooidc.PS512, gooidc.EdDSA,
}

// check refuses what cannot be signed in by, and addresses that a browser or we must not
// be sent to. An issuer of access tokens needs nothing but keys.
func (d *discovery) check(signIn bool) error {
	needed := map[string]string{"jwks_uri": d.JWKS}
	if signIn {
		if err := d.trust(); err != nil {
			return err
		}
		endpoint := d.provider.Endpoint()
		needed["authorization_endpoint"], needed["token_endpoint"] = endpoint.AuthURL, endpoint.TokenURL
	}
	if d.EndSession != "" {
		needed["end_session_endpoint"] = d.EndSession
	}
	for name, address := range needed {
		if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
			return fmt.Errorf("discovery: %s is no web address: %w", name, errFalse)
		}
	}
	return nil
}

// trust picks the algorithms that ID tokens may be signed with.
func (d *discovery) trust() error {
	for _, a := range d.Algorithms {
		if slices.Contains(trusted, a) {
			d.algorithms = append(d.algorithms, a)
		}
	}
	if len(d.Algorithms) == 0 {
		d.algorithms = []string{gooidc.RS256} // which every provider has to have
	}
	if len(d.algorithms) == 0 {
		return fmt.Errorf("discovery: the provider signs ID tokens with no algorithm that can be trusted, such as RS256: %w", errFalse)
	}
	return nil
}

func (d *discovery) signatures() []jose.SignatureAlgorithm {
	all := make([]jose.SignatureAlgorithm, len(d.algorithms))
	for i, a := range d.algorithms {
		all[i] = jose.SignatureAlgorithm(a)
	}
	return all
}
