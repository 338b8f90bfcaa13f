package people

import (
	"context"
	"slices"

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
// The last way in stays: nobody locks herself out. Administration that it gave goes with
// it. Errors: *Error of kind NotFound or Conflict.
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
		return s.remove(ctx, tx, actor, i)
	})
	if err != nil {
		return notFound(err, "no-such-identity")
	}
	s.Log.InfoContext(ctx, "identity taken off an account", "user", userID, "issuer", issuer, "by", actor.UserID)
	return nil
}

func (s *Service) remove(ctx context.Context, tx *db.Tx, actor Actor, i Identity) error {
	if err := s.takeAdmin(ctx, tx, actor, i); err != nil {
		return err
	}
	if err := tx.ForgetUser(ctx, i.UserID); err != nil {
		return err
	}
	return tx.DeleteIdentity(ctx, i.Issuer, i.Subject)
}

// takeAdmin has nobody administer because of an identity that has no say any more, unless
// another one says so too. Errors: *Error of kind Conflict for the last administrator, of
// whom nothing changes.
func (s *Service) takeAdmin(ctx context.Context, tx *db.Tx, actor Actor, i Identity) error {
	if !i.Admin {
		return nil
	}
	held, err := tx.Identities(ctx, i.UserID)
	if err != nil {
		return err
	}
	before, err := tx.User(ctx, i.UserID)
	if err != nil {
		return err
	}
	after := before
	after.Admin = before.Admin && slices.ContainsFunc(held, func(o Identity) bool {
		return o.Admin && (o.Issuer != i.Issuer || o.Subject != i.Subject)
	})
	if err := s.save(ctx, tx, actor, before, after); err != nil {
		return err
	}
	return tx.TakeAdmin(ctx, i.Issuer, i.Subject)
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
