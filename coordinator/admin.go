package coordinator

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/session"
)

// maxAdminForm bounds administrators' forms, in bytes.
const maxAdminForm = 1 << 20

// adminPage handles a request of an administrator.
type adminPage func(w http.ResponseWriter, r *http.Request, as people.Session)

func (c *Coordinator) adminRoutes(mux *http.ServeMux) {
	for _, part := range []map[string]adminPage{
		c.userPages(), c.groupPages(), c.sessionPages(), c.providerPages(), c.auditPages(), c.explainPages(), c.rulePages(), c.overviewPages(), c.imagePages(),
	} {
		for pattern, page := range part {
			mux.HandleFunc(pattern, c.forAdmin(page))
		}
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

// loginFor leads back to the page that was asked for; what a form did is not done again.
func loginFor(r *http.Request) string {
	if r.Method != http.MethodGet {
		return toAdminLogin
	}
	return "/auth/login?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
}

func (c *Coordinator) refuseAdmin(w http.ResponseWriter, r *http.Request, err error) {
	var e *people.Error
	switch {
	case errors.Is(err, session.ErrUnknown):
		seeOther(w, loginFor(r))
	case errors.As(err, &e):
		c.pages.ShowProblem(w, r, e.Status(), web.Problem{Sentence: e.Sentence(wordsFor(r)), SignIn: toAdminLogin})
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

func adminOf(as people.Session) web.Admin { return web.Admin{As: nameOf(as.User)} }

// did redirects to a page that says what was done.
func did(w http.ResponseWriter, page, code, anchor string) {
	separator := "?"
	if strings.Contains(page, "?") {
		separator = "&"
	}
	seeOther(w, page+separator+url.Values{"did": {code}}.Encode()+anchor)
}

// doneNotice is the sentence for what a redirect says was done.
func doneNotice(r *http.Request) string {
	say, key := wordsFor(r), "did."+r.URL.Query().Get("did")
	if !say.Has(key) {
		return ""
	}
	return say.Text(key)
}

// pageSize is how many lines of a list a page has.
const pageSize = 50

// cut takes the line that was asked for beyond a page away, and makes the links that keep
// the filters of a list. key tells what a page behind a line begins after.
func cut[T any](r *http.Request, rows []T, key func(T) string) ([]T, web.Pager) {
	query := r.URL.Query()
	after := query.Get("after")
	query.Del("after")
	query.Del("did")
	var pager web.Pager
	if after != "" {
		pager.First = r.URL.Path + "?" + query.Encode()
	}
	if len(rows) > pageSize {
		rows = rows[:pageSize]
		query.Set("after", key(rows[pageSize-1]))
		pager.Next = r.URL.Path + "?" + query.Encode()
	}
	return rows, pager
}

// asked is a parameter of the address as a person typed it.
func asked(r *http.Request, name string) string { return strings.TrimSpace(r.URL.Query().Get(name)) }

// splitList cuts a list that people type and drops empty parts.
func splitList(text, separator string) []string {
	parts := []string{}
	for part := range strings.SplitSeq(text, separator) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// fieldOf is the field of a form that an error blames, "" for none.
func fieldOf(err error) string {
	var e *people.Error
	if errors.As(err, &e) {
		return e.Field
	}
	return ""
}
