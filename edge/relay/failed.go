package relay

import (
	"encoding/json"
	"net/http"
	"strings"
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
	if !isAPI(q) {
		h := w.Header()
		h.Set("Retry-After", retryAfter)
		h.Set("Cache-Control", "no-store")
		r.away.ServeHTTP(w, q)
		return
	}
	refuse(w, q, &refusal{http.StatusServiceUnavailable, "The coordinators cannot be reached at the moment. Try again in a few seconds."})
}

func isAPI(q *http.Request) bool { return strings.HasPrefix(q.URL.Path, "/auth/admin/api/") }

// refuse says why in the form that the caller reads.
func refuse(w http.ResponseWriter, q *http.Request, why *refusal) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if why.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter)
	}
	if !isAPI(q) {
		http.Error(w, why.sentence, why.status)
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(why.status)
	_ = json.NewEncoder(w).Encode(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(why.status), why.status, why.sentence})
}
