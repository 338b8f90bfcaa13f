package people

import (
	"context"
	"errors"
	"net/netip"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
)

// OwnPassword is somebody who is signed in and wants another password.
type OwnPassword struct {
	Session Session
	Current string // the one in force
	New     string
	Addr    netip.Addr
	Agent   string
}

// ChangePassword gives a user the password she chose, ends every session of hers and
// starts one under a new id (R38). The password in force is asked for, and guesses at it
// count as at sign-in, so that a browser left open is not worth an account. Errors:
// *Error of kind Denied, Invalid, Conflict, Throttled or Busy.
func (s *Service) ChangePassword(ctx context.Context, c OwnPassword) (SignedIn, error) {
	u := c.Session.User
	if err := s.mayChangePassword(ctx, c); err != nil {
		return SignedIn{}, err
	}
	network := Network(c.Addr)
	counted, err := s.countAttempt(ctx, u.Email, network)
	if err != nil {
		return SignedIn{}, err
	}
	in, err := s.replacePassword(ctx, c, network, counted)
	switch {
	case errors.Is(err, errDenied):
		failed := s.update(ctx, func(tx *db.Tx) error {
			return record(ctx, tx, Actor{UserID: u.ID}, audit.PasswordFail, userTarget(u.ID), nil)
		})
		return SignedIn{}, errors.Join(&Error{Kind: Denied, Code: "wrong-current", Field: "current"}, failed)
	case err != nil:
		s.takeBack(ctx, counted)
		return SignedIn{}, err
	}
	s.Log.InfoContext(ctx, "password changed by its owner", "user", u.ID)
	return in, nil
}

func (s *Service) mayChangePassword(ctx context.Context, c OwnPassword) error {
	phc, err := s.DB.Password(ctx, c.Session.User.ID)
	if err != nil {
		return notFound(err, "no-such-user")
	}
	if phc == "" {
		return &Error{Kind: Conflict, Code: "no-password"}
	}
	return checkPassword(c.New)
}

func (s *Service) replacePassword(ctx context.Context, c OwnPassword, network string, counted []budget) (SignedIn, error) {
	v, err := s.verify(ctx, c.Session.User.Email, c.Current)
	if err != nil {
		return SignedIn{}, err
	}
	phc, err := s.hash(ctx, c.New)
	if err != nil {
		return SignedIn{}, err
	}
	in, err := s.newSession(v.user, network, c.Agent)
	if err != nil {
		return SignedIn{}, err
	}
	in.Session.Provider = c.Session.Provider
	return in, s.update(ctx, func(tx *db.Tx) error {
		if err := stillValid(ctx, tx, v); err != nil {
			return err
		}
		if err := s.savePassword(ctx, tx, Actor{UserID: v.user.ID}, v.user, phc); err != nil {
			return err
		}
		if err := s.enter(ctx, tx, in, entry{by: byPassword}); err != nil {
			return err
		}
		return s.absolve(ctx, tx, counted)
	})
}
