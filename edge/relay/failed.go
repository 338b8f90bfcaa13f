package relay

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// retryAfter is when a client may try again, in seconds.
const retryAfter = "5"

// failed answers when no coordinator did. Callers of the JSON API get what it answers
// with (RFC 9457), everybody else a page.
func (r *Relay) failed(w http.ResponseWriter, q *http.Request, err error) {
	if q.Context().Err() != nil {
		return // nobody waits for it
	}
	r.log.Warn("request not handed to a coordinator", "request", q.Header.Get("X-Request-Id"), "path", q.URL.Path, "error", err)
	h := w.Header()
	h.Set("Retry-After", retryAfter)
	h.Set("Cache-Control", "no-store")
	if !strings.HasPrefix(q.URL.Path, "/auth/admin/api/") {
		r.away.ServeHTTP(w, q)
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"Service Unavailable", http.StatusServiceUnavailable, "The coordinators cannot be reached at the moment. Try again in a few seconds."})
}

// unread is a body that knows whether somebody has begun to read it. A transport closes
// what it could not send; it may yet be sent to another, so it is closed by the server
// that read it off the wire.
type unread struct {
	io.ReadCloser
	begun atomic.Bool
}

func (u *unread) Read(p []byte) (int, error) {
	u.begun.Store(true)
	return u.ReadCloser.Read(p)
}

func (u *unread) Close() error { return nil }
