package iiifurl

import (
	"fmt"
	"net/http"
	"strconv"
)

// Error is a refusal. Every error of this package is an *Error.
type Error struct {
	Status  int    // 400 malformed or impossible, 404 no such address, 501 valid but not offered here
	Message string // a sentence or two for people: what is wrong and what to do
}

func (e *Error) Error() string { return e.Message }

func badRequest(format string, args ...any) error {
	return &Error{Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

func notFound(message string) error {
	return &Error{Status: http.StatusNotFound, Message: message}
}

func notImplemented(message string) error {
	return &Error{Status: http.StatusNotImplemented, Message: message}
}

// quote shows a piece of the request inside a sentence, made printable and short.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
