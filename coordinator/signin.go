package coordinator

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/session"
)

func (c *Coordinator) getLogin(w http.ResponseWriter, r *http.Request) {
	next := nextPath(r.FormValue("next"))
	form := web.SignIn{Action: "/auth/login", Next: next, Waiter: waiterIn(r)}
	sess, err := c.session(r)
	switch {
	case err == nil:
		form.As, form.CarryOn = nameOf(sess.User), next
		form.Admin = c.needsAdminCookie(r, sess, next)
	case !errors.Is(err, session.ErrUnknown):
		c.fail(w, r, err)
		return
	}
	c.showSignIn(w, r, http.StatusOK, form)
}

// needsAdminCookie tells whether an administrator was sent here because her own cookie
// is gone, so that to carry on would only lead back. A browser that came by a link from
// elsewhere may just have held it back: then carrying on from our page shows it.
func (c *Coordinator) needsAdminCookie(r *http.Request, sess people.Session, next string) bool {
	return sess.User.Admin && strings.HasPrefix(next, "/auth/admin/") && c.adminSecret(r) == "" && c.isFromHere(r)
}

func (c *Coordinator) postLogin(w http.ResponseWriter, r *http.Request) {
	if !c.readForm(w, r, maxForm) {
		return
	}
	form := web.SignIn{Action: "/auth/login", Next: nextPath(r.FormValue("next")), Waiter: waiterIn(r)}
	if err := c.signIn(w, r, origin{}); err != nil {
		c.signInAgain(w, r, err, form)
		return
	}
	if form.Waiter != "" {
		seeOther(w, doneFor(form.Waiter))
		return
	}
	seeOther(w, form.Next)
}

var errCrossSite = &people.Error{Kind: people.Forbidden, Code: "cross-site"}

// signIn checks the address and password of a form and sets the cookies of the
// new session. viewer is the zero origin if no viewer asked for it.
func (c *Coordinator) signIn(w http.ResponseWriter, r *http.Request, viewer origin) error {
	if provenanceOf(r, c.base(r)) == elsewhere {
		return errCrossSite
	}
	in, err := c.people.SignIn(r.Context(), people.Attempt{
		Email:    r.PostFormValue("email"),
		Password: r.PostFormValue("password"),
		Addr:     clientAddr(r),
		Agent:    r.UserAgent(),
		Before:   c.sessionSecret(r),
		Origin:   viewer.String(),
	})
	if err != nil {
		return err
	}
	c.setCookies(w, r, in)
	return nil
}

// signInAgain shows the form with what went wrong.
func (c *Coordinator) signInAgain(w http.ResponseWriter, r *http.Request, err error, form web.SignIn) {
	status, sentence := c.explain(r.Context(), w, err)
	form.Email, form.Error = r.PostFormValue("email"), sentence
	c.showSignIn(w, r, status, form)
}

// session finds who a browser is signed in as. Errors: session.ErrUnknown, which
// is also the error of a browser without cookie.
func (c *Coordinator) session(r *http.Request) (people.Session, error) {
	secret := c.sessionSecret(r)
	if secret == "" {
		return people.Session{}, session.ErrUnknown
	}
	return c.people.SessionBySecret(r.Context(), secret)
}

func nameOf(u people.User) string {
	if u.Name != "" {
		return u.Name
	}
	return u.Email
}
