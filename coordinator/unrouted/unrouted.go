// Package unrouted gives requests that no route takes an answer of our own.
package unrouted

import "net/http"

// Handler serves with mux and lets refuse answer what mux has no route for: with
// status 404, or 405 when the path takes other methods, which are in Allow then.
func Handler(mux *http.ServeMux, refuse func(w http.ResponseWriter, r *http.Request, status int)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := silent{header: http.Header{}, status: http.StatusNotFound}
		mux.ServeHTTP(&said, r)
		if allow := said.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
		}
		refuse(w, r, said.status)
	})
}

// silent keeps the mux's status and headers and drops its words.
type silent struct {
	header http.Header
	status int
}

func (w *silent) Header() http.Header         { return w.header }
func (w *silent) WriteHeader(status int)      { w.status = status }
func (w *silent) Write(p []byte) (int, error) { return len(p), nil }
