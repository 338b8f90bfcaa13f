package coordinator

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/session"
)

// justSignedIn is how long somebody needs no click after signing in.
const justSignedIn = time.Minute

// getAccess is the page a viewer opens in a tab of its own. It ends on a page that
// closes the tab: at once for a viewer of our own site and somebody who has only just
// signed in (D-033), after a click here else. Viewers of other sites need the click,
// since browsers give their frames our cookie only after one (D-032); the others get
// it because they would not open this page if the account they have were enough. What
// it was refused we cannot know, so the page offers to go on with another (D-075).
func (c *Coordinator) getAccess(w http.ResponseWriter, r *http.Request) {
	viewer, ok := c.readViewer(w, r)
	if !ok {
		return
	}
	sess, err := c.session(r)
	if errors.Is(err, session.ErrUnknown) {
		c.showSignIn(w, r, http.StatusOK, web.SignIn{Action: r.URL.Path, Origin: viewer.String(), Waiter: waiterIn(r)})
		return
	}
	atOnce := false
	if err == nil {
		atOnce, err = c.goesOnAtOnce(r, sess, viewer)
	}
	switch {
	case err != nil:
		c.fail(w, r, err)
	case r.FormValue("switch") != "":
		c.showSignIn(w, r, http.StatusOK, web.SignIn{Action: r.URL.Path, Origin: viewer.String(), Waiter: waiterIn(r), As: nameOf(sess.User)})
	case atOnce:
		c.confirm(w, r, sess, viewer)
	default:
		c.showContinue(w, r, sess, viewer)
	}
}

// goesOnAtOnce: a viewer that comes back within the minute was let in already, and that
// did not help.
func (c *Coordinator) goesOnAtOnce(r *http.Request, sess people.Session, viewer origin) (bool, error) {
	if viewer != (origin{}) && !viewer.sameSite(c.base(r)) || c.people.Now().Sub(sess.Created) > justSignedIn {
		return false, nil
	}
	was, err := c.people.HasOrigin(r.Context(), sess, viewer.String())
	return !was, err
}

func (c *Coordinator) showContinue(w http.ResponseWriter, r *http.Request, sess people.Session, viewer origin) {
	other := url.Values{"switch": {"yes"}}
	if viewer != (origin{}) {
		other.Set("origin", viewer.String())
	}
	c.pages.ShowContinue(w, r, web.Continue{
		Action: r.URL.Path, Origin: viewer.String(), As: nameOf(sess.User), Switch: r.URL.Path + "?" + other.Encode(),
	})
}

// readViewer reads the viewer's origin, the zero origin if the client named none;
// if it is no origin, the answer is written already.
func (c *Coordinator) readViewer(w http.ResponseWriter, r *http.Request) (viewer origin, ok bool) {
	text := r.FormValue("origin")
	if text == "" {
		return origin{}, true
	}
	viewer, err := parseOrigin(text)
	if err != nil {
		c.problem(w, r, http.StatusBadRequest, "bad-origin")
	}
	return viewer, err == nil
}

// confirm lets a viewer act for a session that exists.
func (c *Coordinator) confirm(w http.ResponseWriter, r *http.Request, sess people.Session, viewer origin) {
	if err := c.remember(r.Context(), sess, viewer); err != nil {
		c.fail(w, r, err)
		return
	}
	c.pages.ShowDone(w, r, web.Done{Deed: web.SignedIn})
}

func (c *Coordinator) remember(ctx context.Context, sess people.Session, viewer origin) error {
	if viewer == (origin{}) {
		return nil
	}
	return c.people.AddOrigin(ctx, sess, viewer.String())
}

// postAccess takes the click or the password.
func (c *Coordinator) postAccess(w http.ResponseWriter, r *http.Request) {
	if !c.readForm(w, r, maxForm) {
		return
	}
	viewer, ok := c.readViewer(w, r)
	if !ok {
		return
	}
	form := web.SignIn{Action: r.URL.Path, Origin: viewer.String(), Waiter: waiterIn(r)}
	if r.PostFormValue("continue") != "" {
		c.goOn(w, r, viewer, form)
		return
	}
	if err := c.signIn(w, r, viewer); err != nil {
		c.signInAgain(w, r, err, form)
		return
	}
	seeOther(w, doneFor(form.Waiter))
}

// goOn takes the click of somebody who is signed in, or was.
func (c *Coordinator) goOn(w http.ResponseWriter, r *http.Request, viewer origin, form web.SignIn) {
	if provenanceOf(r, c.base(r)) == elsewhere {
		c.fail(w, r, errCrossSite)
		return
	}
	sess, err := c.session(r)
	if errors.Is(err, session.ErrUnknown) {
		c.showSignIn(w, r, http.StatusUnauthorized, form)
		return
	}
	if err == nil {
		err = c.remember(r.Context(), sess, viewer)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	seeOther(w, donePath)
}
