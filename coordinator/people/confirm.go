package people

import (
	"context"
	"errors"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
)

// DueSessions lists live sessions of some providers that are to be asked whether they may
// go on.
func (s *Service) DueSessions(ctx context.Context, providers []string, limit int) ([]ProviderSession, error) {
	return s.DB.DueSessions(ctx, s.Now(), s.Now().Add(-s.SessionIdle), providers, limit)
}

// Postpone sets when a session's provider is asked next. Only one of several who try it
// at once is told that it is the one to ask: a refresh token may be used once.
func (s *Service) Postpone(ctx context.Context, p ProviderSession, until time.Time) (mine bool, err error) {
	err = s.DB.Note(ctx, s.Now(), func(tx *db.Tx) error {
		mine, err = tx.Postpone(ctx, p.SessionID, p.Due, until)
		return err
	})
	return mine, err
}

// Confirm writes down that the provider lets a session go on, and what it says of the
// user now. A session that has ended meanwhile stays so. Errors: *Error of kind Forbidden
// for a user who may no longer come in.
func (s *Service) Confirm(ctx context.Context, p ProviderSession, a Arrival) error {
	err := s.update(ctx, func(tx *db.Tx) error {
		identity, err := tx.Identity(ctx, p.Issuer, p.Subject)
		if err != nil {
			return err
		}
		if err := tx.SaveProviderSession(ctx, p); err != nil {
			return err
		}
		_, err = s.follow(ctx, tx, identity, a)
		return err
	})
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	return err
}

// EndByProvider ends a session because its provider does not let it go on.
func (s *Service) EndByProvider(ctx context.Context, p ProviderSession, reason string) error {
	err := s.update(ctx, func(tx *db.Tx) error { return endAll(ctx, tx, system, []ProviderSession{p}, byProvider) })
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return err
	}
	s.Log.InfoContext(ctx, "session ended by its provider", "provider", p.Provider, "session", p.SessionID, "reason", reason)
	return nil
}

// Keep writes down what a session needs of its provider, and nothing about the user.
func (s *Service) Keep(ctx context.Context, p ProviderSession) error {
	err := s.DB.Note(ctx, s.Now(), func(tx *db.Tx) error { return tx.SaveProviderSession(ctx, p) })
	if errors.Is(err, db.ErrNotFound) {
		return nil // it has ended meanwhile
	}
	return err
}
