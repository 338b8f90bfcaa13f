package people

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
)

// ErrExpired says that a credential was good once and lapsed.
var ErrExpired = fmt.Errorf("expired: %w", session.ErrUnknown)

// touchEvery bounds how often activity is written down.
const touchEvery = time.Minute

// check tells a live session from a lapsed one. Users who are not active have no
// live sessions.
func (s *Service) check(sess Session) error {
	switch {
	case !sess.User.Active:
		return session.ErrUnknown
	case !s.Now().Before(s.ends(sess)):
		return ErrExpired
	}
	return nil
}

// ends is when a session lapses if nothing more happens.
func (s *Service) ends(sess Session) time.Time {
	idle := sess.Seen.Add(s.SessionIdle)
	if sess.Expires.Before(idle) {
		return sess.Expires
	}
	return idle
}

// touch counts a look-up as activity. That it could not be written down does not
// turn anybody away.
func (s *Service) touch(ctx context.Context, sess *Session) {
	now := s.Now()
	if now.Sub(sess.Seen) < min(touchEvery, s.SessionIdle/2) {
		return
	}
	if err := s.DB.Note(ctx, now, func(tx *db.Tx) error { return tx.TouchSession(ctx, sess.ID) }); err != nil {
		s.Log.WarnContext(ctx, "activity not recorded", "session", sess.ID, "error", err)
		return
	}
	sess.Seen = now
}

// live finishes a look-up of a session.
func (s *Service) live(ctx context.Context, sess Session, err error) (Session, error) {
	if err != nil {
		return Session{}, unknown(err)
	}
	if err := s.check(sess); err != nil {
		return Session{}, err
	}
	s.touch(ctx, &sess)
	return sess, nil
}

func unknown(err error) error {
	if errors.Is(err, db.ErrNotFound) {
		return session.ErrUnknown
	}
	return err
}

// SessionBySecret finds the session of a session cookie. Errors: session.ErrUnknown,
// ErrExpired (which is an ErrUnknown too).
func (s *Service) SessionBySecret(ctx context.Context, secret string) (Session, error) {
	sess, err := s.DB.SessionByHash(ctx, session.HashOf(secret))
	return s.live(ctx, sess, err)
}

// SessionByAdminSecret finds the session of an administrator's cookie. Errors as
// for SessionBySecret.
func (s *Service) SessionByAdminSecret(ctx context.Context, secret string) (Session, error) {
	sess, err := s.DB.SessionByAdminHash(ctx, session.HashOf(secret))
	return s.live(ctx, sess, err)
}

// Sessions lists a page of the sessions that live, without the users' groups. Lapsed
// ones are on record for a day longer, but nobody is signed in by them. The filter's
// user may be an id or an address; nobody has no sessions.
func (s *Service) Sessions(ctx context.Context, q SessionQuery) ([]Session, error) {
	if nobody, err := s.ofUser(ctx, &q.UserID); nobody || err != nil {
		return nil, err
	}
	q.Seen, q.Expires = s.Now().Add(-s.SessionIdle), s.Now()
	return s.DB.Sessions(ctx, q)
}

// EndSession ends a session by its public id.
func (s *Service) EndSession(ctx context.Context, actor Actor, id string) error {
	err := s.update(ctx, func(tx *db.Tx) error {
		sess, err := tx.Session(ctx, id)
		if err != nil {
			return err
		}
		if err := recordEnd(ctx, tx, actor, sess, byRevoking); err != nil {
			return err
		}
		return tx.EndSession(ctx, id)
	})
	if err != nil {
		return notFound(err, "no-such-session")
	}
	s.Log.InfoContext(ctx, "session ended", "session", id, "by", actor.UserID)
	return nil
}

// EndSessions ends every session of a user.
func (s *Service) EndSessions(ctx context.Context, actor Actor, userID string) error {
	_, err := s.EndSessionsOf(ctx, actor, SessionFilter{UserID: userID})
	return err
}

// EndSessionsOf ends the sessions that a filter selects, which has to say whose: of a
// user, by id or address, or of a provider ("" are those of passwords here). It gives
// their number.
func (s *Service) EndSessionsOf(ctx context.Context, actor Actor, f SessionFilter) (ended int, err error) {
	if f.UserID == "" && f.Provider == nil {
		return 0, invalid("user", "whose-sessions")
	}
	if f.UserID != "" {
		if f.UserID, err = s.userID(ctx, f.UserID); err != nil {
			return 0, notFound(err, "no-such-user")
		}
	}
	err = s.update(ctx, func(tx *db.Tx) error {
		if ended, err = tx.EndSessionsOf(ctx, f); err != nil || ended == 0 {
			return err
		}
		target, details := filterTarget(f), map[string]any{"sessions": ended, "reason": byRevoking}
		return record(ctx, tx, actor, audit.SessionExpired, target, details)
	})
	if err != nil {
		return 0, err
	}
	s.Log.InfoContext(ctx, "sessions ended", "of", filterTarget(f), "sessions", ended, "by", actor.UserID)
	return ended, nil
}

func filterTarget(f SessionFilter) string {
	switch {
	case f.Provider == nil:
		return userTarget(f.UserID)
	case f.UserID == "":
		return "provider:" + *f.Provider
	}
	return userTarget(f.UserID) + " provider:" + *f.Provider
}

// SignOut ends the session of a session cookie; ending none is no error.
func (s *Service) SignOut(ctx context.Context, secret string) error {
	return s.signOut(ctx, secret, db.Reader.SessionByHash)
}

// SignOutAdmin is SignOut for an administrator's cookie.
func (s *Service) SignOutAdmin(ctx context.Context, secret string) error {
	return s.signOut(ctx, secret, db.Reader.SessionByAdminHash)
}

type finder func(db.Reader, context.Context, session.Hash) (Session, error)

func (s *Service) signOut(ctx context.Context, secret string, find finder) error {
	if secret == "" {
		return nil
	}
	return s.update(ctx, func(tx *db.Tx) error {
		sess, err := endFound(ctx, tx, secret, find)
		if err != nil || sess.ID == "" {
			return err
		}
		return recordEnd(ctx, tx, Actor{UserID: sess.User.ID}, sess, byLogout)
	})
}

// endFound ends the session of a secret and gives it; the zero Session if there is none:
// then it ends the visit that the secret stands for in its place, if it does.
func endFound(ctx context.Context, tx *db.Tx, secret string, find finder) (Session, error) {
	sess, err := find(tx.Reader, ctx, session.HashOf(secret))
	if errors.Is(err, db.ErrNotFound) {
		return Session{}, endVisit(ctx, tx, secret)
	}
	if err != nil {
		return Session{}, err
	}
	return sess, tx.EndSession(ctx, sess.ID)
}
