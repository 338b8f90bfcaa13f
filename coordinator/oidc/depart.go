package oidc

import (
	"context"
	"crypto/rand"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Departure is what has to be known when a browser comes back from a provider.
type Departure struct {
	State    string `json:"-"` // kept as a hash
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // of PKCE
	Redirect string `json:"redirect"` // the address it comes back to
}

// Depart gives the address to send a browser to. redirect is the exact address of our
// callback, one for each provider. Errors: *Fault of kind Away, False or Misset.
func (p *Provider) Depart(ctx context.Context, redirect string) (address string, d Departure, err error) {
	known, _, err := p.issuer.discover(ctx)
	if err != nil {
		return "", Departure{}, p.unreached(err)
	}
	d = Departure{State: rand.Text() + rand.Text(), Nonce: rand.Text() + rand.Text(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(d.Verifier), gooidc.Nonce(d.Nonce)}
	if p.Prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", p.Prompt))
	}
	return p.client(known, redirect).AuthCodeURL(d.State, options...), d, nil
}
