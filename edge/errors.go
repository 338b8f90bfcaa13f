package edge

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/tessera-iiif/tessera/internal/flight"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// problem is an answer that is not what was asked for: a status, a sentence for
// people and, for the log alone, why.
type problem struct {
	status  int
	message string
	cause   error

	challenge []string // of a 401; nil for the usual one
}

func (p *problem) Error() string {
	if p.cause == nil {
		return p.message
	}
	return p.message + ": " + p.cause.Error()
}

func (p *problem) Unwrap() error { return p.cause }

func refuse(status int, message string) *problem { return &problem{status: status, message: message} }

// statusClientGone is logged and counted, never sent: nobody is there to read it.
const statusClientGone = 499

// The refusals that do not depend on the request. A hidden image and an image that
// does not exist share errMissing, which is what makes them look the same.
var (
	errMissing    = refuse(http.StatusNotFound, "There is nothing here. Check the address; names are case-sensitive.")
	errNeedLogin  = refuse(http.StatusUnauthorized, "Sign in to see this image.")
	errNeedTerms  = refuse(http.StatusUnauthorized, "Accept the terms of this image to see it.")
	errElsewhere  = refuse(http.StatusForbidden, "This image may be seen in certain places alone, such as the reading room. Use a computer there.")
	errViewOnly   = refuse(http.StatusForbidden, "Here this image is for looking at, in the formats jpg, png and webp.")
	errForbidden  = refuse(http.StatusForbidden, "Your account may not see this image.")
	errUnsure     = refuse(http.StatusServiceUnavailable, "Access cannot be checked at the moment. Try again in a minute.")
	errOverloaded = refuse(http.StatusServiceUnavailable, "The server is busy. Try again in a second.")
	errMethod     = refuse(http.StatusMethodNotAllowed, "Only GET, HEAD and OPTIONS are understood here.")
)

// errNoHook is for operators: readers are told that access cannot be checked.
var errNoHook = errors.New("a rule leaves images to another system, and --decision-hook-url does not say where that is")

// answers says what each code of the cluster means to a client. A code's own message
// is used where the sentence is empty.
var answers = map[tile.Code]problem{
	tile.NotFound:    {status: http.StatusNotFound, message: errMissing.message},
	tile.Invalid:     {status: http.StatusBadRequest},
	tile.Unsupported: {status: http.StatusNotImplemented},
	tile.Broken:      {status: http.StatusInternalServerError, message: "This image is damaged or of a kind that cannot be read. Tell the institution that holds it."},
	tile.Changed:     {status: http.StatusServiceUnavailable, message: "This image is being replaced. Try again in a second."},
	tile.Busy:        {status: http.StatusServiceUnavailable, message: errOverloaded.message},
	tile.Unavailable: {status: http.StatusServiceUnavailable, message: "No worker can be reached at the moment. Try again in a second."},
	tile.Timeout:     {status: http.StatusServiceUnavailable, message: "This took too long. Try again, or ask for a smaller image."},
	tile.Cancelled:   {status: http.StatusServiceUnavailable, message: "The work on this was stopped. Try again."},
	tile.Internal:    {status: http.StatusInternalServerError, message: "Something went wrong on our side."},
}

// fallbackMessages are for codes whose sender gave no sentence.
var fallbackMessages = map[int]string{
	http.StatusBadRequest:     "This image cannot be shown that way.",
	http.StatusNotImplemented: "This server cannot do that.",
}

// classify turns any error into the one answer it stands for.
func classify(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	var malformed *iiifurl.Error
	if errors.As(err, &malformed) {
		return refuse(malformed.Status, malformed.Message)
	}
	answer := answers[tile.CodeOf(err)]
	answer.cause = err
	if answer.message == "" {
		answer.message = ownMessage(err, fallbackMessages[answer.status])
	}
	return &answer
}

// challengeOf says what a 401 asks for.
func challengeOf(p *problem) []string {
	if p.challenge != nil {
		return p.challenge
	}
	return challenge
}

func ownMessage(err error, fallback string) string {
	var e *tile.Error
	if errors.As(err, &e) && e.Message != "" {
		return e.Message
	}
	return fallback
}

// fail answers an error; it is the only place that does. Where bytes of a body are out
// already, the one honest way left to say so is to break the connection.
func (e *Edge) fail(x *exchange, err error) {
	if x.r.Context().Err() != nil {
		x.status = statusClientGone
		return
	}
	p := classify(err)
	e.logProblem(x, p)
	if x.status != 0 {
		panic(http.ErrAbortHandler)
	}
	if x.kind == kindProbe && p.status != http.StatusMethodNotAllowed {
		e.sendProbe(x, p.status)
		return
	}
	h := x.header()
	h["Cache-Control"] = noStore
	h["Vary"] = varyReader
	switch p.status {
	case http.StatusNotFound:
		h["Cache-Control"] = brieflyPrivate
	case http.StatusUnauthorized:
		h["Www-Authenticate"] = challengeOf(p)
	case http.StatusServiceUnavailable:
		h["Retry-After"] = aSecond
	case http.StatusMethodNotAllowed:
		h["Allow"] = methods
	}
	e.offerStorageAccess(x, p.status)
	delete(h, "Etag")
	x.send(p.status, x.errorType(), x.errorBody(p))
}

func (x *exchange) errorType() []string {
	if x.json {
		return typeJSON
	}
	return typeText
}

func (x *exchange) errorBody(p *problem) []byte {
	if !x.json {
		return []byte(p.message + "\n")
	}
	body, err := json.Marshal(struct {
		Status  int    `json:"status"`
		Message string `json:"message"`
	}{p.status, p.message})
	if err != nil {
		panic("edge: " + err.Error()) // an integer and a string
	}
	return body
}

func (e *Edge) logProblem(x *exchange, p *problem) {
	if p.status < http.StatusInternalServerError {
		return
	}
	level := slog.LevelWarn
	if tile.CodeOf(p.cause) == tile.Busy || p == errOverloaded {
		level = slog.LevelDebug // one line per refused request would be load of its own
	}
	attrs := []slog.Attr{slog.String("request", x.id), slog.Int("status", p.status), slog.String("path", x.path)}
	if p.cause != nil {
		attrs = append(attrs, slog.Any("error", p.cause))
	}
	var panicked *flight.PanicError
	if errors.As(p.cause, &panicked) {
		attrs = append(attrs, slog.String("stack", string(panicked.Stack)))
	}
	e.cfg.Log.LogAttrs(x.r.Context(), level, "request failed", attrs...)
}
