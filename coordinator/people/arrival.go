package people

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
)

// SignUp says who of a provider's people may come in the first time.
type SignUp int

// The values of SignUp.
const (
	Everyone SignUp = iota // an account is made for them
	Invited                // those who were given a link
	Linked                 // those who added the provider to an account
)

// Arrival is somebody for whom an OpenID provider has vouched. Issuer and Subject alone
// say who it is; everything else is what the provider says about them (R50).
type Arrival struct {
	Provider        string // by which name it is known here
	Issuer, Subject string
	Name            string
	Email           string
	OwnsEmail       bool // the operator takes the provider's word for whose the address is
	Groups          []string

	DecidesAdmin bool // the operator has the provider say who administers
	Admin        bool

	SignUp     SignUp
	LinkTo     string // id of the user whose session this browser left with, to add the provider
	Invitation string // secret of a link, "" for none

	Session ProviderSession // what the session keeps; SessionID is not set
	Seal    func(sessionID string, p *ProviderSession)

	Addr   netip.Addr
	Agent  string
	Before string // as of an Attempt
	Origin string // as of an Attempt
}

// ProviderSession is what a session needs of its provider.
type ProviderSession = db.ProviderSession

// Identity is whom an issuer's subject is here.
type Identity = db.Identity

var (
	errShutOut     = &Error{Kind: Forbidden, Code: "shut-out"}
	errNotInvited  = &Error{Kind: Forbidden, Code: "not-invited"}
	errNotLinked   = &Error{Kind: Forbidden, Code: "not-linked"}
	errTiedAlready = &Error{Kind: Conflict, Code: "tied-already"}
	errInvitation  = &Error{Kind: Forbidden, Code: "invitation-over"}
)

// Arrive starts a session, under a new id, for the user an identity belongs to. It makes
// that user, or ties the identity to one, where that is allowed. Errors: *Error of kind
// Forbidden or Conflict.
func (s *Service) Arrive(ctx context.Context, a Arrival) (SignedIn, error) {
	var in SignedIn
	err := s.update(ctx, func(tx *db.Tx) error {
		identity, err := s.recognise(ctx, tx, a)
		if err != nil {
			return err
		}
		u, err := s.follow(ctx, tx, identity, a)
		if err != nil {
			return err
		}
		if in, err = s.newSession(u, Network(a.Addr), a.Agent); err != nil {
			return err
		}
		in.Session.Provider = a.Provider
		return s.openArrival(ctx, tx, in, a)
	})
	if err != nil {
		s.note(ctx, "sign-in by provider refused", "provider", a.Provider, "subject", a.Subject, "reason", err)
		return SignedIn{}, err
	}
	s.note(ctx, "signed in by provider", "provider", a.Provider, "user", in.Session.User.ID, "session", in.Session.ID, "linked", a.LinkTo != "" || a.Invitation != "")
	return in, nil
}

// openArrival stores the session and ends the one the browser came with.
func (s *Service) openArrival(ctx context.Context, tx *db.Tx, in SignedIn, a Arrival) error {
	if err := endFound(ctx, tx, a.Before, db.Reader.SessionByHash); err != nil {
		return err
	}
	if err := insertSession(ctx, tx, in, a.Origin); err != nil {
		return err
	}
	kept := a.Session
	kept.SessionID, kept.Issuer, kept.Subject, kept.Confirmed = in.Session.ID, a.Issuer, a.Subject, s.Now()
	if a.Seal != nil {
		a.Seal(in.Session.ID, &kept)
	}
	return tx.InsertProviderSession(ctx, kept)
}

// recognise finds whom an arrival is, or settles whom they are from now on.
func (s *Service) recognise(ctx context.Context, tx *db.Tx, a Arrival) (Identity, error) {
	known, err := tx.Identity(ctx, a.Issuer, a.Subject)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return Identity{}, err
	}
	found := err == nil
	owner, err := s.claimant(ctx, tx, a)
	switch {
	case err != nil:
		return Identity{}, err
	case found && owner != "" && owner != known.UserID:
		return Identity{}, errTiedAlready
	case found:
		return known, nil
	case owner != "":
		return s.tie(ctx, tx, a, owner)
	}
	return s.found(ctx, tx, a)
}

// claimant is the user to whom an arrival has proved to belong otherwise, "" for nobody.
func (s *Service) claimant(ctx context.Context, tx *db.Tx, a Arrival) (string, error) {
	if a.Invitation == "" {
		return a.LinkTo, nil
	}
	hash := session.HashOf(a.Invitation)
	i, err := tx.Invitation(ctx, hash)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return "", errInvitation
	case err != nil:
		return "", err
	case !s.Now().Before(i.Expires):
		return "", errInvitation
	}
	return i.UserID, tx.DeleteInvitation(ctx, hash)
}

func (s *Service) tie(ctx context.Context, tx *db.Tx, a Arrival, userID string) (Identity, error) {
	i := Identity{Issuer: a.Issuer, Subject: a.Subject, UserID: userID, Provider: a.Provider, Email: a.Email}
	held, err := tx.Identities(ctx, userID)
	if err != nil {
		return Identity{}, err
	}
	if len(held) >= maxIdentities {
		return Identity{}, &Error{Kind: Conflict, Code: "too-many-identities", Args: []any{maxIdentities}}
	}
	return i, tx.InsertIdentity(ctx, i)
}

// found makes a user for somebody who was never here, if everybody may come.
func (s *Service) found(ctx context.Context, tx *db.Tx, a Arrival) (Identity, error) {
	switch a.SignUp {
	case Invited:
		return Identity{}, errNotInvited
	case Linked:
		return Identity{}, errNotLinked
	case Everyone:
	}
	email, err := addressOf(ctx, tx, a)
	if err != nil {
		return Identity{}, err
	}
	id, err := newID()
	if err != nil {
		return Identity{}, err
	}
	if err := tx.InsertUser(ctx, User{ID: id, Email: email, Name: tidyName(a.Name), Active: true}, ""); err != nil {
		return Identity{}, taken(err)
	}
	i := Identity{Issuer: a.Issuer, Subject: a.Subject, UserID: id, Provider: a.Provider, Email: a.Email, Founded: true}
	return i, tx.InsertIdentity(ctx, i)
}

// addressOf gives a new user an address: hers if it is known to be and nobody has it,
// else one that is nobody's. An address that a provider only claims must not stand where
// administrators look for people: they would give rights to whoever claimed it.
func addressOf(ctx context.Context, tx *db.Tx, a Arrival) (string, error) {
	if email := fold(a.Email); a.OwnsEmail && strings.Contains(email, "@") && checkEmail(email) == nil {
		_, err := tx.UserByEmail(ctx, email)
		if errors.Is(err, db.ErrNotFound) {
			return email, nil
		}
		if err != nil {
			return "", err
		}
	}
	sum := sha256.Sum256([]byte(a.Issuer + "\x00" + a.Subject))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10])) + "@" + a.Provider + ".invalid", nil
}

func tidyName(name string) string {
	if checkName(name) != nil {
		return ""
	}
	return name
}

// follow brings a user up to what the provider says now.
func (s *Service) follow(ctx context.Context, tx *db.Tx, i Identity, a Arrival) (User, error) {
	before, err := tx.User(ctx, i.UserID)
	if err != nil {
		return User{}, err
	}
	if !before.Active {
		return User{}, errShutOut
	}
	if err := s.lend(ctx, tx, i, a.Groups); err != nil {
		return User{}, err
	}
	after := before
	if name := tidyName(a.Name); i.Founded && name != "" {
		after.Name = name
	}
	i.Admin = decideAdmin(i, &after, a)
	err = s.save(ctx, tx, before, after)
	var refused *Error
	if errors.As(err, &refused) && refused.Code == "last-admin" {
		s.Log.WarnContext(ctx, "the provider says that the last administrator is none; she stays one", "provider", a.Provider, "user", before.ID)
		after.Admin, i.Admin = true, true
		err = s.save(ctx, tx, before, after)
	}
	if err != nil {
		return User{}, err
	}
	i.Provider, i.Email = a.Provider, a.Email
	if err := tx.SaveIdentity(ctx, i); err != nil {
		return User{}, err
	}
	return tx.User(ctx, i.UserID)
}

// decideAdmin sets whether the user administers, if the provider has a say, and tells
// whether that is its doing. Whom administrators made one stays one.
func decideAdmin(i Identity, u *User, a Arrival) bool {
	switch {
	case a.DecidesAdmin && a.Admin:
		byProvider := i.Admin || !u.Admin
		u.Admin = true
		return byProvider
	case i.Admin: // it says so no more, or is not asked any more
		u.Admin = false
	}
	return false
}

// lend puts a user into the groups of her provider, in place of those it said before.
func (s *Service) lend(ctx context.Context, tx *db.Tx, i Identity, groups []string) error {
	groups, err := cleanGroups(groups)
	if err != nil {
		return err
	}
	had, err := tx.LentGroups(ctx, i.Issuer, i.Subject)
	if err != nil {
		return err
	}
	slices.Sort(had)
	if slices.Equal(had, groups) {
		return nil
	}
	if err := tx.SetLentGroups(ctx, i.Issuer, i.Subject, groups); err != nil {
		return err
	}
	return tx.ForgetUser(ctx, i.UserID)
}

// note is where what providers did goes on record.
func (s *Service) note(ctx context.Context, event string, attrs ...any) {
	s.Log.InfoContext(ctx, event, attrs...)
}

// invitationLife is how long a link may lie in somebody's mailbox.
const invitationLife = 7 * 24 * time.Hour
