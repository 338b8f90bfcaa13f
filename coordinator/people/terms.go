package people

import (
	"context"
	"slices"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Terms finds terms by name, in the version that the rules ask for now.
func (s *Service) Terms(ctx context.Context, name string) (authz.Terms, error) {
	d, err := s.DB.Definitions(ctx)
	if err != nil {
		return authz.Terms{}, err
	}
	i := slices.IndexFunc(d.Terms, func(t authz.Terms) bool { return t.Name == name })
	if i < 0 {
		return authz.Terms{}, &Error{Kind: NotFound, Code: "no-such-terms"}
	}
	return d.Terms[i], nil
}

// HasAccepted tells whether a user has accepted terms, in just this version.
func (s *Service) HasAccepted(ctx context.Context, userID string, t authz.Terms) (bool, error) {
	keys, err := s.DB.UserTerms(ctx, userID)
	return slices.Contains(keys, t.Key()), err
}

// AcceptAsUser records that whoever is signed in by a session has accepted terms, for
// the viewer of an origin, "" for none. It holds wherever she signs in.
func (s *Service) AcceptAsUser(ctx context.Context, sess Session, origin string, t authz.Terms) error {
	err := s.update(ctx, func(tx *db.Tx) error {
		if origin != "" {
			if err := tx.AddOrigin(ctx, sess.ID, origin, maxOrigins); err != nil {
				return err
			}
		}
		if err := tx.AcceptAsUser(ctx, sess.User.ID, t); err != nil {
			return err
		}
		return record(ctx, tx, Actor{UserID: sess.User.ID}, audit.TermsAccepted, termsTarget(t), nil)
	})
	if err == nil {
		s.Log.InfoContext(ctx, "terms accepted", "terms", t.Key(), "user", sess.User.ID)
	}
	return err
}

func termsTarget(t authz.Terms) string { return "terms:" + t.Key() }

// IssueVisitToken is IssueAccessToken for a visit.
func (s *Service) IssueVisitToken(ctx context.Context, v Visit, cookie, origin string, service TokenService) (secret string, life time.Duration, err error) {
	now := s.Now().Truncate(time.Millisecond) // as precisely as it is stored
	token := db.VisitToken{Visit: v, Origin: origin, Service: service.String(), Expires: now.Add(s.TokenLife)}
	if v.Expires.Before(token.Expires) {
		token.Expires = v.Expires
	}
	again, err := s.findVisitToken(ctx, s.DB.Reader, &token, now)
	if err == nil && !again {
		err = s.update(ctx, func(tx *db.Tx) error { return s.insertVisitToken(ctx, tx, &token, cookie, now) })
	}
	if err != nil {
		return "", 0, err
	}
	return visitSecret(cookie, token), token.Expires.Sub(now), nil
}

// findVisitToken makes of a token to be issued one that was, if that lasts.
func (s *Service) findVisitToken(ctx context.Context, r db.Reader, token *db.VisitToken, now time.Time) (found bool, err error) {
	latest, err := r.VisitTokenExpires(ctx, token.Visit.ID, token.Origin, token.Service)
	if err != nil || latest.Before(token.Expires) && latest.Sub(now) < s.TokenLife/2 {
		return false, err
	}
	token.Expires = latest
	return true, nil
}

func (s *Service) insertVisitToken(ctx context.Context, tx *db.Tx, token *db.VisitToken, cookie string, now time.Time) error {
	if found, err := s.findVisitToken(ctx, tx.Reader, token, now); found || err != nil {
		return err
	}
	held, err := tx.InsertVisitToken(ctx, session.HashOf(visitSecret(cookie, *token)), *token)
	if err == nil && held > maxAccessTokens {
		return &Error{Kind: Busy, Code: "busy", RetryAfter: s.TokenLife / 2}
	}
	return err
}

func visitSecret(cookie string, t db.VisitToken) string {
	return accessSecret(cookie, db.AccessToken{Origin: t.Origin, Service: t.Service, Expires: t.Expires})
}
