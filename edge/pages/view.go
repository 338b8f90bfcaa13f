package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

type viewPage struct {
	frame
	Info     string // path of the info.json; or
	Manifest string // path of a manifest on this host
	Missing  bool   // built without the viewer's library
}

// stateText is a page that has no image to show, and what to do about it.
type stateText struct {
	Heading, Note string
	SignIn        bool
	Terms         string // path of the page with the terms that help; "" for none
}

var (
	stateMissing   = stateText{Heading: "There is nothing here", Note: "The address may be misspelt, or what it named is gone. The start page lists what is served."}
	stateLogin     = stateText{Heading: "Sign in to see this image", Note: "It may be seen by readers who are signed in.", SignIn: true}
	stateForbidden = stateText{Heading: "This image is not open to you", Note: "Your account may not see it. Another account might, or the reading room can help.", SignIn: true}
	stateUnsure    = stateText{Heading: "This cannot be shown just now", Note: "Whether you may see it cannot be told at the moment, or no worker can be reached. Try again in a moment."}
	stateElsewhere = stateText{Heading: "This image may be seen in the reading room", Note: "It is shown on computers in certain places alone, and this is not one of them. Use a computer there, or ask the reading room."}
	stateClosed    = stateText{Heading: "This image is closed", Note: "Nobody may see it at present. The reading room can say why."}
	stateForeign   = stateText{Heading: "This viewer shows what this server holds", Note: "The manifest is on another server. Open it in a viewer there, or in one of your own."}
)

// stateAway stands in for the coordinator's pages while none can be reached.
var stateAway = stateText{Heading: "Signing in is not possible at the moment", Note: "The part of this server that knows people cannot be reached. Images that are open, and sessions begun before, go on. Try again in a minute."}

type statePage struct {
	frame
	stateText
	Login string
}

func (p *Pages) state(w http.ResponseWriter, r *http.Request, status int, text stateText) {
	page := statePage{frame: p.frame(r, text.Heading), stateText: text}
	page.Login = "/auth/login?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
	p.show(w, status, "state.html", page)
}

// Away answers 503 for pages of people that nobody can draw now.
func (p *Pages) Away(w http.ResponseWriter, r *http.Request) {
	p.state(w, r, http.StatusServiceUnavailable, stateAway)
}

func (p *Pages) viewImage(w http.ResponseWriter, r *http.Request, spelling string) {
	d, err := p.cfg.Judge.Examine(r, spelling)
	switch {
	case err != nil:
		p.cfg.Log.WarnContext(r.Context(), "viewer not shown", "path", r.URL.Path, "error", err)
		w.Header().Set("Retry-After", "2")
		p.state(w, r, http.StatusServiceUnavailable, stateUnsure)
	case d.Outcome == authz.NotFound:
		p.missing(w, r)
	case d.Outcome == authz.NeedLogin:
		p.state(w, r, http.StatusUnauthorized, stateLogin)
	case d.Outcome == authz.NeedTerms:
		p.state(w, r, http.StatusUnauthorized, p.stateTerms(r, d))
	case d.Outcome == authz.Forbidden && d.Access == authz.Networks:
		p.state(w, r, http.StatusForbidden, stateElsewhere)
	case d.Outcome == authz.Forbidden && d.Access == authz.Deny:
		p.state(w, r, http.StatusForbidden, stateClosed)
	case d.Outcome == authz.Forbidden:
		p.state(w, r, http.StatusForbidden, stateForbidden)
	case d.Outcome != authz.Allow:
		p.state(w, r, http.StatusForbidden, stateForbidden)
	default:
		id, _ := url.PathUnescape(spelling) // Examine has read it
		p.show(w, http.StatusOK, "view.html", viewPage{frame: p.frame(r, id), Info: "/iiif/3/" + spelling + "/info.json", Missing: !HasViewer()})
	}
}

// stateTerms leads to the terms, and from there back to this page.
func (p *Pages) stateTerms(r *http.Request, d authz.Decision) stateText {
	service := iiif.Service{Site: cmp.Or(p.cfg.ServiceName, "members"), Kind: d.Service, Terms: d.Terms.Name}
	return stateText{
		Heading: d.Terms.Title["en"], Note: "This image is shown to whoever accepts these terms. Read them, and come back here by accepting.",
		Terms: iiif.Access2URL("", service.String()) + "?" + url.Values{"next": {r.URL.RequestURI()}}.Encode(),
	}
}

// viewManifest shows a manifest of this host. Others are refused: the page's
// policy lets it talk to its own origin alone.
func (p *Pages) viewManifest(w http.ResponseWriter, r *http.Request) {
	u, err := url.Parse(r.URL.Query().Get("manifest"))
	switch {
	case err != nil || u.Path == "":
		p.missing(w, r)
	case u.Host != "" && u.Host != r.Host, !strings.HasPrefix(u.Path, "/iiif/"):
		p.state(w, r, http.StatusNotFound, stateForeign)
	default:
		p.show(w, http.StatusOK, "view.html", viewPage{frame: p.frame(r, "Viewer"), Manifest: u.EscapedPath(), Missing: !HasViewer()})
	}
}
