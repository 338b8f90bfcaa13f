package oidc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
)

const (
	logoutEvent  = "http://schemas.openid.net/event/backchannel-logout"
	maxTokenHint = 4 << 10 // bytes; longer ones make addresses that servers refuse
	maxTokenID   = 1 << 10
)

// EndSession gives the address at which somebody signs out of the provider as well, ""
// if it has none (OpenID Connect RP-Initiated Logout 1.0). back is where the provider
// leads from there; it has to be registered with it.
func (p *Provider) EndSession(ctx context.Context, idToken, back string) (string, error) {
	known, _, err := p.issuer.discover(ctx)
	if err != nil {
		return "", p.unreached(err)
	}
	if known.EndSession == "" {
		return "", nil
	}
	u, err := url.Parse(known.EndSession)
	if err != nil {
		return "", p.fault(False, err)
	}
	query := u.Query()
	query.Set("client_id", p.ClientID)
	query.Set("post_logout_redirect_uri", back)
	if idToken != "" && len(idToken) <= maxTokenHint {
		query.Set("id_token_hint", idToken)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// Logout is a provider's word that somebody signed out there.
type Logout struct {
	SID, Subject string // at least one
	TokenID      string
	Until        time.Time // from then on the token counts no more, so it need not be remembered
}

// VerifyLogout reads a logout token (OpenID Connect Back-Channel Logout 1.0, 2.6). That
// it comes once alone is the caller's business. Errors: *Fault of kind Away when keys
// cannot be read, else of kind False or Clock.
func (p *Provider) VerifyLogout(ctx context.Context, raw string) (Logout, error) {
	if len(raw) > maxToken {
		return Logout{}, p.falsely("the logout token is too long")
	}
	known, keys, err := p.issuer.discover(ctx)
	if err != nil {
		return Logout{}, p.unreached(err)
	}
	if !isLogoutType(raw) {
		return Logout{}, p.falsely("the token is no logout token (typ)")
	}
	seen := &witness{keys: keys}
	token, err := p.verifier(known, seen).VerifyLogout(p.issuer.context(ctx), raw)
	if err != nil {
		return Logout{}, p.unverified(err, seen)
	}
	if err := checkLogout(token); err != nil {
		return Logout{}, p.fault(False, err)
	}
	now := p.now()
	if token.IssuedAt.After(now.Add(leeway)) || token.IssuedAt.Before(now.Add(-freshness)) {
		return Logout{}, p.fault(Clock, errors.New("the logout token is not of now (iat)"))
	}
	return Logout{
		SID: token.SessionID, Subject: token.Subject, TokenID: token.TokenID, Until: token.IssuedAt.Add(freshness + leeway),
	}, nil
}

// checkLogout asks for what go-oidc does not.
func checkLogout(token *gooidc.LogoutToken) error {
	var claims struct {
		Events map[string]json.RawMessage `json:"events"`
	}
	if err := token.Claims(&claims); err != nil {
		return err
	}
	var event map[string]any
	if err := json.Unmarshal(claims.Events[logoutEvent], &event); err != nil || event == nil {
		return errors.New("the logout event is no JSON object")
	}
	if len(token.Subject) > maxSubject || len(token.SessionID) > maxSID || len(token.TokenID) > maxTokenID {
		return errors.New("the logout token names more than anything is called")
	}
	return nil
}

// isLogoutType tells whether the token calls itself one, or nothing in particular
// (RFC 8725, 3.11). It is read before the signature is checked, only to refuse.
func isLogoutType(raw string) bool {
	head, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return false
	}
	var header struct {
		Type string `json:"typ"`
	}
	if err := json.Unmarshal(text, &header); err != nil {
		return false
	}
	switch strings.ToLower(strings.TrimPrefix(header.Type, "application/")) {
	case "", "jwt", "logout+jwt":
		return true
	}
	return false
}
