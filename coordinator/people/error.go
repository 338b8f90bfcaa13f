package people

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/catalogue"
)

// Kind says what a caller should do about an Error.
type Kind int

// The kinds.
const (
	Invalid      Kind = iota // the input is wrong
	Denied                   // not who they say they are
	Forbidden                // they may not do this, or not from there
	NotFound                 // no such thing
	TooLarge                 // more than is taken at a time
	Conflict                 // the state of the system forbids it
	Precondition             // somebody else was first
	Throttled                // too many attempts
	Busy                     // too much to do right now
)

var statuses = map[Kind]int{
	Invalid: http.StatusBadRequest, Denied: http.StatusUnauthorized,
	Forbidden: http.StatusForbidden, NotFound: http.StatusNotFound,
	TooLarge: http.StatusRequestEntityTooLarge, Conflict: http.StatusConflict, Precondition: http.StatusPreconditionFailed,
	Throttled: http.StatusTooManyRequests, Busy: http.StatusServiceUnavailable,
}

// Error is a refusal that people may read about: Code names a sentence in the
// catalogue, Args fill it.
type Error struct {
	Kind       Kind
	Code       string
	Args       []any
	Field      string        // of the input, where one is to blame
	RetryAfter time.Duration // 0: waiting does not help
}

func (e *Error) Error() string {
	if len(e.Args) == 0 {
		return e.Code
	}
	return fmt.Sprint(e.Code, ": ", e.Args)
}

// Sentence is what people read, in their words.
func (e *Error) Sentence(say *catalogue.Words) string { return say.Text("problem."+e.Code, e.Args...) }

// RetrySeconds is the value of a Retry-After header.
func (e *Error) RetrySeconds() string {
	return strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10)
}

// Status is the HTTP status of the kind.
func (e *Error) Status() int { return statuses[e.Kind] }

// IsAway tells whether an error says that the database, or time, is missing.
// Waiting helps, and whoever runs the site should know.
func IsAway(err error) bool { return db.IsAway(err) || errors.Is(err, context.DeadlineExceeded) }

// ForPeople gives such an error a sentence and leaves others as they are.
func ForPeople(err error) error {
	if IsAway(err) {
		return errAway
	}
	return err
}

var errAway = &Error{Kind: Busy, Code: "database-away", RetryAfter: 10 * time.Second}

// errBusy answers when too many passwords wait to be hashed.
var errBusy = &Error{Kind: Busy, Code: "busy", RetryAfter: 5 * time.Second}

func invalid(field, code string, args ...any) *Error {
	return &Error{Kind: Invalid, Code: code, Args: args, Field: field}
}

// notFound gives a missing row a sentence and leaves other errors as they are.
func notFound(err error, code string) error {
	if errors.Is(err, db.ErrNotFound) {
		return &Error{Kind: NotFound, Code: code}
	}
	return err
}
