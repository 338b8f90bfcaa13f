package coordinator

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// serviceOf is the authorization service that a request names; the older stack's paths
// name none and mean signing in.
func (c *Coordinator) serviceOf(r *http.Request) (iiif.Service, bool) {
	name := r.PathValue("service")
	if name == "" {
		name = c.service
	}
	return iiif.ParseService(c.service, name)
}

// byKind chooses among the pages of the services: signing in, accepting terms, or none,
// where nothing but the place counts.
func (c *Coordinator) byKind(signIn, terms http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch s, _ := c.serviceOf(r); s.Kind {
		case authz.Accept, authz.SignInTerms:
			terms(w, r)
		case authz.External, authz.Kiosk:
			c.pages.ShowDone(w, r, web.Done{Deed: web.Looked}) // the viewer looks whether this is the right place
		default:
			signIn(w, r)
		}
	}
}

// reader is who asks for terms: signed in, on a visit, or neither yet.
type reader struct {
	session  people.Session // where signedIn
	signedIn bool
	accepted bool // just these terms in just this version
}

func (c *Coordinator) readerOf(r *http.Request, t authz.Terms) (reader, error) {
	sess, err := c.session(r)
	if err == nil {
		accepted, err := c.people.HasAccepted(r.Context(), sess.User.ID, t)
		return reader{session: sess, signedIn: true, accepted: accepted}, err
	}
	if !errors.Is(err, session.ErrUnknown) {
		return reader{}, err
	}
	visit, err := c.people.VisitBySecret(r.Context(), c.sessionSecret(r))
	if err != nil && !errors.Is(err, session.ErrUnknown) {
		return reader{}, err
	}
	return reader{accepted: slices.Contains(visit.Terms, t.Key())}, nil
}

// termsAsked are the terms that a service is about, in force now, and who asks for them.
func (c *Coordinator) termsAsked(r *http.Request, s iiif.Service) (authz.Terms, reader, error) {
	t, err := c.people.Terms(r.Context(), s.Terms)
	if err != nil {
		return t, reader{}, err
	}
	who, err := c.readerOf(r, t)
	return t, who, err
}

// getTerms is the page with the terms, which viewers open in a tab of its own and the
// built-in viewer in its own place. It takes a click even of those who have accepted:
// they would not be here if that had been enough, and browsers give viewers of other
// sites our cookie only after one (R57, D-032).
func (c *Coordinator) getTerms(w http.ResponseWriter, r *http.Request) {
	viewer, ok := c.readViewer(w, r)
	if !ok {
		return
	}
	if isEmbedded(r) {
		c.problem(w, r, http.StatusForbidden, "embedded")
		return
	}
	s, _ := c.serviceOf(r)
	t, who, err := c.termsAsked(r, s)
	switch {
	case err != nil:
		c.fail(w, r, err)
	case s.Kind == authz.SignInTerms && (!who.signedIn || r.FormValue("switch") != ""):
		c.signInFirst(w, r, http.StatusOK, viewer, who, nil)
	default:
		c.showTerms(w, r, http.StatusOK, t, who, viewer, "")
	}
}

// signInFirst shows the ways to sign in. All of them lead back to the terms.
func (c *Coordinator) signInFirst(w http.ResponseWriter, r *http.Request, status int, viewer origin, who reader, cause error) {
	form := web.SignIn{Action: r.URL.Path, Origin: viewer.String(), Next: askedNext(r)}
	if who.signedIn {
		form.As = nameOf(who.session.User)
	}
	if cause != nil {
		status, form.Error = c.explain(r.Context(), w, cause)
		form.Email = r.PostFormValue("email")
	}
	j := journey{Next: thisPage(r, viewer)}
	if form.Next == "" { // a viewer waits for this tab
		form.Wait = c.providers.wait(j, j.Next)
	}
	form.Providers = c.providers.buttons(j, form.Wait)
	c.pages.ShowSignIn(w, r, status, form)
}

// askedNext is the path to go on to afterwards, "" for none: then the tab closes.
func askedNext(r *http.Request) string {
	if text := r.FormValue("next"); text != "" {
		return nextPath(text)
	}
	return ""
}

// thisPage is this page once more.
func thisPage(r *http.Request, viewer origin, more ...string) string {
	query := url.Values{}
	if viewer != (origin{}) {
		query.Set("origin", viewer.String())
	}
	if next := askedNext(r); next != "" {
		query.Set("next", next)
	}
	for _, name := range more {
		query.Set(name, "yes")
	}
	return r.URL.Path + "?" + query.Encode()
}

func (c *Coordinator) showTerms(w http.ResponseWriter, r *http.Request, status int, t authz.Terms, who reader, viewer origin, problem string) {
	page := web.Terms{
		Action: r.URL.Path, Origin: viewer.String(), Next: askedNext(r), Version: t.Version, Accepted: who.accepted, Problem: problem,
	}
	page.Title, page.Text, page.Language = inLanguageOf(r, t)
	if who.signedIn {
		page.As, page.Switch = nameOf(who.session.User), thisPage(r, viewer, "switch")
	}
	c.pages.ShowTerms(w, r, status, page)
}

// postTerms takes the click, or the password where signing in comes first.
func (c *Coordinator) postTerms(w http.ResponseWriter, r *http.Request) {
	if !c.readForm(w, r, maxForm) {
		return
	}
	viewer, ok := c.readViewer(w, r)
	if !ok {
		return
	}
	if provenanceOf(r, c.base(r)) == elsewhere {
		c.fail(w, r, errCrossSite)
		return
	}
	s, _ := c.serviceOf(r)
	if s.Kind == authz.SignInTerms && r.PostFormValue("accept") == "" {
		c.signInForTerms(w, r, viewer)
		return
	}
	t, who, err := c.termsAsked(r, s)
	switch {
	case err != nil:
		c.fail(w, r, err)
	case s.Kind == authz.SignInTerms && !who.signedIn:
		c.signInFirst(w, r, http.StatusUnauthorized, viewer, who, nil)
	case r.PostFormValue("version") != t.Version:
		changed := &people.Error{Kind: people.Conflict, Code: "terms-changed"}
		c.showTerms(w, r, changed.Status(), t, who, viewer, changed.Sentence(wordsFor(r)))
	default:
		c.accept(w, r, t, who, viewer)
	}
}

func (c *Coordinator) signInForTerms(w http.ResponseWriter, r *http.Request, viewer origin) {
	if err := c.signIn(w, r, viewer); err != nil {
		c.signInFirst(w, r, http.StatusUnauthorized, viewer, reader{}, err)
		return
	}
	seeOther(w, thisPage(r, viewer))
}

func (c *Coordinator) accept(w http.ResponseWriter, r *http.Request, t authz.Terms, who reader, viewer origin) {
	if err := c.record(w, r, t, who, viewer); err != nil {
		c.fail(w, r, err)
		return
	}
	if next := askedNext(r); next != "" {
		seeOther(w, next)
		return
	}
	seeOther(w, donePath+"?of=terms")
}

func (c *Coordinator) record(w http.ResponseWriter, r *http.Request, t authz.Terms, who reader, viewer origin) error {
	if who.signedIn {
		return c.people.AcceptAsUser(r.Context(), who.session, viewer.String(), t)
	}
	secret, err := c.people.AcceptAsVisitor(r.Context(), people.Visitor{
		Secret: c.sessionSecret(r), Addr: clientAddr(r), Agent: r.UserAgent(), Origin: viewer.String(),
	}, t)
	if err == nil && secret != "" {
		secure := c.isSecure(r)
		http.SetCookie(w, c.cookie(secure, namesFor(secure).session, secret))
	}
	return err
}
