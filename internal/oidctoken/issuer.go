package oidctoken

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/tessera-iiif/tessera/internal/claims"
)

// algorithms are those of signatures that need no shared secret (RFC 8725, 3.1 and 3.2).
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// What is said to whoever sent a token that does not count.
const (
	notSigned  = "The token is not signed in a way that can be trusted."
	notAccess  = "This is not an access token: its type has to be at+jwt."
	badKey     = "The token is signed by no key that its issuer publishes."
	malformed  = "The token's claims cannot be read."
	elsewhere  = "The token is for another audience."
	expired    = "The token has expired."
	tooEarly   = "The token is not valid yet."
	incomplete = "The token does not say when it was made, when it expires and whose it is."
	bound      = "The token is bound to a key and is no bearer token."
)

// issuer is one issuer and how its tokens are read.
type issuer struct {
	url     string
	readers []Issuer
	keys    *keyring
	clock   *clockWatch
	warned  hourly
	now     func() time.Time
	log     *slog.Logger
}

func newIssuer(url string, c Config) *issuer {
	clock := &clockWatch{issuer: url, log: c.Log}
	return &issuer{url: url, keys: newKeyring(url, c, clock), clock: clock, now: c.Now, log: c.Log}
}

// signed is a token's content once its signature has been verified.
type signed struct {
	jwt.Claims
	all map[string]any
}

func (i *issuer) verify(ctx context.Context, text string) (verified, error) {
	token, err := jwt.ParseSigned(text, algorithms)
	if err != nil {
		return verified{}, invalid(notSigned, err)
	}
	header := token.Headers[0] // there is one: the compact form has no place for more
	_, critical := header.ExtraHeaders["crit"]
	_, encoded := header.ExtraHeaders["b64"]
	if critical || encoded {
		return verified{}, invalid(notSigned, errors.New("its header wants what is not understood here"))
	}
	set, content, err := i.open(ctx, token, header)
	if err != nil {
		return verified{}, err
	}
	t, err := i.read(header, content)
	return verified{t, set}, err
}

// open verifies the signature.
func (i *issuer) open(ctx context.Context, token *jwt.JSONWebToken, header jose.Header) (*keySet, signed, error) {
	set, err := i.keys.find(ctx, header.KeyID)
	if err != nil {
		return nil, signed{}, err
	}
	for _, key := range set.matching(header) {
		var content signed
		err := token.Claims(&key, &content.Claims, &content.all)
		if errors.Is(err, jose.ErrCryptoFailure) {
			continue
		}
		if err != nil || content.all == nil {
			return nil, signed{}, invalid(malformed, err)
		}
		return set, content, nil
	}
	return nil, signed{}, invalid(badKey, nil)
}

// read checks what a verified token says (RFC 9068, 4).
func (i *issuer) read(header jose.Header, content signed) (Token, error) {
	if content.Issuer != i.url {
		return Token{}, invalid(malformed, errors.New("its issuer is another one"))
	}
	at := slices.IndexFunc(i.readers, func(r Issuer) bool { return slices.ContainsFunc(r.Audiences, content.Audience.Contains) })
	if at < 0 {
		return Token{}, invalid(elsewhere, fmt.Errorf("audience %.200q", []string(content.Audience)))
	}
	reader := i.readers[at]
	if !isAccessToken(header, content.all, reader.AnyType) {
		return Token{}, invalid(notAccess, nil)
	}
	if content.all["cnf"] != nil { // RFC 7800: whoever stole it must not be able to use it
		return Token{}, invalid(bound, nil)
	}
	if err := i.timely(content.Claims); err != nil {
		return Token{}, err
	}
	person, warnings, err := claims.Map(reader.Mapping, content.all)
	if err != nil {
		return Token{}, invalid(incomplete, err)
	}
	if len(warnings) > 0 && i.warned.mayTell(i.now()) {
		i.log.Warn("what access tokens of an issuer say is not all used", "provider", reader.Name, "because", warnings)
	}
	return Token{Issuer: i.url, Person: person, Expires: content.Expiry.Time().Add(leeway)}, nil
}

// isAccessToken goes by the header's type, and where that need not say it, by claims that
// other tokens have: ID tokens, logout tokens, and what Keycloak calls by a name of its own.
func isAccessToken(header jose.Header, all map[string]any, anyType bool) bool {
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	switch typ = strings.TrimPrefix(strings.ToLower(typ), "application/"); {
	case typ == "at+jwt":
		return true
	case !anyType || typ != "" && typ != "jwt":
		return false
	}
	for _, name := range []string{"nonce", "at_hash", "c_hash", "s_hash", "events"} {
		if all[name] != nil {
			return false
		}
	}
	kind, said := all["typ"]
	return !said || kind == "Bearer"
}

// timely also watches the clocks: a token cannot come from the future.
func (i *issuer) timely(c jwt.Claims) error {
	now := i.now()
	if c.Expiry == nil || c.IssuedAt == nil {
		return invalid(incomplete, nil)
	}
	for _, begin := range []*jwt.NumericDate{c.IssuedAt, c.NotBefore} {
		if begin == nil {
			continue
		}
		i.clock.ahead(begin.Time().Sub(now), now)
		if begin.Time().After(now.Add(leeway)) {
			return invalid(tooEarly, fmt.Errorf("it begins at %s, and it is %s", begin.Time().UTC(), now.UTC()))
		}
	}
	if !now.Before(c.Expiry.Time().Add(leeway)) {
		return invalid(expired, fmt.Errorf("it was good until %s, and it is %s", c.Expiry.Time().UTC(), now.UTC()))
	}
	return nil
}
