package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/internal/catalogue"
)

// say has the words for programs: what they, and logs, compare is English for everybody.
var say = catalogue.Bundled().Default()

// Bounds of bodies, in bytes.
const (
	maxBody      = 1 << 20
	maxRulesBody = 16 << 20
)

// read decodes a body that is one JSON object with known fields only.
func read(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); more != io.EOF {
			err = errors.New("there is more after the object")
		}
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &people.Error{Kind: people.TooLarge, Code: "too-large", Args: []any{limit >> 10}}
	case errors.Is(err, io.EOF):
		return badJSON(errors.New("there is nothing"))
	case err != nil:
		return badJSON(err)
	}
	return nil
}

func badJSON(cause error) error {
	return &people.Error{Kind: people.Invalid, Code: "bad-json", Args: []any{cause.Error()}}
}

// write answers with a JSON value.
func write(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	setHeaders(w.Header(), "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
	return nil
}

func setHeaders(h http.Header, contentType string) {
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// problem is RFC 9457's, with our code and the field to blame.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Field  string `json:"field,omitempty"`
}

func writeProblem(w http.ResponseWriter, status int, code, field, sentence string) {
	body, err := json.Marshal(problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: sentence, Code: code, Field: field,
	})
	if err != nil {
		body = []byte("{}")
	}
	setHeaders(w.Header(), "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if people.IsAway(err) {
		s.Log.ErrorContext(r.Context(), "the database does not answer", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	var e *people.Error
	if !errors.As(people.ForPeople(err), &e) {
		if r.Context().Err() == nil {
			s.Log.ErrorContext(r.Context(), "API call failed", "method", r.Method, "path", r.URL.Path, "error", err)
		}
		writeProblem(w, http.StatusInternalServerError, "internal", "", say.Text("problem.internal"))
		return
	}
	if e.Kind == people.Denied {
		w.Header().Set("WWW-Authenticate", `Bearer realm="tessera"`)
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", e.RetrySeconds())
	}
	writeProblem(w, e.Status(), e.Code, e.Field, e.Sentence(say))
}

// refuse answers requests that no route takes.
func refuse(w http.ResponseWriter, r *http.Request, status int) {
	if status == http.StatusMethodNotAllowed {
		writeProblem(w, status, "method", "", say.Text("problem.method", r.Method))
		return
	}
	writeProblem(w, status, "no-such-page", "", say.Text("problem.no-such-page"))
}
