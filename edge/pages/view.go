package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

type viewPage struct {
	frame
	Info     string // path of the info.json; or
	Manifest string // path of a manifest on this host
	Missing  bool   // built without the viewer's library
}

// state is a page that has no image to show, and what to do about it.
type state struct {
	Name    string // of its words in the catalogue: missing, login, terms, …
	Heading string // where it is not the catalogue's
	Lang    string // of that heading
	SignIn  bool
	Terms   string // path of the page with the terms that help; "" for none
}

type statePage struct {
	frame
	state
	Note  string
	Login string
}

func (p *Pages) state(w http.ResponseWriter, r *http.Request, status int, s state) {
	say := wordsFor(r)
	if s.Heading == "" {
		s.Heading, s.Lang = say.Text("state."+s.Name+".heading"), say.Tag()
	}
	page := statePage{frame: p.frame(r, s.Heading), state: s, Note: say.Text("state." + s.Name + ".note")}
	page.Login = "/auth/login?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
	p.show(w, r, status, "state.html", page)
}

// Away answers 503 for pages of people that nobody can draw now.
func (p *Pages) Away(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(catalogue.With(r.Context(), p.cfg.Texts.For(r)))
	p.state(w, r, http.StatusServiceUnavailable, state{Name: "away"})
}

func (p *Pages) viewImage(w http.ResponseWriter, r *http.Request, spelling string) {
	d, err := p.cfg.Judge.Examine(r, spelling)
	switch {
	case err != nil:
		p.cfg.Log.WarnContext(r.Context(), "viewer not shown", "path", r.URL.Path, "error", err)
		w.Header().Set("Retry-After", "2")
		p.state(w, r, http.StatusServiceUnavailable, state{Name: "unsure"})
	case d.Outcome == authz.NotFound:
		p.missing(w, r)
	case d.Outcome == authz.NeedLogin:
		p.state(w, r, http.StatusUnauthorized, state{Name: "login", SignIn: true})
	case d.Outcome == authz.NeedTerms:
		p.state(w, r, http.StatusUnauthorized, p.stateTerms(r, d))
	case d.Outcome == authz.Forbidden && d.Access == authz.Networks:
		p.state(w, r, http.StatusForbidden, state{Name: "elsewhere"})
	case d.Outcome == authz.Forbidden && d.Access == authz.Deny:
		p.state(w, r, http.StatusForbidden, state{Name: "closed"})
	case d.Outcome == authz.Forbidden:
		p.state(w, r, http.StatusForbidden, state{Name: "forbidden", SignIn: true})
	case d.Outcome != authz.Allow:
		p.state(w, r, http.StatusForbidden, state{Name: "forbidden", SignIn: true})
	default:
		id, _ := url.PathUnescape(spelling) // Examine has read it
		p.show(w, r, http.StatusOK, "view.html", viewPage{frame: p.frame(r, id), Info: "/iiif/3/" + spelling + "/info.json", Missing: !HasViewer()})
	}
}

// stateTerms leads to the terms, and from there back to this page.
func (p *Pages) stateTerms(r *http.Request, d authz.Decision) state {
	service := iiif.Service{Site: cmp.Or(p.cfg.ServiceName, "members"), Kind: d.Service, Terms: d.Terms.Name}
	language := catalogue.Choose(r, wordsFor(r), d.Terms.Title)
	return state{
		Name: "terms", Heading: d.Terms.Title[language], Lang: language,
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
		p.state(w, r, http.StatusNotFound, state{Name: "foreign"})
	default:
		p.show(w, r, http.StatusOK, "view.html", viewPage{frame: p.frame(r, wordsFor(r).Text("view.title")), Manifest: u.EscapedPath(), Missing: !HasViewer()})
	}
}
