package people

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/internal/session"
)

// maxAgent bounds what is kept of a browser's name, in bytes.
const maxAgent = 200

// Attempt is a try to sign in.
type Attempt struct {
	Email, Password string
	Addr            netip.Addr
	Agent           string // the browser's name for itself
	Before          string // secret of the session cookie the browser held; ended on success
	Origin          string // of the viewer that asked for it, "" if none did
}

// SignedIn is a fresh session with the secrets of its cookies.
type SignedIn struct {
	Session     Session
	Secret      string
	AdminSecret string // "" unless the user is an administrator
}

// SignIn checks a password and starts a session under a new id. Errors: *Error
// of kind Denied, Throttled or Busy. Unknown, inactive and mistyped are answered
// alike and take the same time.
func (s *Service) SignIn(ctx context.Context, a Attempt) (SignedIn, error) {
	email, network := candidate(a.Email), Network(a.Addr)
	counted, err := s.countAttempt(ctx, email, network)
	if err != nil {
		return SignedIn{}, err
	}
	in, err := s.admit(ctx, a, email, network, counted)
	if errors.Is(err, errDenied) {
		return SignedIn{}, errors.Join(err, s.recordFailure(ctx, email, counted))
	}
	if err != nil {
		s.takeBack(ctx, counted)
		return SignedIn{}, err
	}
	s.Log.InfoContext(ctx, "signed in", "user", in.Session.User.ID, "session", in.Session.ID)
	return in, nil
}

// candidate is the address as it may be looked for. What can be nobody's becomes "", which
// is counted and costs as much as any: databases refuse some of it.
func candidate(email string) string {
	email = fold(email)
	if len(email) > maxEmail || !utf8.ValidString(email) || strings.ContainsRune(email, 0) {
		return ""
	}
	return email
}

// admit lets those in whose password is right.
func (s *Service) admit(ctx context.Context, a Attempt, email, network string, counted []budget) (SignedIn, error) {
	v, err := s.verify(ctx, email, a.Password)
	if err != nil {
		return SignedIn{}, err
	}
	in, err := s.newSession(v.user, network, a.Agent)
	if err != nil {
		return SignedIn{}, err
	}
	return in, s.update(ctx, func(tx *db.Tx) error {
		return s.openSession(ctx, tx, v, in, a, counted)
	})
}

// verified is a user whose password was right.
type verified struct {
	user     User
	phc      string // as it was when checked
	rehashed string // PHC string by today's parameters, "" if phc is
}

var errDenied = &Error{Kind: Denied, Code: "wrong-password"}

func (s *Service) verify(ctx context.Context, email, text string) (verified, error) {
	v, err := s.candidate(ctx, email)
	if err != nil {
		return verified{}, err
	}
	match, stale, err := s.Passwords.Verify(ctx, text, v.phc)
	switch {
	case errors.Is(err, password.ErrBusy):
		return verified{}, errBusy
	case err != nil:
		return verified{}, err
	case !match || !v.user.Active:
		return verified{}, errDenied
	case stale:
		v.rehashed = s.rehash(ctx, v.user, text)
	}
	return v, nil
}

// rehash brings a password up to today's parameters, at the next sign-in if not
// at this one.
func (s *Service) rehash(ctx context.Context, u User, text string) string {
	phc, err := s.hash(ctx, text)
	if err != nil {
		s.Log.WarnContext(ctx, "password not rehashed", "user", u.ID, "error", err)
	}
	return phc
}

// candidate finds whom a name stands for; nobody is a user without password.
func (s *Service) candidate(ctx context.Context, email string) (v verified, err error) {
	v.user, err = s.DB.UserByEmail(ctx, email)
	if errors.Is(err, db.ErrNotFound) {
		return verified{}, nil
	}
	if err != nil {
		return verified{}, err
	}
	v.phc, err = s.DB.Password(ctx, v.user.ID)
	if errors.Is(err, db.ErrNotFound) {
		return verified{}, nil
	}
	return v, err
}

func (s *Service) newSession(u User, network, agent string) (SignedIn, error) {
	id, err := newID()
	if err != nil {
		return SignedIn{}, err
	}
	now := s.Now()
	in := SignedIn{
		Secret: newSecret(""),
		Session: Session{
			ID: id, User: u, Network: network, Agent: tidyAgent(agent),
			Created: now, Seen: now, Expires: now.Add(s.SessionMax),
		},
	}
	if u.Admin {
		in.AdminSecret = newSecret("")
	}
	return in, nil
}

func tidyAgent(agent string) string {
	agent = agent[:min(len(agent), maxAgent)]
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, agent)
}

// openSession stores what a right password leads to.
func (s *Service) openSession(ctx context.Context, tx *db.Tx, v verified, in SignedIn, a Attempt, counted []budget) error {
	if err := stillValid(ctx, tx, v); err != nil {
		return err
	}
	if v.rehashed != "" {
		if err := tx.SetPassword(ctx, v.user.ID, v.rehashed); err != nil {
			return err
		}
	}
	if err := s.enter(ctx, tx, in, entry{before: a.Before, origin: a.Origin, by: byPassword}); err != nil {
		return err
	}
	return s.absolve(ctx, tx, counted)
}

// stillValid looks again inside the transaction: hashing takes long enough for
// an administrator to shut somebody out meanwhile.
func stillValid(ctx context.Context, tx *db.Tx, v verified) error {
	u, err := tx.User(ctx, v.user.ID)
	if err != nil {
		return denyMissing(err)
	}
	phc, err := tx.Password(ctx, v.user.ID)
	if err != nil {
		return denyMissing(err)
	}
	if !u.Active || u.Admin != v.user.Admin || phc != v.phc {
		return errDenied
	}
	return nil
}

func denyMissing(err error) error {
	if errors.Is(err, db.ErrNotFound) {
		return errDenied
	}
	return err
}

func insertSession(ctx context.Context, tx *db.Tx, in SignedIn, origin string) error {
	row := db.NewSession{Session: in.Session, Hash: session.HashOf(in.Secret)}
	if in.AdminSecret != "" {
		hash := session.HashOf(in.AdminSecret)
		row.AdminHash = &hash
	}
	if err := tx.InsertSession(ctx, row); err != nil {
		return err
	}
	if origin != "" {
		if err := tx.AddOrigin(ctx, in.Session.ID, origin, maxOrigins); err != nil {
			return err
		}
	}
	return tx.EndStalestSessions(ctx, in.Session.User.ID, maxSessions)
}
