package coordinator

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/session"
)

// departureLife is how long somebody may take at the provider (R35).
const departureLife = 10 * time.Minute

// kept is what lies here while a browser is with a provider.
type kept struct {
	oidc.Departure
	Journey journey `json:"journey"`
}

// startSignIn sends a browser to a provider. Only a page of its own does so: an image on
// somebody's page must not begin anything.
func (c *Coordinator) startSignIn(w http.ResponseWriter, r *http.Request) {
	provider, ok := c.onProviderPage(w, r)
	if !ok {
		return
	}
	viewer, ok := c.readViewer(w, r)
	if !ok {
		return
	}
	j := journey{Next: nextPath(r.FormValue("next")), Viewer: viewer.String(), Window: r.FormValue("window") != "", Waiter: waiterIn(r)}
	if j.Viewer != "" && provenanceOf(r, c.base(r)) == elsewhere {
		// Who is signed in at the provider comes back without a word: a viewer gets its
		// rights by a click on a page of ours, and not by sending its reader past it.
		http.Redirect(w, r, c.again(j), http.StatusSeeOther)
		return
	}
	c.depart(w, r, provider, j)
}

// onProviderPage finds the provider a path names, for a browser that opened it as a page;
// otherwise the answer is written already.
func (c *Coordinator) onProviderPage(w http.ResponseWriter, r *http.Request) (*oidc.Provider, bool) {
	if isEmbedded(r) {
		c.problem(w, r, http.StatusForbidden, "embedded")
		return nil, false
	}
	if r.Method == http.MethodHead { // routes of GET take it too
		w.Header().Set("Allow", http.MethodGet)
		c.problem(w, r, http.StatusMethodNotAllowed, "method", r.Method)
		return nil, false
	}
	provider := c.providers.set.Find(r.PathValue("provider"))
	if provider == nil {
		c.problem(w, r, http.StatusNotFound, "no-such-provider")
	}
	return provider, provider != nil
}

func (c *Coordinator) depart(w http.ResponseWriter, r *http.Request, provider *oidc.Provider, j journey) {
	redirect := c.base(r).String() + "/auth/oidc/" + provider.Name + "/callback"
	address, d, err := provider.Depart(r.Context(), redirect)
	if err != nil {
		c.faulted(w, r, provider, err, j)
		return
	}
	document, err := json.Marshal(kept{d, j})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	browser := c.browserSecret(r)
	err = c.people.Depart(r.Context(), people.Departure{
		State: session.HashOf(d.State), Browser: session.HashOf(browser), Provider: provider.Name,
		Network: people.Network(clientAddr(r)), Document: string(document), Expires: c.people.Now().Add(departureLife),
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.setDepartureCookie(w, r, browser)
	if r.Method == http.MethodPost { // a form of ours must not end elsewhere
		c.pages.ShowOnward(w, r, web.Onward{Sentence: wordsFor(r).Text("onward.provider", provider.Label), Next: address})
		return
	}
	w.Header().Set("Referrer-Policy", "no-referrer")
	seeOther(w, address)
}

func (c *Coordinator) departureCookie(r *http.Request) string {
	if c.isSecure(r) {
		return "__Host-tessera_departure"
	}
	return "tessera_departure"
}

// setDepartureCookie sets a cookie that comes back with the browser from a provider, which
// is a link from elsewhere to it: Lax (H-027).
func (c *Coordinator) setDepartureCookie(w http.ResponseWriter, r *http.Request, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: c.departureCookie(r), Value: value, Path: "/", Secure: c.isSecure(r), HttpOnly: true,
		SameSite: http.SameSiteLaxMode, MaxAge: int(departureLife.Seconds()),
	})
}

const browserLength = 52 // characters of two rand.Text

// browserSecret tells this browser from all others while it is away. Two tabs of it share
// one.
func (c *Coordinator) browserSecret(r *http.Request) string {
	if held := cookieValue(r, c.departureCookie(r)); len(held) == browserLength {
		return held
	}
	return rand.Text() + rand.Text()
}

// faults are what people read, and the status with it.
var faults = map[oidc.Kind]struct {
	code   string
	status int
}{
	oidc.Away:    {"provider-away", http.StatusServiceUnavailable},
	oidc.False:   {"provider-false", http.StatusBadGateway},
	oidc.Clock:   {"provider-clock", http.StatusBadGateway},
	oidc.Refused: {"provider-refused", http.StatusForbidden},
	oidc.Misset:  {"provider-misset", http.StatusBadGateway},
	oidc.Over:    {"provider-over", http.StatusBadRequest},
}

// faulted says what went wrong with a provider, and where to begin again. The log says
// more, to whoever runs this.
func (c *Coordinator) faulted(w http.ResponseWriter, r *http.Request, provider *oidc.Provider, err error, j journey) {
	fault, ok := asFault(err)
	if !ok {
		c.failAgain(w, r, err, j)
		return
	}
	c.log.WarnContext(r.Context(), "nobody could be signed in by a provider", "provider", provider.Name, "error", fault)
	what := faults[fault.Kind]
	if fault.Kind == oidc.Away {
		w.Header().Set("Retry-After", "10")
	}
	c.pages.ShowProblem(w, r, what.status, web.Problem{Sentence: wordsFor(r).Text("problem."+what.code, provider.Label), Again: c.again(j)})
}

// failAgain is fail with a way to begin anew.
func (c *Coordinator) failAgain(w http.ResponseWriter, r *http.Request, err error, j journey) {
	status, sentence := c.explain(r.Context(), w, err)
	c.pages.ShowProblem(w, r, status, web.Problem{Sentence: sentence, Again: c.again(j)})
}
