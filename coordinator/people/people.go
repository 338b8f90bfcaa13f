// Package people is what the coordinator knows and does about people and rights:
// users, sign-ins, sessions, tokens, rules. It answers edges (session.Authority)
// and is what pages, JSON API and command line all go through.
package people

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/coordinator/password"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

type (
	// User is a person who may sign in.
	User = db.User
	// UserQuery selects users.
	UserQuery = db.UserQuery
	// Session is one sign-in.
	Session = db.Session
	// SessionQuery selects sessions.
	SessionQuery = db.SessionQuery
	// SessionFilter selects sessions to end.
	SessionFilter = db.SessionFilter
	// Group is a label that users bear.
	Group = db.Group
	// GroupQuery selects groups.
	GroupQuery = db.GroupQuery
	// AuditEntry is an event on record.
	AuditEntry = db.AuditEntry
	// AuditQuery selects entries of the record.
	AuditQuery = db.AuditQuery
	// Link is a sign-in link.
	Link = db.Link
	// PersonalToken is a secret that stands for its user at the API.
	PersonalToken = db.PersonalToken
	// TokenQuery selects personal tokens.
	TokenQuery = db.TokenQuery
	// Visit is the session of somebody who has not signed in.
	Visit = db.Visit
	// VisitQuery selects visits.
	VisitQuery = db.VisitQuery
	// RuleSet is all rules at a revision.
	RuleSet = db.RuleSet
)

// Bounds of what one person may hold.
const (
	maxSessions       = 100 // of a user; the stalest end first
	maxOrigins        = 16  // a session was used to sign in from
	maxAccessTokens   = 100 // of a session; half a life each, so for some 30 viewers
	maxPersonalTokens = 50  // of a user
	maxFamiliar       = 20  // networks of a user
)

// Config of a Service. DB, Passwords, Announce and Log are needed.
type Config struct {
	DB        *db.DB
	Passwords *password.Hasher

	SessionIdle time.Duration // a session ends after so long without activity
	SessionMax  time.Duration // and so long after sign-in in any case
	TokenLife   time.Duration // of IIIF access tokens
	AuditKeep   time.Duration // how long the record of changes is kept; 0: for ever

	TokenIssuers map[string]SignUp // whose access tokens edges take, and of whom

	SlashSubstitute string // stands for "/" in identifiers at edges; empty: off

	Fallback authz.Access         // for images that no rule names
	Announce func(revision int64) // called after each commit that edges must hear about
	Now      func() time.Time
	Log      *slog.Logger
}

// Service holds no state but the database's. It is safe for concurrent use.
type Service struct{ Config }

// New makes a service. It does no I/O.
func New(c Config) *Service { return &Service{c} }

// Actor is who asks for a change.
type Actor struct {
	UserID    string // audit.System for what nobody asked for
	SessionID string // "" when the credential is no session
	Stale     bool   // of a session that began longer than FreshFor ago
}

// FreshFor is how long after a sign-in somebody may change what outlives her session: how
// she signs in, who administers, and what opens an administrator's account.
const FreshFor = 10 * time.Minute

// IsFresh tells whether somebody has just signed in.
func (s *Service) IsFresh(sess Session) bool { return s.Now().Sub(sess.Created) <= FreshFor }

// ActorOf is who asks by a session.
func (s *Service) ActorOf(sess Session) Actor {
	return Actor{UserID: sess.User.ID, SessionID: sess.ID, Stale: !s.IsFresh(sess)}
}

// mayTouch refuses to a session that may have been left open somewhere what concerns an
// administrator, before a change or after it (R63).
func (a Actor) mayTouch(accounts ...User) error {
	if a.Stale && slices.ContainsFunc(accounts, func(u User) bool { return u.Admin }) {
		return &Error{Kind: Forbidden, Code: "sign-in-again"}
	}
	return nil
}

// update changes people and rights and tells edges once it is committed.
func (s *Service) update(ctx context.Context, fn func(*db.Tx) error) error {
	revision, err := s.DB.Update(ctx, s.Now(), fn)
	if err != nil {
		return err
	}
	if revision > 0 {
		s.Announce(revision)
	}
	return nil
}

// Prefixes tell kinds of token apart at a glance, and for secret scanners.
const (
	prefixAccess   = "tiat_"
	prefixPersonal = "tpat_"
)

// newSecret returns 256 random bits.
func newSecret(prefix string) string {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails: it would end the process instead
	return prefix + base64.RawURLEncoding.EncodeToString(raw[:])
}

// newID returns a public identifier; later ones sort after earlier ones.
func newID() (string, error) {
	id, err := uuid.NewV7()
	return id.String(), err
}

func principal(u User) authz.Principal {
	name := u.Name
	if name == "" {
		name = u.Email
	}
	groups := slices.Concat(u.Groups, u.Lent)
	slices.Sort(groups)
	return authz.Principal{ID: u.ID, Name: name, Groups: groups, Admin: u.Admin}
}
