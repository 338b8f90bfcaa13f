package people

import (
	"context"
	"errors"
	"fmt"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
)

// maxEnded bounds what one answer to an edge lists; an edge that missed more
// forgets everything it knew instead.
const maxEnded = 5000

var _ session.Authority = (*Service)(nil)

// Lookup tells what a credential stands for now. Asking counts as activity.
func (s *Service) Lookup(ctx context.Context, kind session.Kind, hash session.Hash) (session.Credential, error) {
	switch kind {
	case session.KindSession:
		return s.lookupSession(ctx, hash)
	case session.KindIIIF:
		return s.lookupAccessToken(ctx, hash)
	case session.KindPersonal:
		return s.lookupPersonal(ctx, hash)
	}
	return session.Credential{}, fmt.Errorf("credential of kind %q: %w", kind, session.ErrUnknown)
}

func (s *Service) lookupSession(ctx context.Context, hash session.Hash) (session.Credential, error) {
	sess, err := s.DB.SessionByHash(ctx, hash)
	if errors.Is(err, db.ErrNotFound) {
		return s.lookupVisit(ctx, hash)
	}
	if sess, err = s.live(ctx, sess, err); err != nil {
		return session.Credential{}, err
	}
	return s.withTerms(ctx, session.Credential{
		Kind: session.KindSession, Session: sess.ID, Principal: principal(sess.User), Expires: s.ends(sess),
	})
}

func (s *Service) lookupAccessToken(ctx context.Context, hash session.Hash) (session.Credential, error) {
	token, err := s.DB.AccessTokenByHash(ctx, hash)
	if errors.Is(err, db.ErrNotFound) {
		return s.lookupVisitToken(ctx, hash)
	}
	sess, err := s.live(ctx, token.Session, err)
	if err != nil {
		return session.Credential{}, err
	}
	if !s.Now().Before(token.Expires) {
		return session.Credential{}, ErrExpired
	}
	expires := s.ends(sess)
	if token.Expires.Before(expires) {
		expires = token.Expires
	}
	service := parseTokenService(token.Service)
	return s.withTerms(ctx, session.Credential{
		Kind: session.KindIIIF, Session: sess.ID, Principal: principal(sess.User),
		Origin: token.Origin, Service: service.Name, Flow: service.Flow, Expires: expires,
	})
}

func (s *Service) lookupPersonal(ctx context.Context, hash session.Hash) (session.Credential, error) {
	t, err := s.personalToken(ctx, hash)
	if err != nil {
		return session.Credential{}, err
	}
	if !Allows(t, ScopeImages) {
		return session.Credential{}, session.ErrUnknown
	}
	return s.withTerms(ctx, session.Credential{
		Kind: session.KindPersonal, Session: t.ID, Principal: principal(t.User), Expires: t.Expires,
	})
}

// withTerms adds what the user has accepted.
func (s *Service) withTerms(ctx context.Context, c session.Credential) (_ session.Credential, err error) {
	c.Principal.Terms, err = s.DB.UserTerms(ctx, c.Principal.ID)
	return c, err
}

// Rights tells an edge what changed after a revision it has.
func (s *Service) Rights(ctx context.Context, since int64) (rights session.Rights, err error) {
	err = s.DB.View(ctx, func(r db.Reader) error {
		current, horizon, err := r.Revision(ctx)
		if err != nil {
			return err
		}
		rules, err := r.Rules(ctx)
		if err != nil {
			return err
		}
		ended, err := r.EndedSince(ctx, since, maxEnded+1)
		if err != nil {
			return err
		}
		items, err := r.ItemsRevision(ctx)
		if err != nil {
			return err
		}
		rights = session.Rights{Revision: current, Items: items, Rules: rules.Rules, Definitions: rules.Definitions, Ended: ended, Complete: true}
		// A revision from the future was seen before the database was put back.
		if since < horizon || since > current || len(ended) > maxEnded {
			rights.Ended, rights.Complete = nil, false
		}
		return nil
	})
	return rights, err
}
