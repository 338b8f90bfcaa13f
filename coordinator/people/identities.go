package people

import (
	"context"
	"errors"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
)

const maxIdentities = 20 // of a user

// Identities lists whom providers know a user as.
func (s *Service) Identities(ctx context.Context, userID string) ([]Identity, error) {
	return s.DB.Identities(ctx, userID)
}

// Untie takes an identity off its user and ends the sessions that were signed in by it.
// The last way in stays: nobody locks herself out. Errors: *Error of kind NotFound or
// Conflict.
func (s *Service) Untie(ctx context.Context, actor Actor, userID, issuer, subject string) error {
	err := s.update(ctx, func(tx *db.Tx) error {
		i, err := tx.Identity(ctx, issuer, subject)
		if err != nil {
			return err
		}
		if i.UserID != userID {
			return db.ErrNotFound
		}
		if err := keepAWayIn(ctx, tx, userID); err != nil {
			return err
		}
		if err := endProviderSessions(ctx, tx, issuer, subject); err != nil {
			return err
		}
		if err := tx.ForgetUser(ctx, userID); err != nil {
			return err
		}
		return tx.DeleteIdentity(ctx, issuer, subject)
	})
	if err != nil {
		return notFound(err, "no-such-identity")
	}
	s.note(ctx, "identity untied", "user", userID, "issuer", issuer, "subject", subject, "by", actor.UserID)
	return nil
}

func keepAWayIn(ctx context.Context, tx *db.Tx, userID string) error {
	phc, err := tx.Password(ctx, userID)
	if err != nil || phc != "" {
		return err
	}
	all, err := tx.Identities(ctx, userID)
	if err == nil && len(all) < 2 {
		return &Error{Kind: Conflict, Code: "only-way-in"}
	}
	return err
}

// Invite makes a link by which somebody may add a provider to a user's account, once and
// within a week. An earlier one ends. The secret is not kept.
func (s *Service) Invite(ctx context.Context, actor Actor, userID string) (secret string, expires time.Time, err error) {
	secret, expires = newSecret(prefixInvitation), s.Now().Add(invitationLife)
	err = s.update(ctx, func(tx *db.Tx) error {
		if _, err := tx.User(ctx, userID); err != nil {
			return err
		}
		return tx.InsertInvitation(ctx, session.HashOf(secret), db.Invitation{UserID: userID, Expires: expires})
	})
	if err != nil {
		return "", time.Time{}, notFound(err, "no-such-user")
	}
	s.note(ctx, "invitation made", "user", userID, "by", actor.UserID)
	return secret, expires, nil
}

// Invitee tells whose account an invitation is for. Errors: *Error of kind Forbidden.
func (s *Service) Invitee(ctx context.Context, secret string) (User, error) {
	i, err := s.DB.Invitation(ctx, session.HashOf(secret))
	if errors.Is(err, db.ErrNotFound) || err == nil && !s.Now().Before(i.Expires) {
		return User{}, errInvitation
	}
	if err != nil {
		return User{}, err
	}
	return s.User(ctx, i.UserID)
}
