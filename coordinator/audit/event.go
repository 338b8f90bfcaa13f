// Package audit is the record of what was done to people and rights, and by whom: a
// chain of entries of which none can be altered, removed or put in between without
// those behind it saying so (R64). It is pure; coordinator/db keeps the entries.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// Names of events, in the words of OWASP's Logging Vocabulary where it has one.
const (
	LoginSuccess   = "authn_login_success"
	LoginFail      = "authn_login_fail"
	LoginLock      = "authn_login_lock" // failures led to a wait
	PasswordChange = "authn_password_change"
	PasswordFail   = "authn_password_change_fail" // the password in force was mistyped
	TokenCreated   = "authn_token_created"        //nolint:gosec // no secret: of personal access tokens and sign-in links
	TokenRevoked   = "authn_token_revoked"        //nolint:gosec // likewise
	SessionExpired = "session_expired"            // ended before its time: logout, revoked
	RightsChange   = "authz_change"               // groups, administrator or active of a user; a group
	RulesChange    = "privilege_permissions_changed"
	Denied         = "authz_fail"     // an image was refused
	Granted        = "sensitive_read" // an image behind a sign-in was shown
	UserCreated    = "user_created"
	UserUpdated    = "user_updated"
	UserDeleted    = "user_deleted"
	TermsAccepted  = "terms_accepted"
	Purged         = "cache_purged"     // edges and workers were told to forget images
	Checkpoint     = "audit_checkpoint" // older entries were removed by retention
	Dropped        = "audit_dropped"    // image events that came faster than they could be kept
)

// System is the actor of what nobody asked for.
const System = "system"

// Event is something that was done. Addr and RequestID may be left empty: the record
// takes them from the context (see WithOrigin).
type Event struct {
	Name      string // one of the constants, or another in the same style
	Actor     string // id of the user who did it, System, or "" where nobody knows
	Target    string // what it was done to: "user:ID", "session:ID", "rules", "image:ID"
	Addr      string // of the client
	RequestID string
	Details   any // what JSON makes an object of; nil for none
}

// Change is one field of a thing before and after, for Details.
type Change struct {
	From any `json:"from"`
	To   any `json:"to"`
}

// DigestOf is the SHA-256 of what was too long to repeat, or was not kept.
func DigestOf(text []byte) Hash { return sha256.Sum256(text) }

// Origin is where a request came from.
type Origin struct {
	Addr      netip.Addr
	RequestID string
}

type originKey struct{}

// WithOrigin lets whatever is recorded under the context know its request.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// from fills in the request that the context knows.
func (e Event) from(ctx context.Context) Event {
	o, ok := ctx.Value(originKey{}).(Origin)
	if !ok {
		return e
	}
	if e.Addr == "" && o.Addr.IsValid() {
		e.Addr = o.Addr.Unmap().String()
	}
	if e.RequestID == "" {
		e.RequestID = o.RequestID
	}
	return e
}

// Bounds of one entry, in bytes.
const (
	maxField   = 1024
	maxDetails = 64 << 10
)

// details gives the stored form. What is too long is replaced by its length and SHA-256:
// an action must not fail because too much can be said of it, and whoever has what was
// said can still prove it.
func (e Event) details() (json.RawMessage, error) {
	if e.Details == nil {
		return json.RawMessage("{}"), nil
	}
	text, err := json.Marshal(e.Details)
	if err != nil {
		return nil, fmt.Errorf("audit details of %s: %w", e.Name, err)
	}
	if len(text) > maxDetails {
		return json.RawMessage(fmt.Sprintf(`{"omitted":"%d bytes","sha256":"%s"}`, len(text), DigestOf(text))), nil
	}
	return text, nil
}

// clean is text as every database stores it: what is hashed must come back the same.
func clean(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
	for len(text) > maxField {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
