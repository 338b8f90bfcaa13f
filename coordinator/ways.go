package coordinator

import (
	"errors"
	"net/http"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/session"
)

// waysPath is the page where somebody sees and changes how she signs in.
const waysPath = "/auth/ways"

// person handles a request of somebody who is signed in.
type person func(w http.ResponseWriter, r *http.Request, sess people.Session)

// forPerson lets those through who are signed in, and forms only from our own pages.
func (c *Coordinator) forPerson(page person) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && !c.isFromHere(r) {
			c.fail(w, r, errCrossSite)
			return
		}
		if r.Method == http.MethodPost && !c.readForm(w, r, maxForm) {
			return
		}
		sess, err := c.session(r)
		switch {
		case errors.Is(err, session.ErrUnknown):
			seeOther(w, "/auth/login?next=%2Fauth%2Fways")
		case err != nil:
			c.fail(w, r, err)
		default:
			page(w, r, sess)
		}
	}
}

func (c *Coordinator) getWays(w http.ResponseWriter, r *http.Request, sess people.Session) {
	held, err := c.people.Identities(r.Context(), sess.User.ID)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page := web.Ways{As: nameOf(sess.User)}
	for _, i := range held {
		way := web.Way{Label: i.Provider, Email: i.Email, Issuer: i.Issuer, Subject: i.Subject, Since: i.Created}
		if p := c.providers.set.Find(i.Provider); p != nil {
			way.Label = p.Label
		}
		page.Held = append(page.Held, way)
	}
	for _, p := range c.providers.set.All() {
		page.Offered = append(page.Offered, web.Button{Label: p.Label, Link: "/auth/oidc/" + p.Name + "/link"})
	}
	c.pages.ShowWays(w, r, page)
}

// postAddWay adds a provider to an account: proof of the one is the session, of the other
// the sign-in that follows (R50).
func (c *Coordinator) postAddWay(w http.ResponseWriter, r *http.Request, sess people.Session) {
	provider := c.providers.set.Find(r.PathValue("provider"))
	if provider == nil {
		c.problem(w, r, http.StatusNotFound, "no-such-provider")
		return
	}
	c.depart(w, r, provider, journey{LinkTo: sess.User.ID, LinkFrom: sess.ID})
}

func (c *Coordinator) postRemoveWay(w http.ResponseWriter, r *http.Request, sess people.Session) {
	actor := people.Actor{UserID: sess.User.ID, SessionID: sess.ID}
	err := c.people.Untie(r.Context(), actor, sess.User.ID, r.PostFormValue("issuer"), r.PostFormValue("subject"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	seeOther(w, waysPath)
}
