package coordinator

import (
	"net/http"
)

// logout ends the session on the first request, without asking: viewers look
// again two seconds after they opened it. Only a page of its own may do so, lest
// an image on somebody's page sign people out. To sign out of the provider as well is
// offered, not done: others may be signed in by it elsewhere (C-102).
func (c *Coordinator) logout(w http.ResponseWriter, r *http.Request) {
	if isEmbedded(r) {
		c.problem(w, r, http.StatusForbidden, "embedded")
		return
	}
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		c.problem(w, r, http.StatusMethodNotAllowed, "method", r.Method)
		return
	}
	there := c.providerSignOut(r)
	if err := c.endSession(r); err != nil {
		c.fail(w, r, err)
		return
	}
	c.dropCookies(w, r)
	w.Header().Set("Clear-Site-Data", `"cache"`) // restricted pixels in the browser's own cache
	c.pages.ShowSignedOut(w, r, there)
}

// endSession ends what either cookie stands for; browsers keep the two apart, so
// one may be there without the other.
func (c *Coordinator) endSession(r *http.Request) error {
	if err := c.people.SignOut(r.Context(), c.sessionSecret(r)); err != nil {
		return err
	}
	return c.people.SignOutAdmin(r.Context(), c.adminSecret(r))
}
