package people

import (
	"context"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
)

// Bounds of how long a personal access token lives.
const (
	defaultPersonalLife = 90 * 24 * time.Hour
	maxPersonalLife     = 366 * 24 * time.Hour
)

// AddOrigin remembers that a session was confirmed for the viewer of an origin.
func (s *Service) AddOrigin(ctx context.Context, sess Session, origin string) error {
	return s.update(ctx, func(tx *db.Tx) error { return tx.AddOrigin(ctx, sess.ID, origin, maxOrigins) })
}

// HasOrigin tells whether a session was confirmed for the viewer of an origin.
func (s *Service) HasOrigin(ctx context.Context, sess Session, origin string) (bool, error) {
	return s.DB.HasOrigin(ctx, sess.ID, origin)
}

// NewToken asks for a personal access token. A zero Expires stands for 90 days from now,
// no Scopes for all of them.
type NewToken struct {
	UserID  string
	Name    string
	Scopes  []string
	Expires time.Time
}

// CreatePersonalToken makes a personal access token. The secret is not kept.
func (s *Service) CreatePersonalToken(ctx context.Context, actor Actor, asked NewToken) (PersonalToken, string, error) {
	token, err := s.newPersonalToken(asked)
	if err != nil {
		return PersonalToken{}, "", err
	}
	secret := newSecret(prefixPersonal)
	err = s.update(ctx, func(tx *db.Tx) error {
		if token.User, err = tx.User(ctx, asked.UserID); err != nil {
			return err
		}
		if Allows(token, ScopeAdminRead) { // as one that changes does too
			if err := actor.mayTouch(token.User); err != nil {
				return err
			}
		}
		if err := insertPersonalToken(ctx, tx, token, secret); err != nil {
			return err
		}
		return record(ctx, tx, actor, audit.TokenCreated, tokenTarget(token.ID),
			map[string]any{"user": token.User.ID, "name": token.Name, "scopes": Scopes(token), "expires": token.Expires})
	})
	if err != nil {
		return PersonalToken{}, "", notFound(err, "no-such-user")
	}
	s.Log.InfoContext(ctx, "personal access token added", "id", token.ID, "user", asked.UserID, "by", actor.UserID)
	return token, secret, nil
}

// newPersonalToken checks what is asked for.
func (s *Service) newPersonalToken(asked NewToken) (PersonalToken, error) {
	if asked.Name == "" || len(asked.Name) > maxName || !isPlain(asked.Name) {
		return PersonalToken{}, invalid("name", "bad-token-name")
	}
	scopes, err := cleanScopes(asked.Scopes)
	if err != nil {
		return PersonalToken{}, err
	}
	now := s.Now()
	if asked.Expires.IsZero() {
		asked.Expires = now.Add(defaultPersonalLife)
	}
	if life := asked.Expires.Sub(now); life <= 0 || life > maxPersonalLife {
		return PersonalToken{}, invalid("expires", "bad-token-life", int(maxPersonalLife.Hours()/24))
	}
	id, err := newID()
	return PersonalToken{ID: id, Name: asked.Name, Scopes: scopes, Created: now, Expires: asked.Expires}, err
}

func insertPersonalToken(ctx context.Context, tx *db.Tx, token PersonalToken, secret string) error {
	n, err := tx.CountPersonalTokens(ctx, token.User.ID)
	if err != nil {
		return err
	}
	if n >= maxPersonalTokens {
		return &Error{Kind: Conflict, Code: "too-many-tokens", Args: []any{maxPersonalTokens}}
	}
	return tx.InsertPersonalToken(ctx, session.HashOf(secret), token)
}

// PersonalTokens lists a page, without the users' groups. The query's user may be an id
// or an address.
func (s *Service) PersonalTokens(ctx context.Context, q TokenQuery) ([]PersonalToken, error) {
	if nobody, err := s.ofUser(ctx, &q.UserID); nobody || err != nil {
		return nil, err
	}
	return s.DB.PersonalTokens(ctx, q)
}

// DeletePersonalToken ends a personal access token by its public id.
func (s *Service) DeletePersonalToken(ctx context.Context, actor Actor, id string) error {
	err := s.update(ctx, func(tx *db.Tx) error {
		token, err := tx.PersonalToken(ctx, id)
		if err != nil {
			return err
		}
		details := map[string]any{"user": token.User.ID, "name": token.Name}
		if err := record(ctx, tx, actor, audit.TokenRevoked, tokenTarget(id), details); err != nil {
			return err
		}
		return tx.DeletePersonalToken(ctx, id)
	})
	if err != nil {
		return notFound(err, "no-such-token")
	}
	s.Log.InfoContext(ctx, "personal access token ended", "id", id, "by", actor.UserID)
	return nil
}

// PersonalTokenBySecret finds a live personal access token. Errors: session.ErrUnknown,
// ErrExpired.
func (s *Service) PersonalTokenBySecret(ctx context.Context, secret string) (PersonalToken, error) {
	return s.personalToken(ctx, session.HashOf(secret))
}

func (s *Service) personalToken(ctx context.Context, hash session.Hash) (PersonalToken, error) {
	t, err := s.DB.PersonalTokenByHash(ctx, hash)
	now := s.Now()
	switch {
	case err != nil:
		return PersonalToken{}, unknown(err)
	case !t.User.Active:
		return PersonalToken{}, session.ErrUnknown
	case !now.Before(t.Expires):
		return PersonalToken{}, ErrExpired
	case now.Sub(t.Used) < touchEvery:
		return t, nil
	}
	if err := s.DB.Note(ctx, now, func(tx *db.Tx) error { return tx.TouchPersonalToken(ctx, t.ID) }); err != nil {
		s.Log.WarnContext(ctx, "use not recorded", "id", t.ID, "error", err)
	}
	return t, nil
}
