// Package pages is what a person sees of an edge: the landing page that says what
// is served, and a viewer on the same origin as the images.
package pages

import (
	"embed"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"

	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/look"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

//go:embed all:assets
var assets embed.FS

//go:embed templates/*.html
var templates embed.FS

// viewerScript is brought from npm by the build; a plain `go build` lacks it.
const viewerScript = "assets/vendor/openseadragon.min.js"

// viewerStyle admits the one style element that OpenSeadragon puts into its page.
const viewerStyle = "'sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE='"

// HasViewer tells whether the binary was built with the viewer's library.
func HasViewer() bool {
	_, err := fs.Stat(assets, viewerScript)
	return err == nil
}

// Judge tells what whoever asks may see. Errors say that it cannot be told now.
type Judge interface {
	// Principal is who asks; zero for strangers.
	Principal(r *http.Request) authz.Principal
	// Decide is about an image that is known to exist.
	Decide(r *http.Request, id string) (authz.Decision, error)
	// Examine is about an image by its spelling in the address. What is hidden and
	// what does not exist are both authz.NotFound.
	Examine(r *http.Request, spelling string) (authz.Decision, error)
}

// Config is what the pages are made of.
type Config struct {
	Library tile.Library
	Judge   Judge
	Look    *look.Look
	Texts   *catalogue.Book
	Version string

	ServiceName string // of the sign-in service; empty: "members"
	Log         *slog.Logger
}

// Pages serves "/", /view, /view/{id}, /assets/ and the files browsers ask for.
type Pages struct {
	cfg   Config
	mux   *http.ServeMux
	views map[string]*template.Template // by language
}

// New makes the pages.
func New(cfg Config) *Pages {
	p := &Pages{cfg: cfg, mux: http.NewServeMux(), views: map[string]*template.Template{}}
	for _, say := range cfg.Texts.Whole() {
		p.views[say.Tag()] = parse(cfg.Look, say)
	}
	p.mux.HandleFunc("GET /{$}", p.landing)
	p.mux.HandleFunc("GET /view", p.viewManifest)
	cfg.Look.Handle(p.mux, base)
	p.mux.HandleFunc("GET "+base, p.asset)
	p.mux.HandleFunc("GET /favicon.ico", cfg.Look.ServeIcon)
	p.mux.HandleFunc("GET /favicon.svg", cfg.Look.ServeIcon)
	p.mux.HandleFunc("POST "+schemePath, look.ServeSwitch)
	p.mux.HandleFunc("GET /robots.txt", robots)
	p.mux.HandleFunc("/", p.missing)
	return p
}

const (
	base       = "/assets/"
	schemePath = "/assets/scheme"
)

func parse(l *look.Look, say *catalogue.Words) *template.Template {
	root := template.New("").Funcs(l.Functions(base)).Funcs(template.FuncMap{"t": say.Text, "lang": say.Tag})
	return template.Must(template.Must(root.ParseFS(look.Templates, "*.html")).ParseFS(templates, "templates/*.html"))
}

// ServeHTTP implements http.Handler. /view/{id} is cut from the escaped path here,
// because a mux would clean identifiers that hold slashes. All that is done for a request
// has the words of its reader.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(catalogue.With(r.Context(), p.cfg.Texts.For(r)))
	if spelling, ok := strings.CutPrefix(r.URL.EscapedPath(), "/view/"); ok && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		p.viewImage(w, r, spelling)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// Crawlers have no use for tiles, and tiles none for crawlers.
func robots(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_, _ = w.Write([]byte("User-agent: *\nDisallow: /iiif/\nDisallow: /auth/\nDisallow: /view\n"))
}

func (p *Pages) asset(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeFileFS(w, r, assets, strings.TrimPrefix(r.URL.Path, "/"))
}

func (p *Pages) missing(w http.ResponseWriter, r *http.Request) {
	p.state(w, r, http.StatusNotFound, state{Name: "missing"})
}

// frame is what every page shows around its matter.
type frame struct {
	Title   string
	Here    string // path of the page, for aria-current and as the way back after sign-in
	Person  string // who is signed in; "" for strangers
	Admin   bool
	Version string
	Scheme  look.Scheme
	Switch  *look.Switch
}

// wordsFor are those of whoever asks.
func wordsFor(r *http.Request) *catalogue.Words { return catalogue.From(r.Context()) }

func (p *Pages) frame(r *http.Request, title string) frame {
	who := p.cfg.Judge.Principal(r)
	f := frame{
		Title: title, Here: r.URL.RequestURI(), Admin: who.Admin, Version: p.cfg.Version,
		Scheme: look.SchemeOf(r), Switch: look.SwitchOn(r, schemePath),
	}
	if who.ID != "" {
		f.Person = who.Name
		if f.Person == "" {
			f.Person = who.ID
		}
	}
	return f
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "private, no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' "+viewerStyle+"; img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	if err := p.views[wordsFor(r).Tag()].ExecuteTemplate(w, name, data); err != nil {
		p.cfg.Log.Warn("page not written whole", "page", name, "error", err)
	}
}
