package people

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Visits of one network that may begin within a while: a school, not a machine that
// fills the database.
const (
	maxVisits    = 500
	visitsWithin = time.Hour
)

// lookupVisit tells what the cookie of a visit stands for.
func (s *Service) lookupVisit(ctx context.Context, hash session.Hash) (session.Credential, error) {
	v, err := s.DB.VisitByHash(ctx, hash)
	if v, err = s.liveVisit(ctx, v, err); err != nil {
		return session.Credential{}, err
	}
	return session.Credential{
		Kind: session.KindSession, Session: v.ID, Principal: authz.Principal{Terms: v.Terms}, Expires: s.visitEnds(v),
	}, nil
}

func (s *Service) lookupVisitToken(ctx context.Context, hash session.Hash) (session.Credential, error) {
	token, err := s.DB.VisitTokenByHash(ctx, hash)
	v, err := s.liveVisit(ctx, token.Visit, err)
	if err != nil {
		return session.Credential{}, err
	}
	if !s.Now().Before(token.Expires) {
		return session.Credential{}, ErrExpired
	}
	expires := s.visitEnds(v)
	if token.Expires.Before(expires) {
		expires = token.Expires
	}
	service := parseTokenService(token.Service)
	return session.Credential{
		Kind: session.KindIIIF, Session: v.ID, Principal: authz.Principal{Terms: v.Terms},
		Origin: token.Origin, Service: service.Name, Flow: service.Flow, Expires: expires,
	}, nil
}

// visitEnds is when a visit lapses if nothing more happens.
func (s *Service) visitEnds(v Visit) time.Time {
	idle := v.Seen.Add(s.SessionIdle)
	if v.Expires.Before(idle) {
		return v.Expires
	}
	return idle
}

// liveVisit finishes a look-up of a visit.
func (s *Service) liveVisit(ctx context.Context, v Visit, err error) (Visit, error) {
	now := s.Now()
	switch {
	case err != nil:
		return Visit{}, unknown(err)
	case !now.Before(s.visitEnds(v)):
		return Visit{}, ErrExpired
	case now.Sub(v.Seen) < min(touchEvery, s.SessionIdle/2):
		return v, nil
	}
	if err := s.DB.Note(ctx, now, func(tx *db.Tx) error { return tx.TouchVisit(ctx, v.ID) }); err != nil {
		s.Log.WarnContext(ctx, "activity not recorded", "visit", v.ID, "error", err)
		return v, nil
	}
	v.Seen = now
	return v, nil
}

// VisitBySecret finds the visit of a session cookie. Errors as for SessionBySecret.
func (s *Service) VisitBySecret(ctx context.Context, secret string) (Visit, error) {
	v, err := s.DB.VisitByHash(ctx, session.HashOf(secret))
	return s.liveVisit(ctx, v, err)
}

// Visits lists a page of the visits that live.
func (s *Service) Visits(ctx context.Context, q VisitQuery) ([]Visit, error) {
	q.Seen, q.Expires = s.Now().Add(-s.SessionIdle), s.Now()
	return s.DB.Visits(ctx, q)
}

// EndVisit ends a visit by its public id.
func (s *Service) EndVisit(ctx context.Context, actor Actor, id string) error {
	err := s.update(ctx, func(tx *db.Tx) error {
		if err := tx.EndVisit(ctx, id); err != nil {
			return err
		}
		return record(ctx, tx, actor, audit.SessionExpired, "visit:"+id, map[string]any{"reason": byRevoking})
	})
	if err != nil {
		return notFound(err, "no-such-session")
	}
	s.Log.InfoContext(ctx, "visit ended", "visit", id, "by", actor.UserID)
	return nil
}

// endVisit ends the visit of a cookie; ending none is no error.
func endVisit(ctx context.Context, tx *db.Tx, secret string) error {
	v, err := tx.VisitByHash(ctx, session.HashOf(secret))
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.EndVisit(ctx, v.ID)
}

// VisitHasOrigin tells whether a visit accepted terms for the viewer of an origin.
func (s *Service) VisitHasOrigin(ctx context.Context, v Visit, origin string) (bool, error) {
	return s.DB.VisitHasOrigin(ctx, v.ID, origin)
}

// Visitor is who accepts terms without having signed in.
type Visitor struct {
	Secret string // of the session cookie that the browser holds, "" if none
	Addr   netip.Addr
	Agent  string // the browser's name for itself
	Origin string // of the viewer that asked for it, "" if none did
}

// AcceptAsVisitor records that a visitor has accepted terms. secret is that of a new
// visit's cookie, "" where the visit there was goes on.
func (s *Service) AcceptAsVisitor(ctx context.Context, who Visitor, t authz.Terms) (secret string, err error) {
	v, err := s.VisitBySecret(ctx, who.Secret)
	fresh := errors.Is(err, session.ErrUnknown)
	if fresh {
		v, secret, err = s.newVisit(who)
	}
	if err != nil {
		return "", err
	}
	err = s.update(ctx, func(tx *db.Tx) error {
		if fresh {
			if err := s.beginVisit(ctx, tx, v, secret); err != nil {
				return err
			}
		}
		if who.Origin != "" {
			if err := tx.AddVisitOrigin(ctx, v.ID, who.Origin, maxOrigins); err != nil {
				return err
			}
		}
		if err := tx.AcceptAsVisit(ctx, v.ID, t); err != nil {
			return err
		}
		return record(ctx, tx, Actor{}, audit.TermsAccepted, termsTarget(t), map[string]any{"visit": v.ID})
	})
	if err != nil {
		return "", err
	}
	s.Log.InfoContext(ctx, "terms accepted", "terms", t.Key(), "visit", v.ID)
	return secret, nil
}

func (s *Service) newVisit(who Visitor) (v Visit, secret string, err error) {
	id, err := newID()
	now := s.Now()
	return Visit{
		ID: id, Network: Network(who.Addr), Agent: tidyAgent(who.Agent), Created: now, Seen: now, Expires: now.Add(s.SessionMax),
	}, newSecret(""), err
}

func (s *Service) beginVisit(ctx context.Context, tx *db.Tx, v Visit, secret string) error {
	n, err := tx.CountVisits(ctx, v.Network, s.Now().Add(-visitsWithin))
	if err != nil {
		return err
	}
	if n >= maxVisits {
		return &Error{Kind: Throttled, Code: "too-many-visits", RetryAfter: visitsWithin / 4}
	}
	return tx.InsertVisit(ctx, session.HashOf(secret), v)
}
