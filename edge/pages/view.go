package pages

import (
	"net/http"
	"net/url"
	"strings"

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
}

var (
	stateMissing   = stateText{"There is nothing here", "The address may be misspelt, or what it named is gone. The start page lists what is served.", false}
	stateLogin     = stateText{"Sign in to see this image", "It may be seen by readers who are signed in.", true}
	stateForbidden = stateText{"This image is not open to you", "Your account may not see it. Another account might, or the reading room can help.", true}
	stateUnsure    = stateText{"This cannot be shown just now", "Whether you may see it cannot be told at the moment, or no worker can be reached. Try again in a moment.", false}
	stateClosed    = stateText{"This image is closed", "Nobody may see it at present. The reading room can say why.", false}
	stateForeign   = stateText{"This viewer shows what this server holds", "The manifest is on another server. Open it in a viewer there, or in one of your own.", false}
)

// stateAway stands in for the coordinator's pages while none can be reached.
var stateAway = stateText{"Signing in is not possible at the moment", "The part of this server that knows people cannot be reached. Images that are open, and sessions begun before, go on. Try again in a minute.", false}

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
	case d.Outcome == authz.Forbidden && d.Access == authz.Deny:
		p.state(w, r, http.StatusForbidden, stateClosed)
	case d.Outcome == authz.Forbidden:
		p.state(w, r, http.StatusForbidden, stateForbidden)
	default:
		id, _ := url.PathUnescape(spelling) // Examine has read it
		p.show(w, http.StatusOK, "view.html", viewPage{frame: p.frame(r, id), Info: "/iiif/3/" + spelling + "/info.json", Missing: !HasViewer()})
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
