package people

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/audit"
	"github.com/tessera-iiif/tessera/coordinator/db"
)

// SignUp says who of a provider's people may come in the first time.
type SignUp int

// The values of SignUp.
const (
	Everyone SignUp = iota // an account is made for them
	Invited                // those who were given a sign-in link and added the provider then
	Linked                 // those who added the provider to an account they have
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

	SignUp SignUp
	LinkTo string // id of the user whose session this browser left with, to add the provider

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
		return SignedIn{}, errors.Join(err, s.recordRefusal(ctx, a, err))
	}
	s.Log.InfoContext(ctx, "signed in by a provider", "provider", a.Provider, "user", in.Session.User.ID, "session", in.Session.ID)
	return in, nil
}

// byProvider is how people sign in so.
const byProvider = "provider"

// recordRefusal puts on record that somebody whom a provider knows may not come in.
func (s *Service) recordRefusal(ctx context.Context, a Arrival, why error) error {
	var refused *Error
	if !errors.As(why, &refused) {
		return nil
	}
	details := map[string]any{"by": byProvider, "provider": a.Provider, "subject": a.Subject, "reason": refused.Code}
	return s.update(ctx, func(tx *db.Tx) error { return record(ctx, tx, Actor{}, audit.LoginFail, "", details) })
}

// openArrival stores the session and ends the one the browser came with.
func (s *Service) openArrival(ctx context.Context, tx *db.Tx, in SignedIn, a Arrival) error {
	if err := s.enter(ctx, tx, in, entry{before: a.Before, origin: a.Origin, by: byProvider}); err != nil {
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
	switch {
	case found && a.LinkTo != "" && a.LinkTo != known.UserID:
		return Identity{}, errTiedAlready
	case found:
		return known, nil
	case a.LinkTo != "":
		return s.tie(ctx, tx, a)
	}
	return s.found(ctx, tx, a)
}

// tie adds an identity to the account of whoever left to prove it.
func (s *Service) tie(ctx context.Context, tx *db.Tx, a Arrival) (Identity, error) {
	i := Identity{Issuer: a.Issuer, Subject: a.Subject, UserID: a.LinkTo, Provider: a.Provider, Email: a.Email}
	held, err := tx.Identities(ctx, a.LinkTo)
	if err != nil {
		return Identity{}, err
	}
	if len(held) >= maxIdentities {
		return Identity{}, &Error{Kind: Conflict, Code: "too-many-identities", Args: []any{maxIdentities}}
	}
	if err := tx.InsertIdentity(ctx, i); err != nil {
		return Identity{}, err
	}
	return i, record(ctx, tx, Actor{UserID: i.UserID}, identityAdded, userTarget(i.UserID), named(i))
}

// Events of identities.
const (
	identityAdded   = "authn_identity_added"
	identityRemoved = "authn_identity_removed"
)

func named(i Identity) map[string]any {
	return map[string]any{"provider": i.Provider, "issuer": i.Issuer, "subject": i.Subject}
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
	if err := tx.InsertIdentity(ctx, i); err != nil {
		return Identity{}, err
	}
	return i, record(ctx, tx, system, audit.UserCreated, userTarget(id), named(i))
}

// system is the actor of what a provider's word leads to.
var system = Actor{UserID: audit.System}

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
	err = s.save(ctx, tx, system, before, after)
	if isLastAdmin(err) {
		s.Log.WarnContext(ctx, "the provider says that the last administrator is none; she stays one", "provider", a.Provider, "user", before.ID)
		after.Admin, i.Admin = true, true
		err = s.save(ctx, tx, system, before, after)
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
	details := named(i)
	details["groups"] = audit.Change{From: had, To: groups}
	if err := record(ctx, tx, system, audit.RightsChange, userTarget(i.UserID), details); err != nil {
		return err
	}
	return tx.ForgetUser(ctx, i.UserID)
}
