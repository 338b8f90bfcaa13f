package coordinator

import (
	"context"
	"errors"
	"net/http"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
)

// maxForm bounds the forms that anybody can send, in bytes.
const maxForm = 64 << 10

// readForm reads a form into r.Form; if it cannot, the answer is written already.
func (c *Coordinator) readForm(w http.ResponseWriter, r *http.Request, limit int64) bool {
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		c.problem(w, r, http.StatusRequestEntityTooLarge, "too-large", limit>>10)
	case err != nil:
		c.problem(w, r, http.StatusBadRequest, "bad-form")
	default:
		return true
	}
	return false
}

// explain turns an error into status and sentence and sets Retry-After where
// waiting helps. Errors that are not for people are logged.
func (c *Coordinator) explain(ctx context.Context, w http.ResponseWriter, err error) (status int, sentence string) {
	say := catalogue.From(ctx)
	if people.IsAway(err) {
		c.log.ErrorContext(ctx, "the database does not answer", "error", err)
	}
	var e *people.Error
	if !errors.As(people.ForPeople(err), &e) {
		if ctx.Err() == nil {
			c.log.ErrorContext(ctx, "request failed", "error", err)
		}
		return http.StatusInternalServerError, say.Text("problem.internal")
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", e.RetrySeconds())
	}
	return e.Status(), e.Sentence(say)
}

// fail answers with an error page.
func (c *Coordinator) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, sentence := c.explain(r.Context(), w, err)
	c.pages.ShowProblem(w, r, status, web.Problem{Sentence: sentence})
}

// seeOther redirects after a form. The target is a path of our own, sent as it
// is: http.Redirect would rewrite it.
func seeOther(w http.ResponseWriter, path string) {
	w.Header().Set("Location", path)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}
