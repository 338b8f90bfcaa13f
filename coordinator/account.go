package coordinator

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/session"
)

const (
	linkPath     = "/auth/link"
	passwordPath = "/auth/password"
)

// accountRoutes are what people do about their own accounts.
func (c *Coordinator) accountRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+linkPath, func(w http.ResponseWriter, r *http.Request) { c.pages.ShowLink(w, r, http.StatusOK, web.Link{}) })
	mux.HandleFunc("POST "+linkPath, c.postLink)
	mux.HandleFunc("GET "+passwordPath, c.getPassword)
	mux.HandleFunc("POST "+passwordPath, c.postOwnPassword)
	mux.HandleFunc("GET "+accountPath, c.getAccount)
	mux.HandleFunc("POST "+accountPath+"/tokens", c.forOwner(c.postOwnToken))
	mux.HandleFunc("POST "+accountPath+"/tokens/{id}/delete", c.forOwner(c.postDropOwnToken))
	mux.HandleFunc("POST "+accountPath+"/sessions/{id}/end", c.forOwner(c.postEndOwnSession))
}

// linkURL is what an administrator hands out. The secret is in the fragment, which
// browsers keep to themselves: no log and no Referer ever has it (R58).
func (c *Coordinator) linkURL(r *http.Request, secret string) string {
	return c.base(r).String() + linkPath + "#" + secret
}

// postLink takes the secret that the page read from its own address. The first time it
// says whom the link is for; using it up takes a click, so that nothing which merely
// opens links, as mail scanners do, does that.
func (c *Coordinator) postLink(w http.ResponseWriter, r *http.Request) {
	if !c.readOwnForm(w, r) {
		return
	}
	code := r.PostFormValue("code")
	link, err := c.people.LinkBySecret(r.Context(), code)
	if err != nil {
		c.failLink(w, r, err)
		return
	}
	page := web.Link{Code: code, As: nameOf(link.User), Email: link.User.Email, Password: link.Password}
	if r.PostFormValue("confirm") == "" {
		c.pages.ShowLink(w, r, http.StatusOK, page)
		return
	}
	in, err := c.people.UseLink(r.Context(), people.LinkUse{
		Secret: code, Password: r.PostFormValue("password"), Addr: clientAddr(r), Agent: r.UserAgent(), Before: c.sessionSecret(r),
	})
	var refused *people.Error
	if errors.As(err, &refused) && refused.Kind == people.Invalid {
		page.Problem = refused.Sentence(wordsFor(r))
		c.pages.ShowLink(w, r, refused.Status(), page)
		return
	}
	if err != nil {
		c.failLink(w, r, err)
		return
	}
	c.setCookies(w, r, in)
	if len(c.providers.settings) > 0 { // by which she may come from now on
		seeOther(w, waysPath)
		return
	}
	seeOther(w, "/")
}

func (c *Coordinator) failLink(w http.ResponseWriter, r *http.Request, err error) {
	status, sentence := c.explain(r.Context(), w, err)
	c.pages.ShowProblem(w, r, status, web.Problem{Sentence: sentence})
}

// readOwnForm reads a form that one of our own pages sent; else the answer is written
// already.
func (c *Coordinator) readOwnForm(w http.ResponseWriter, r *http.Request) bool {
	if !c.isFromHere(r) {
		c.fail(w, r, errCrossSite)
		return false
	}
	return c.readForm(w, r, maxForm)
}

// signedIn finds who changes her own account; else the answer is written already.
func (c *Coordinator) signedIn(w http.ResponseWriter, r *http.Request) (people.Session, bool) {
	sess, err := c.session(r)
	if err != nil {
		c.refuseOwn(w, r, err)
	}
	return sess, err == nil
}

// refuseOwn sends who is not signed in to sign in, and back to the page about the account.
func (c *Coordinator) refuseOwn(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, session.ErrUnknown) {
		c.fail(w, r, err)
		return
	}
	page := accountPath
	if r.URL.Path == passwordPath {
		page = passwordPath
	}
	seeOther(w, "/auth/login?"+url.Values{"next": {page}}.Encode())
}

func (c *Coordinator) getPassword(w http.ResponseWriter, r *http.Request) {
	if sess, ok := c.signedIn(w, r); ok {
		c.pages.ShowPassword(w, r, http.StatusOK, web.Password{As: nameOf(sess.User), Email: sess.User.Email, Done: doneNotice(r)})
	}
}

func (c *Coordinator) postOwnPassword(w http.ResponseWriter, r *http.Request) {
	if !c.readOwnForm(w, r) {
		return
	}
	sess, ok := c.signedIn(w, r)
	if !ok {
		return
	}
	in, err := c.people.ChangePassword(r.Context(), people.OwnPassword{
		Session: sess, Current: r.PostFormValue("current"), New: r.PostFormValue("password"), Addr: clientAddr(r), Agent: r.UserAgent(),
	})
	if err != nil {
		status, sentence := c.explain(r.Context(), w, err)
		c.pages.ShowPassword(w, r, status, web.Password{As: nameOf(sess.User), Email: sess.User.Email, Problem: sentence})
		return
	}
	c.setCookies(w, r, in)
	did(w, passwordPath, "own-password-set", "")
}
