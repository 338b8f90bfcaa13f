package people

import (
	"context"

	"github.com/tessera-iiif/tessera/coordinator/db"
)

const (
	maxIdentities   = 20   // of a user
	maxIdentityText = 2048 // bytes of an issuer, a subject or a provider's name in a copy
)

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
		held, err := tx.SessionsOfSubject(ctx, issuer, subject)
		if err != nil {
			return err
		}
		if err := endAll(ctx, tx, actor, held, byRevoking); err != nil {
			return err
		}
		if err := record(ctx, tx, actor, identityRemoved, userTarget(userID), named(i)); err != nil {
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
	s.Log.InfoContext(ctx, "identity taken off an account", "user", userID, "issuer", issuer, "by", actor.UserID)
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
