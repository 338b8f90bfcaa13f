// Package session is what an edge knows about people: credentials it has seen,
// the rules in force, and for how long it may trust either without the authority.
package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Kind tells credentials apart; one kind is never accepted where another is asked.
type Kind string

// The kinds of credential.
const (
	KindSession  Kind = "session"  // the session cookie
	KindIIIF     Kind = "iiif"     // access token of the IIIF authorization flows
	KindPersonal Kind = "personal" // personal access token of an API client
	KindIdentity Kind = "identity" // what an OpenID provider says somebody is; no secret
)

// Valid reports whether k is a kind of secret that somebody may show.
func (k Kind) Valid() bool {
	switch k {
	case KindSession, KindIIIF, KindPersonal:
		return true
	}
	return false
}

// Flow is a version of the IIIF authorization flows. Each has a token service of its
// own, whose tokens are worth nothing where the other's are asked for.
type Flow int

// The flows.
const (
	Auth1 Flow = 1 // Authentication API 1.0: its tokens are for info.json
	Auth2 Flow = 2 // Authorization Flow API 2.0: its tokens are for the probe
)

// Hash is the SHA-256 of a credential's secret. The secret itself never leaves
// the process that received it.
type Hash [sha256.Size]byte

// HashOf hashes a secret as its bearer sent it.
func HashOf(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// String gives the unpadded base64url form, 43 characters.
func (h Hash) String() string { return base64.RawURLEncoding.EncodeToString(h[:]) }

// MarshalText gives the form of String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText accepts the form of String and nothing else: the decoder passes
// over line breaks, so the length is checked before.
func (h *Hash) UnmarshalText(text []byte) error {
	encoding := base64.RawURLEncoding.Strict()
	raw, err := encoding.DecodeString(string(text))
	if err != nil || len(raw) != len(h) || len(text) != encoding.EncodedLen(len(h)) {
		return fmt.Errorf("credential hash: want %d bytes in base64url", len(h))
	}
	copy(h[:], raw)
	return nil
}

// Credential is what a secret stands for.
type Credential struct {
	Kind      Kind            `json:"kind"`
	Session   string          `json:"session"`           // public id of the session it stands for
	Principal authz.Principal `json:"principal"`         // without Addr, which belongs to a request
	Origin    string          `json:"origin,omitempty"`  // origin the login came from
	Service   string          `json:"service,omitempty"` // name of the auth service
	Flow      Flow            `json:"flow,omitempty"`    // whose access token it is; 0 for other kinds
	Expires   time.Time       `json:"expires"`           // not valid from then on
}

// ErrUnknown says that a secret stands for nothing, or for nothing any more.
var ErrUnknown = errors.New("unknown credential")

// IdentityHash stands for an issuer's subject among the hashes of credentials to forget.
// Subjects have no NUL.
func IdentityHash(issuer, subject string) Hash { return HashOf(issuer + "\x00" + subject) }

// Rights is what changed about people since a revision. Rules are always the
// whole table in order, first match decides.
type Rights struct {
	Revision int64        `json:"revision"`
	Rules    []authz.Rule `json:"rules"`
	Ended    []Hash       `json:"ended,omitempty"` // credentials to forget: ended since the asked revision, or standing for something else now
	Complete bool         `json:"complete"`        // false: the asked revision is too old, forget every credential

	Definitions authz.Definitions `json:"definitions"` // what the rules refer to
	Items       int64             `json:"items"`       // revision of the newest change to items; 0: there was none
}

// Authority is the truth about people. Its revision grows with every change that
// takes a right away, before the change is acknowledged to whoever made it.
type Authority interface {
	// Lookup answers ErrUnknown when there is no such credential or it has ended.
	Lookup(ctx context.Context, kind Kind, hash Hash) (Credential, error)
	// Identity tells whom a subject of an OpenID issuer is here: a principal with the
	// groups given here and an ID, or without an ID somebody who may come in and never
	// did. It answers ErrUnknown for whoever may not come in.
	Identity(ctx context.Context, issuer, subject string) (Credential, error)
	// Rights answers with what changed after revision since; 0 asks for everything.
	Rights(ctx context.Context, since int64) (Rights, error)
}
