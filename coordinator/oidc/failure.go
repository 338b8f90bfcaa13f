package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"
	"unicode"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/tessera-iiif/tessera/internal/egress"
)

// Reason is why an issuer could not be asked, or its answer not be used, as far as
// somebody can do something about it.
type Reason string

// The reasons.
const (
	OtherIssuer Reason = "issuer"    // it calls itself something else: Detail says what
	BadTLS      Reason = "tls"       // its certificate cannot be trusted
	Slow        Reason = "timeout"   // it did not answer in time
	NoName      Reason = "name"      // its name is not known
	NoAnswer    Reason = "unreached" // nobody listens, or nothing gets there
	Forbidden   Reason = "forbidden" // it stands where this process may not call
	ClearText   Reason = "clear"     // it would be called without TLS
	BadStatus   Reason = "status"    // it answered that it has nothing there: Detail says what
	BadAnswer   Reason = "answer"    // what it answered does not hold
	Unknown     Reason = "other"
)

// Failure is one time that an issuer could not be asked.
type Failure struct {
	Reason Reason
	Detail string // in a few words, "" where the reason says it all; it may hold what the provider sent
	At     time.Time
}

// unreadable is an answer in which there is not what it should hold.
type unreadable struct{ error }

func (u unreadable) Unwrap() error { return u.error }

// statusError is a status that is no answer.
type statusError string

// Error is the status.
func (e statusError) Error() string { return string(e) }

// failureOf sorts the errors of discovery and of keys.
func failureOf(err error, at time.Time) *Failure {
	reason, detail := reasonOf(err)
	return &Failure{Reason: reason, Detail: oneLine(detail), At: at}
}

func reasonOf(err error) (Reason, string) {
	var mismatch *gooidc.IssuerMismatchError
	var status statusError
	switch {
	case errors.As(err, &mismatch):
		return OtherIssuer, mismatch.Discovered
	case errors.Is(err, egress.ErrForbidden):
		return Forbidden, ""
	case errors.Is(err, egress.ErrClear):
		return ClearText, ""
	case errors.As(err, &status):
		return BadStatus, string(status)
	case errors.As(err, new(unreadable)):
		return BadAnswer, err.Error()
	case errors.Is(err, errFalse):
		return BadAnswer, strings.TrimPrefix(strings.TrimSuffix(err.Error(), ": "+errFalse.Error()), "discovery: ")
	}
	if reason, detail := ofNetwork(err); reason != "" {
		return reason, detail
	}
	return ofText(err.Error())
}

// ofNetwork sorts what went wrong before there was an answer.
func ofNetwork(err error) (Reason, string) {
	var name *net.DNSError
	var operation *net.OpError
	var transport net.Error
	switch text := ofTLS(err); {
	case text != "":
		return BadTLS, text
	case errors.As(err, &name):
		return NoName, name.Name
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &transport) && transport.Timeout():
		return Slow, ""
	case errors.As(err, &operation):
		return NoAnswer, operation.Err.Error()
	}
	return "", ""
}

func ofTLS(err error) string {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		return "signed by an authority that is not known here"
	case errors.As(err, &certificate):
		return strings.TrimPrefix(certificate.Err.Error(), "x509: ")
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS there"
	case errors.As(err, &alert):
		return alert.Error()
	}
	return ""
}

// inWords is how go-oidc words an answer of another status than 200, body and all.
var inWords = regexp.MustCompile(`^discovery: ([1-5][0-9][0-9][A-Za-z '-]{0,40}): `)

// ofText is for errors that have nothing but their words.
func ofText(text string) (Reason, string) {
	switch found := inWords.FindStringSubmatch(text); {
	case found != nil:
		return BadStatus, found[1]
	case strings.Contains(text, egress.ErrTooLarge.Error()):
		return BadAnswer, egress.ErrTooLarge.Error()
	case strings.Contains(text, "failed to decode provider discovery"):
		return BadAnswer, "it is no JSON"
	}
	return Unknown, text
}

const maxDetail = 200 // bytes

// oneLine keeps what somebody else wrote from looking like anything but a few words.
func oneLine(text string) string {
	text = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text[:min(len(text), maxDetail)], ""))
	return strings.TrimSpace(text)
}
