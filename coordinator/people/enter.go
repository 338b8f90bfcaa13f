package people

import (
	"context"

	"github.com/tessera-iiif/tessera/coordinator/db"
)

// entry is how somebody comes to a session.
type entry struct {
	before string // secret of the session cookie the browser held
	origin string // of the viewer that asked for it, "" if none did
	by     string // for the record
}

// enter stores a fresh session, ends the one the browser had, and puts it on record.
func (s *Service) enter(ctx context.Context, tx *db.Tx, in SignedIn, how entry) error {
	if _, err := endFound(ctx, tx, how.before, db.Reader.SessionByHash); err != nil {
		return err
	}
	if err := insertSession(ctx, tx, in, how.origin); err != nil {
		return err
	}
	if err := recordSignIn(ctx, tx, in, how.by); err != nil {
		return err
	}
	return tx.AddFamiliar(ctx, in.Session.User.ID, in.Session.Network, maxFamiliar)
}
