package people

import (
	"context"
	"errors"
	"slices"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
)

// How people sign in.
const byPassword = "password"

func recordSignIn(ctx context.Context, tx *db.Tx, in SignedIn, by string) error {
	sess := in.Session
	return record(ctx, tx, Actor{UserID: sess.User.ID}, audit.LoginSuccess, userTarget(sess.User.ID),
		map[string]any{"session": sess.ID, "by": by, "provider": sess.Provider})
}

// recordFailure puts a wrong password on record. A name that is nobody's is left out:
// it may be a password that somebody typed into the wrong field. Attempts refused while
// a wait lasts are not recorded, so that the record grows no faster than guessing is let.
func (s *Service) recordFailure(ctx context.Context, email string, counted []budget) error {
	waits := slices.ContainsFunc(counted, func(b budget) bool { return !b.waived && b.wait() > 0 })
	return s.update(ctx, func(tx *db.Tx) error {
		target := ""
		u, err := tx.UserByEmail(ctx, email)
		switch {
		case err == nil:
			target = userTarget(u.ID)
		case !errors.Is(err, db.ErrNotFound):
			return err
		}
		if err := record(ctx, tx, Actor{}, audit.LoginFail, target, nil); err != nil || !waits {
			return err
		}
		return record(ctx, tx, Actor{}, audit.LoginLock, target, nil)
	})
}
