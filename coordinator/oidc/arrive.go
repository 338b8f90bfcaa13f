package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	maxToken   = 64 << 10 // bytes of one token
	maxCode    = 8 << 10
	maxSubject = 255 // OpenID Connect Core 1.0, 2
	maxSID     = 255
	freshness  = 10 * time.Minute // age of a token that has just been made
)

// Arrival is somebody for whom a provider vouches.
type Arrival struct {
	Subject string
	SID     string // the provider's name of its session, "" if it gave none
	Person  Person
	Told    bool // Person is what the provider says now

	IDToken string // as it came, for signing out
	Refresh string // refresh token, "" if there is none
}

// Arrive finds out who came back: query is what the provider sent along to our callback,
// d what Depart gave, with the state checked already. Errors: *Fault.
func (p *Provider) Arrive(ctx context.Context, query url.Values, d Departure) (Arrival, error) {
	a, err := p.arrive(ctx, query, d)
	p.diary.enter(p.now(), err)
	return a, err
}

func (p *Provider) arrive(ctx context.Context, query url.Values, d Departure) (Arrival, error) {
	known, keys, err := p.issuer.discover(ctx)
	if err != nil {
		return Arrival{}, p.unreached(err)
	}
	code, err := p.code(known, query)
	if err != nil {
		return Arrival{}, err
	}
	token, err := p.client(known, d.Redirect).Exchange(p.issuer.context(ctx), code, oauth2.VerifierOption(d.Verifier))
	if err != nil {
		return Arrival{}, p.ungranted(err)
	}
	id, raw, err := p.idToken(ctx, known, keys, token)
	if err != nil {
		return Arrival{}, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(d.Nonce)) != 1 {
		return Arrival{}, p.falsely("the ID token was made for another sign-in (nonce)")
	}
	return p.arrival(ctx, known, id, raw, token)
}

// code reads the authorization response (RFC 6749, 4.1.2; RFC 9207).
func (p *Provider) code(known *discovery, query url.Values) (string, error) {
	switch from := query.Get("iss"); {
	case query.Has("iss") && from != p.Issuer:
		return "", p.falsely("the answer comes from %q", from)
	case known.SendsIssuer && !query.Has("iss"):
		return "", p.falsely("the answer does not say who it comes from (iss), which this provider always does")
	}
	if said := query.Get("error"); said != "" {
		return "", p.declined(said)
	}
	code := query.Get("code")
	if code == "" || len(code) > maxCode || len(query["code"]) > 1 {
		return "", p.falsely("the answer has no code")
	}
	return code, nil
}

// declined sorts the errors of the authorization endpoint.
func (p *Provider) declined(said string) *Fault {
	err := fmt.Errorf("the provider answered %.100q", said)
	switch said {
	case "access_denied", "login_required", "consent_required", "interaction_required", "account_selection_required":
		return p.fault(Refused, err)
	case "temporarily_unavailable", "server_error":
		return p.fault(Away, err)
	}
	return p.fault(Misset, err)
}

// extra are the claims that go-oidc leaves to its caller.
type extra struct {
	AuthorizedParty string `json:"azp"`
	SID             string `json:"sid"`
}

// idToken checks everything but the nonce (OpenID Connect Core 1.0, 3.1.3.7).
func (p *Provider) idToken(ctx context.Context, known *discovery, keys *keys, token *oauth2.Token) (*gooidc.IDToken, string, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" || len(raw) > maxToken {
		return nil, "", p.falsely("there is no ID token in the answer")
	}
	seen := &witness{keys: keys}
	id, err := p.verifier(known, seen).Verify(p.issuer.context(ctx), raw)
	if err != nil {
		return nil, "", p.unverified(err, seen)
	}
	var more extra
	if err := id.Claims(&more); err != nil {
		return nil, "", p.falsely("ID token: %w", err)
	}
	switch now := p.now(); {
	case id.Subject == "" || len(id.Subject) > maxSubject:
		return nil, "", p.falsely("the ID token is of nobody (sub)")
	case more.AuthorizedParty != "" && more.AuthorizedParty != p.ClientID, len(id.Audience) > 1 && more.AuthorizedParty == "":
		return nil, "", p.falsely("the ID token was made for another client (azp)")
	case id.IssuedAt.After(now.Add(leeway)), id.IssuedAt.Before(now.Add(-freshness)):
		return nil, "", p.fault(Clock, fmt.Errorf("the ID token was made at %s, and it is %s", id.IssuedAt.UTC(), now.UTC()))
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return nil, "", p.falsely("access token: %w", err)
		}
	}
	return id, raw, nil
}

// witness remembers why a signature was not verified, which go-oidc does not pass on.
type witness struct {
	keys *keys
	err  error
}

// VerifySignature implements the KeySet of go-oidc.
func (w *witness) VerifySignature(ctx context.Context, token string) (payload []byte, err error) {
	payload, w.err = w.keys.VerifySignature(ctx, token)
	return payload, w.err
}

func (p *Provider) verifier(known *discovery, keys gooidc.KeySet) *gooidc.IDTokenVerifier {
	return gooidc.NewVerifier(p.Issuer, keys, &gooidc.Config{
		ClientID: p.ClientID, SupportedSigningAlgs: known.algorithms,
		Now: func() time.Time { return p.now().Add(-leeway) },
	})
}

// unverified sorts the errors of verification.
func (p *Provider) unverified(err error, seen *witness) *Fault {
	var expired *gooidc.TokenExpiredError
	var unread keysError
	switch {
	case errors.As(err, &expired):
		return p.fault(Clock, err)
	case errors.As(seen.err, &unread), errors.Is(seen.err, context.Canceled), errors.Is(seen.err, context.DeadlineExceeded):
		return p.unreached(seen.err)
	}
	return p.fault(False, err)
}

// arrival joins what the ID token and userinfo say.
func (p *Provider) arrival(ctx context.Context, known *discovery, id *gooidc.IDToken, raw string, token *oauth2.Token) (Arrival, error) {
	var more extra
	merged := map[string]any{}
	if !p.SkipUserInfo && known.provider.UserInfoEndpoint() != "" {
		if err := p.userInfo(ctx, known, id.Subject, token, &merged); err != nil {
			return Arrival{}, err
		}
	}
	// What is signed counts before what is not.
	if err := errors.Join(id.Claims(&merged), id.Claims(&more)); err != nil {
		return Arrival{}, p.falsely("ID token: %w", err)
	}
	if len(more.SID) > maxSID {
		return Arrival{}, p.falsely("the name of the session is %d bytes long", len(more.SID))
	}
	person, warnings, err := p.Mapping(merged)
	if err != nil {
		return Arrival{}, p.fault(False, err)
	}
	p.diary.warn(p.now(), warnings)
	for _, w := range warnings {
		p.log.WarnContext(ctx, "claims of a provider were not used: "+w, "subject", id.Subject)
	}
	return Arrival{Subject: id.Subject, SID: more.SID, Person: person, Told: true, IDToken: raw, Refresh: token.RefreshToken}, nil
}

// userInfo reads more claims; they are of the same person or not taken (R51).
func (p *Provider) userInfo(ctx context.Context, known *discovery, subject string, token *oauth2.Token, into *map[string]any) error {
	info, err := known.provider.UserInfo(p.issuer.context(ctx), oauth2.StaticTokenSource(token))
	switch {
	case err != nil && (isLocal(err) || strings.HasPrefix(err.Error(), "5")): // its words for a status
		return p.unreached(fmt.Errorf("userinfo: %w", err))
	case err != nil:
		return p.falsely("userinfo: %w", err)
	}
	if info.Subject != subject {
		return p.falsely("userinfo is about somebody else (sub)")
	}
	if err := info.Claims(into); err != nil || *into == nil {
		return p.falsely("userinfo is no JSON object: %w", err)
	}
	return nil
}
