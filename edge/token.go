package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/tessera-iiif/tessera/internal/oidctoken"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Tokens verifies access tokens of OpenID providers; *oidctoken.Verifier is one.
type Tokens interface {
	// Verify answers oidctoken.ErrForeign for what is no token of a provider that is
	// configured, *oidctoken.Invalid for one that does not count; any other error means
	// that it cannot be told.
	Verify(ctx context.Context, text string) (oidctoken.Token, error)
}

// shutOut is what is said to whoever sends a good token of somebody who may not come in.
const shutOut = "Whoever this token is of is not let in here."

// byAccessToken finds who an API client works for, by an access token that a provider
// made for this server. The token says who it is of and, newer than anything known here,
// in which of the provider's groups they are; the coordinators say whether they may come
// in, and in which groups they are here. Nobody administers by one.
func (e *Edge) byAccessToken(ctx context.Context, text string) (authz.Principal, error) {
	if e.cfg.Tokens == nil || !oidctoken.Resembles(text) {
		return authz.Principal{}, oidctoken.ErrForeign
	}
	t, err := e.cfg.Tokens.Verify(ctx, text)
	if err != nil {
		return authz.Principal{}, err
	}
	known, err := e.cfg.Keeper.FindIdentity(ctx, t.Issuer, t.Person.Subject)
	if errors.Is(err, session.ErrUnknown) {
		return authz.Principal{}, &oidctoken.Invalid{Reason: shutOut}
	}
	if err != nil {
		return authz.Principal{}, err
	}
	return holder(t, known.Principal), nil
}

// holder joins what the token says with what is known here, if anything is.
func holder(t oidctoken.Token, known authz.Principal) authz.Principal {
	who := known
	who.Admin, who.Groups = false, slices.Concat(known.Groups, t.Person.Groups)
	if who.ID == "" {
		who.ID, who.Name = t.Issuer+"#"+t.Person.Subject, t.Person.Name
	}
	return who
}

// doubt notes about the visitor why a token that was shown opens nothing.
func (e *Edge) doubt(x *exchange, who *visitor, err error) {
	var invalid *oidctoken.Invalid
	switch {
	case errors.Is(err, oidctoken.ErrForeign): // somebody else's, or no token at all
	case errors.As(err, &invalid):
		who.faulty = invalid.Reason
		e.cfg.Log.LogAttrs(x.r.Context(), slog.LevelDebug, "access token refused", slog.String("request", x.id), slog.Any("error", err))
	default:
		who.unsure = true
	}
}

// errFaulty is errNeedLogin for a client that shows a token which does not count: it has
// to get another (RFC 6750, 3.1).
func errFaulty(reason string) error {
	return &problem{
		status: http.StatusUnauthorized, message: reason, cause: errNeedLogin,
		challenge: []string{`Bearer realm="iiif", error="invalid_token", error_description="` + reason + `"`},
	}
}
