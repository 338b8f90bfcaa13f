package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/tessera-iiif/tessera/internal/egress"
)

// Kind says whose turn it is after a Fault.
type Kind int

// The kinds.
const (
	Away    Kind = iota // the provider is down or slow: wait
	False               // what it says does not hold: whoever runs this has to look
	Clock               // its clock and ours disagree
	Refused             // it does not let this person in, or they turned back
	Misset              // it does not take our client for one of its own
	Over                // the code or refresh token counts no more: sign in again
)

// Fault is why somebody could not be signed in, or a session not go on.
type Fault struct {
	Kind     Kind
	Provider string
	Err      error // for the log, never for people
}

// Error is one short line: causes repeat what providers sent, however long.
func (f *Fault) Error() string {
	text := strings.ToValidUTF8(f.Err.Error(), "")
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "…"
	}
	return fmt.Sprintf("provider %s: %q", f.Provider, text)
}

const maxWords = 300 // bytes

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

func (p *Provider) fault(kind Kind, err error) *Fault {
	return &Fault{Kind: kind, Provider: p.Name, Err: err}
}

func (p *Provider) falsely(format string, args ...any) *Fault {
	return p.fault(False, fmt.Errorf(format, args...))
}

// unreached sorts the errors of a request that should have been answered.
func (p *Provider) unreached(err error) *Fault {
	switch mismatch := new(gooidc.IssuerMismatchError); {
	case errors.As(err, &mismatch):
		return p.fault(False, err)
	case errors.Is(err, egress.ErrForbidden):
		return p.fault(Misset, err)
	case errors.Is(err, egress.ErrTooLarge), errors.Is(err, errFalse):
		return p.fault(False, err)
	}
	return p.fault(Away, err)
}

// errFalse is in errors of answers that came and do not hold.
var errFalse = errors.New("it does not hold")

// ungranted sorts the errors of the token endpoint (RFC 6749, 5.2).
func (p *Provider) ungranted(err error) *Fault {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		if isLocal(err) {
			return p.unreached(err)
		}
		return p.fault(False, err) // an answer without a token in it
	}
	switch {
	case answer.ErrorCode == "invalid_grant":
		return p.fault(Over, err)
	case answer.Response != nil && answer.Response.StatusCode >= http.StatusInternalServerError, answer.ErrorCode == "temporarily_unavailable":
		return p.fault(Away, err)
	}
	return p.fault(Misset, err)
}

// isLocal tells errors of the network and of time from those about what was answered.
func isLocal(err error) bool {
	var transport interface{ Timeout() bool } // net.Error and *url.Error
	return errors.As(err, &transport) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, egress.ErrTooLarge) || errors.Is(err, egress.ErrForbidden)
}
