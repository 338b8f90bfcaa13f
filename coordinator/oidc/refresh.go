package oidc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"golang.org/x/oauth2"
)

// Refresh asks a provider whether somebody may stay, and who they are now. kept is what
// the sign-in or the last refresh gave; of the answer, tokens that were not given anew
// are those kept. Errors: *Fault; of kind Over if the provider has ended the grant, or
// somebody else has used the token.
func (p *Provider) Refresh(ctx context.Context, kept Arrival) (Arrival, error) {
	known, keys, err := p.issuer.discover(ctx)
	if err != nil {
		return Arrival{}, p.unreached(err)
	}
	source := p.client(known, "").TokenSource(p.issuer.context(ctx), &oauth2.Token{RefreshToken: kept.Refresh})
	token, err := source.Token()
	if err != nil {
		return Arrival{}, p.ungranted(err)
	}
	if token.RefreshToken == "" {
		token.RefreshToken = kept.Refresh
	}
	if fresh, _ := token.Extra("id_token").(string); fresh == "" {
		return p.sameToken(ctx, known, kept, token)
	}
	id, raw, err := p.idToken(ctx, known, keys, token)
	if err != nil {
		return Arrival{}, err
	}
	if id.Subject != kept.Subject { // OpenID Connect Core 1.0, 12.2
		return Arrival{}, p.falsely("the refreshed ID token is about somebody else (sub)")
	}
	now, err := p.arrival(ctx, known, id, raw, token)
	if now.SID == "" {
		now.SID = kept.SID
	}
	return now, err
}

// sameToken is for providers that give an ID token at sign-in alone: what userinfo says
// now counts before what that token said. Without userinfo nothing new is known.
func (p *Provider) sameToken(ctx context.Context, known *discovery, kept Arrival, token *oauth2.Token) (Arrival, error) {
	kept.Refresh, kept.Told = token.RefreshToken, false
	if p.SkipUserInfo || known.provider.UserInfoEndpoint() == "" {
		return kept, nil
	}
	merged, err := payload(kept.IDToken)
	if err != nil {
		return Arrival{}, p.falsely("the ID token of the sign-in: %w", err)
	}
	if err := p.userInfo(ctx, known, kept.Subject, token, &merged); err != nil {
		return Arrival{}, err
	}
	person, warnings, err := p.Mapping(merged)
	p.diary.warn(p.now(), warnings)
	kept.Person, kept.Told = person, true
	if err != nil {
		return Arrival{}, p.fault(False, err)
	}
	return kept, nil
}

// payload reads a token that was verified when it came, and kept where nobody else can
// write.
func payload(token string) (claims map[string]any, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("it is not kept")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	return claims, json.Unmarshal(text, &claims)
}
