package coordinator

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/session"
)

func asFault(err error) (*oidc.Fault, bool) {
	var fault *oidc.Fault
	ok := errors.As(err, &fault)
	return fault, ok
}

// callback takes a browser back from a provider. What it brings counts once, and only in
// the browser that left, for the provider it was sent to (R35).
func (c *Coordinator) callback(w http.ResponseWriter, r *http.Request) {
	provider, ok := c.onProviderPage(w, r)
	if !ok {
		return
	}
	back, err := c.returned(r, provider)
	if err != nil {
		c.failAgain(w, r, err, journey{})
		return
	}
	if err := c.mayLink(r, back.Journey); err != nil {
		c.failAgain(w, r, err, back.Journey)
		return
	}
	arrival, err := provider.Arrive(r.Context(), r.URL.Query(), back.Departure)
	if err != nil {
		c.faulted(w, r, provider, err, back.Journey)
		return
	}
	in, err := c.people.Arrive(r.Context(), c.arrivalOf(r, provider, arrival, back.Journey))
	if err != nil {
		c.failAgain(w, r, err, back.Journey)
		return
	}
	c.setCookies(w, r, in)
	c.goHome(w, r, in, back.Journey)
}

var errNoDeparture = &people.Error{Kind: people.Invalid, Code: "no-such-departure"}

// returned finds what was kept for a browser.
func (c *Coordinator) returned(r *http.Request, provider *oidc.Provider) (kept, error) {
	state, browser := r.URL.Query()["state"], cookieValue(r, c.departureCookie(r))
	if len(state) != 1 || browser == "" {
		return kept{}, errNoDeparture
	}
	d, err := c.people.Return(r.Context(), session.HashOf(state[0]), session.HashOf(browser), provider.Name)
	if err != nil {
		return kept{}, err
	}
	var back kept
	if err := json.Unmarshal([]byte(d.Document), &back); err != nil {
		return kept{}, err
	}
	if want := c.base(r).String() + r.URL.Path; back.Redirect != want {
		return kept{}, errNoDeparture // left from another of our addresses
	}
	return back, nil
}

// mayLink: whoever adds a provider to an account is still signed in to it, in the session
// she asked from, which an administrator proved by her own cookie then: the callback opens
// a session that administers.
func (c *Coordinator) mayLink(r *http.Request, j journey) error {
	if j.LinkTo == "" {
		return nil
	}
	sess, err := c.session(r)
	if errors.Is(err, session.ErrUnknown) || err == nil && !j.isOf(sess) {
		return &people.Error{Kind: people.Forbidden, Code: "link-elsewhere"}
	}
	return err
}

func (j journey) isOf(sess people.Session) bool {
	return sess.ID == j.LinkFrom && sess.User.ID == j.LinkTo && sess.User.Admin == j.LinkAdmin
}

// arrivalOf is what people need to know of somebody a provider vouches for.
func (c *Coordinator) arrivalOf(r *http.Request, provider *oidc.Provider, a oidc.Arrival, j journey) people.Arrival {
	settings := c.providers.settings[provider.Name]
	arrival := said(settings, a)
	arrival.SignUp, arrival.LinkTo = settings.SignUp, j.LinkTo
	arrival.Addr, arrival.Agent, arrival.Before, arrival.Origin = clientAddr(r), r.UserAgent(), c.sessionSecret(r), j.Viewer
	arrival.Session = people.ProviderSession{SID: a.SID}
	if settings.Refresh > 0 && a.Refresh != "" {
		arrival.Session.Due = c.people.Now().Add(settings.Refresh)
	}
	arrival.Seal = func(id string, p *people.ProviderSession) {
		p.IDToken = c.providers.key.Seal(a.IDToken, useIDToken+id)
		if !p.Due.IsZero() { // what nobody will use is not kept
			p.Refresh = c.providers.key.Seal(a.Refresh, useRefresh+id)
		}
	}
	return arrival
}

// What is sealed, before the id of its session.
const (
	useIDToken = "id token of session " //nolint:gosec // no secret
	useRefresh = "refresh token of session "
)

// said is what a provider says about somebody, as far as it is believed.
func said(settings Provider, a oidc.Arrival) people.Arrival {
	_, domain, _ := strings.Cut(a.Person.Email, "@")
	return people.Arrival{
		Provider: settings.Name, Issuer: settings.Issuer, Subject: a.Subject,
		Name: a.Person.Name, Email: a.Person.Email,
		OwnsEmail:    a.Person.EmailVerified && slices.Contains(settings.Domains, domain),
		Groups:       a.Person.Groups,
		DecidesAdmin: settings.DecidesAdmin, Admin: a.Person.Admin,
	}
}

// goHome ends a journey. Administrators' pages want a cookie that browsers keep back from
// whoever comes by a link from elsewhere, as the browser just has; a page of our own in
// between makes it one from here.
func (c *Coordinator) goHome(w http.ResponseWriter, r *http.Request, in people.SignedIn, j journey) {
	switch {
	case j.Window || j.Waiter != "":
		seeOther(w, doneFor(j.Waiter))
	case j.LinkTo != "":
		seeOther(w, waysPath)
	case in.AdminSecret != "" && strings.HasPrefix(j.Next, "/auth/admin"):
		c.pages.ShowOnward(w, r, web.Onward{Sentence: wordsFor(r).Text("onward.signed-in", nameOf(in.Session.User)), Next: j.Next})
	default:
		seeOther(w, nextPath(j.Next))
	}
}
