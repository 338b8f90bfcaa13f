package people

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// identityLife bounds how long an edge may go by what it was told of an identity, which
// it asks about every minute; changes end it at once.
const identityLife = time.Hour

// Identity tells whom a subject is here for whom an edge has seen an access token. The
// groups are those given here: what the provider says now is in the token. What its bearer accepted as a user here counts. Nobody is an
// administrator by one. session.ErrUnknown is the answer for whoever was shut out, for
// strangers who may come in by invitation alone, and for issuers that are not configured.
func (s *Service) Identity(ctx context.Context, issuer, subject string) (session.Credential, error) {
	signUp, listed := s.TokenIssuers[issuer]
	if !listed {
		s.Log.WarnContext(ctx, "an edge takes access tokens of an issuer that is not configured here, which open nothing: list it under oidc: here too, with its audience", "issuer", issuer)
		return session.Credential{}, fmt.Errorf("issuer %s: %w", issuer, session.ErrUnknown)
	}
	u, err := s.userOf(ctx, issuer, subject)
	switch {
	case errors.Is(err, db.ErrNotFound) && signUp == Everyone:
	case errors.Is(err, db.ErrNotFound), err == nil && !u.Active:
		return session.Credential{}, session.ErrUnknown
	case err != nil:
		return session.Credential{}, err
	}
	c := session.Credential{Kind: session.KindIdentity, Expires: s.Now().Add(identityLife)}
	if u.ID == "" {
		return c, nil
	}
	c.Principal = authz.Principal{ID: u.ID, Name: principal(u).Name, Groups: u.Groups}
	return s.withTerms(ctx, c)
}

func (s *Service) userOf(ctx context.Context, issuer, subject string) (u User, err error) {
	err = s.DB.View(ctx, func(r db.Reader) error {
		i, err := r.Identity(ctx, issuer, subject)
		if err == nil {
			u, err = r.User(ctx, i.UserID)
		}
		return err
	})
	return u, err
}
