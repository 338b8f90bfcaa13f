package people

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
)

// Bounds of how long a sign-in link is good.
const (
	defaultLinkLife = 24 * time.Hour
	maxLinkLife     = 7 * 24 * time.Hour
)

// prefixLink marks the secrets of sign-in links.
const prefixLink = "tsil_"

// byLink is how people sign in with one.
const byLink = "link"

// NewLink asks for a sign-in link. A zero Expires stands for a day from now.
type NewLink struct {
	UserID   string
	Password bool // its bearer has to choose a new password
	Expires  time.Time
}

// CreateLink makes a link that signs a user in, once. It takes the place of the one she
// had. The secret is not kept.
func (s *Service) CreateLink(ctx context.Context, actor Actor, asked NewLink) (Link, string, error) {
	now := s.Now()
	if asked.Expires.IsZero() {
		asked.Expires = now.Add(defaultLinkLife)
	}
	if life := asked.Expires.Sub(now); life <= 0 || life > maxLinkLife {
		return Link{}, "", invalid("expires", "bad-link-life", int(maxLinkLife.Hours()/24))
	}
	link, secret := Link{Password: asked.Password, Created: now, Expires: asked.Expires}, newSecret(prefixLink)
	err := s.update(ctx, func(tx *db.Tx) (err error) {
		if link.User, err = tx.User(ctx, asked.UserID); err != nil {
			return err
		}
		if err := actor.mayTouch(link.User); err != nil {
			return err
		}
		if !link.User.Active {
			return &Error{Kind: Conflict, Code: "link-inactive"}
		}
		if err := tx.SetLink(ctx, session.HashOf(secret), link); err != nil {
			return err
		}
		return record(ctx, tx, actor, audit.TokenCreated, userTarget(asked.UserID),
			map[string]any{"kind": "sign-in link", "password": link.Password, "expires": link.Expires})
	})
	if err != nil {
		return Link{}, "", notFound(err, "no-such-user")
	}
	s.Log.InfoContext(ctx, "sign-in link made", "user", asked.UserID, "by", actor.UserID)
	return link, secret, nil
}

// Link is the link of a user that can still be used.
func (s *Service) Link(ctx context.Context, userID string) (Link, error) {
	link, err := s.DB.Link(ctx, userID)
	if err == nil && !s.Now().Before(link.Expires) {
		err = db.ErrNotFound
	}
	return link, notFound(err, "no-such-link")
}

// RevokeLink makes the link of a user worthless; having none is no error.
func (s *Service) RevokeLink(ctx context.Context, actor Actor, userID string) error {
	return s.update(ctx, func(tx *db.Tx) error { return revokeLink(ctx, tx, actor, userID) })
}

func revokeLink(ctx context.Context, tx *db.Tx, actor Actor, userID string) error {
	was, err := tx.DeleteLink(ctx, userID)
	if err != nil || !was {
		return err
	}
	return record(ctx, tx, actor, audit.TokenRevoked, userTarget(userID), map[string]any{"kind": "sign-in link"})
}

// errLink does not say whether there ever was such a link.
var errLink = &Error{Kind: Denied, Code: "bad-link"}

// LinkBySecret looks at a link without using it. Errors: *Error of kind Denied.
func (s *Service) LinkBySecret(ctx context.Context, secret string) (Link, error) {
	return s.liveLink(ctx, s.DB.Reader, secret)
}

func (s *Service) liveLink(ctx context.Context, r db.Reader, secret string) (Link, error) {
	link, err := r.LinkByHash(ctx, session.HashOf(secret))
	switch {
	case errors.Is(err, db.ErrNotFound), err == nil && (!link.User.Active || !s.Now().Before(link.Expires)):
		return Link{}, errLink
	case err != nil:
		return Link{}, err
	}
	return link, nil
}

// LinkUse is somebody who holds a link.
type LinkUse struct {
	Secret   string
	Password string // the new one, where the link asks for it
	Addr     netip.Addr
	Agent    string
	Before   string // secret of the session cookie the browser held; ended on success
}

// UseLink signs in by a link, which is worth nothing from then on. Errors: *Error of
// kind Denied, or Invalid where the new password will not do; the link is then still
// good.
func (s *Service) UseLink(ctx context.Context, use LinkUse) (SignedIn, error) {
	link, err := s.LinkBySecret(ctx, use.Secret)
	if err != nil {
		return SignedIn{}, err
	}
	change := UserChange{}
	if link.Password {
		change.Password = &use.Password
	}
	phc, err := s.hashPassword(ctx, change)
	if err != nil {
		return SignedIn{}, err
	}
	in, err := s.newSession(link.User, Network(use.Addr), use.Agent)
	if err != nil {
		return SignedIn{}, err
	}
	err = s.update(ctx, func(tx *db.Tx) error { return s.spendLink(ctx, tx, link, use, phc, in) })
	if err != nil {
		return SignedIn{}, err
	}
	s.Log.InfoContext(ctx, "signed in by a link", "user", link.User.ID, "session", in.Session.ID)
	return in, nil
}

// spendLink looks again: hashing takes long enough for somebody else to come first.
func (s *Service) spendLink(ctx context.Context, tx *db.Tx, seen Link, use LinkUse, phc string, in SignedIn) error {
	link, err := s.liveLink(ctx, tx.Reader, use.Secret)
	if err != nil {
		return err
	}
	if link.User.Admin != seen.User.Admin || link.Password != seen.Password {
		return errLink
	}
	if _, err := tx.DeleteLink(ctx, link.User.ID); err != nil {
		return err
	}
	if err := s.savePassword(ctx, tx, Actor{UserID: link.User.ID}, link.User, phc); err != nil {
		return err
	}
	if err := s.enter(ctx, tx, in, entry{before: use.Before, by: byLink}); err != nil {
		return err
	}
	// Whoever was given a link has waited long enough for the guesses of others.
	counted, err := budgets(ctx, tx.Reader, link.User.Email, in.Session.Network)
	if err != nil {
		return err
	}
	return tx.SetThrottle(ctx, counted[0].subject, db.Throttle{Updated: s.Now()})
}
