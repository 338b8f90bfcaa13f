package tile

import (
	"context"
	"errors"
)

// Code says what went wrong in terms the edge turns into one HTTP status.
type Code string

// The codes. The edge's table maps each to a status and a sentence.
const (
	NotFound    Code = "not-found"   // no such image or document
	Invalid     Code = "invalid"     // the request cannot be met by this image
	Unsupported Code = "unsupported" // valid, but this cluster cannot do it
	Broken      Code = "broken"      // the source is damaged, hostile or of an unknown format
	Changed     Code = "changed"     // the source has another version now: ask for info again
	Busy        Code = "busy"        // queues are full: try again shortly
	Unavailable Code = "unavailable" // nobody there to do it
	Timeout     Code = "timeout"     // the budget was spent
	Cancelled   Code = "cancelled"   // the waiter left
	Internal    Code = "internal"    // our fault
)

// Error carries a code, a sentence fit for strangers, and a cause for the log alone.
type Error struct {
	Code    Code
	Message string
	Cause   error
}

func (e *Error) Error() string {
	s := string(e.Code)
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// Fail makes an *Error. message reaches people, cause only the log; either may be empty.
func Fail(code Code, message string, cause error) *Error {
	return &Error{Code: code, Message: message, Cause: cause}
}

// CodeOf finds the code of any error; context errors become Timeout and Cancelled,
// whatever else is not an *Error is Internal. CodeOf(nil) is "".
func CodeOf(err error) Code {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Cancelled
	}
	return Internal
}
