package coordinator

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/tessera-iiif/tessera/coordinator/catalogue"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/session"
)

// maxAdminForm bounds administrators' forms, in bytes.
const maxAdminForm = 1 << 20

// adminPage handles a request of an administrator.
type adminPage func(w http.ResponseWriter, r *http.Request, as people.Session)

func (c *Coordinator) adminRoutes(mux *http.ServeMux) {
	for pattern, page := range map[string]adminPage{
		"GET /auth/admin/{$}":                            c.getOverview,
		"GET /auth/admin/users/{id}":                     c.getUser,
		"POST /auth/admin/users":                         c.postNewUser,
		"POST /auth/admin/users/{id}":                    c.postUser,
		"POST /auth/admin/users/{id}/password":           c.postPassword,
		"POST /auth/admin/users/{id}/delete":             c.postDelete,
		"POST /auth/admin/users/{id}/sessions/end":       c.postEndSessions,
		"POST /auth/admin/users/{id}/sessions/{sid}/end": c.postEndSession,
		"POST /auth/admin/rules":                         c.postRules,
	} {
		mux.HandleFunc(pattern, c.forAdmin(page))
	}
}

// forAdmin lets administrators through, and forms only from our own pages.
func (c *Coordinator) forAdmin(page adminPage) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		as, err := c.adminSession(r)
		if err != nil {
			c.refuseAdmin(w, r, err)
			return
		}
		if r.Method == http.MethodPost {
			if !c.isFromHere(r) {
				c.fail(w, r, errCrossSite)
				return
			}
			if !c.readForm(w, r, maxAdminForm) {
				return
			}
		}
		page(w, r, as)
	}
}

const toAdminLogin = "/auth/login?next=%2Fauth%2Fadmin%2F"

func (c *Coordinator) refuseAdmin(w http.ResponseWriter, r *http.Request, err error) {
	var e *people.Error
	switch {
	case errors.Is(err, session.ErrUnknown):
		seeOther(w, toAdminLogin)
	case errors.As(err, &e):
		web.ShowProblem(w, e.Status(), web.Problem{Sentence: e.Sentence(), SignIn: toAdminLogin})
	default:
		c.fail(w, r, err)
	}
}

var errNotAdmin = &people.Error{Kind: people.Forbidden, Code: "not-admin"}

// adminSession finds the administrator behind a request, by the administrator's own
// cookie alone. The image cookie may be sent from viewers on other sites (SameSite=None),
// so it proves nothing here; it only tells readers that this part is not for them.
// Errors: session.ErrUnknown, *people.Error of kind Forbidden.
func (c *Coordinator) adminSession(r *http.Request) (people.Session, error) {
	if secret := c.adminSecret(r); secret != "" {
		as, err := c.people.SessionByAdminSecret(r.Context(), secret)
		if err == nil && as.User.Admin {
			return as, nil
		}
		if err != nil && !errors.Is(err, session.ErrUnknown) {
			return people.Session{}, err
		}
	}
	return people.Session{}, c.notAdmin(r)
}

// notAdmin is why somebody without the administrator's cookie is turned away.
func (c *Coordinator) notAdmin(r *http.Request) error {
	reader, err := c.session(r)
	switch {
	case err != nil:
		return err
	case reader.User.Admin:
		return session.ErrUnknown
	}
	return errNotAdmin
}

func (c *Coordinator) adminSecret(r *http.Request) string {
	return cookieValue(r, namesFor(c.isSecure(r)).admin)
}

func (c *Coordinator) isFromHere(r *http.Request) bool { return provenanceOf(r, c.base(r)) == here }

func actorOf(as people.Session) people.Actor {
	return people.Actor{UserID: as.User.ID, SessionID: as.ID}
}

func adminOf(as people.Session) web.Admin { return web.Admin{As: nameOf(as.User)} }

// did redirects to a page that says what was done.
func did(w http.ResponseWriter, page, code, anchor string) {
	seeOther(w, page+"?"+url.Values{"did": {code}}.Encode()+anchor)
}

// doneNotice is the sentence for what a redirect says was done.
func doneNotice(r *http.Request) string {
	key := "did." + r.URL.Query().Get("did")
	if !catalogue.Has(key) {
		return ""
	}
	return catalogue.Text(key)
}
