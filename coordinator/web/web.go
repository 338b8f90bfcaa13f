// Package web draws the coordinator's pages. What a page shows is a struct; what
// it says comes from the catalogue; how it looks from internal/look.
package web

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/look"
)

//go:embed templates/*.html
var files embed.FS

//go:embed admin.css
var adminStyle []byte

//go:embed admin.js
var adminScript []byte

// sheets are the pages for administrators, in a frame of their own.
var sheets = []string{
	"overview", "images", "users", "newuser", "user", "secret", "groups", "group", "sessions", "providers", "rules", "rulesedit", "explain", "audit",
}

// Pages draws every page in every language. Safe for concurrent use.
type Pages struct {
	look   *look.Look
	byName map[string]map[string]*template.Template // by language
	assets http.Handler
}

// New parses the pages once in each language of the book.
func New(l *look.Look, book *catalogue.Book) *Pages {
	pages := &Pages{look: l, byName: map[string]map[string]*template.Template{}}
	for _, say := range book.Whole() {
		pages.byName[say.Tag()] = pages.parse(say)
	}
	pages.assets = pages.serveAssets()
	return pages
}

const base = "/auth/assets/"

// parse makes each page of the frame with its own main part.
func (pages *Pages) parse(say *catalogue.Words) map[string]*template.Template {
	root := template.New("").Funcs(functions(say)).Funcs(pages.look.Functions(base))
	template.Must(root.ParseFS(look.Templates, "*.html"))
	framed := func(frame string) *template.Template {
		return template.Must(template.Must(root.Clone()).New(frame).ParseFS(files, "templates/"+frame, "templates/parts.html", "templates/wait.html"))
	}
	parsed := map[string]*template.Template{}
	put := func(frame *template.Template, names ...string) {
		for _, name := range names {
			parsed[name] = template.Must(template.Must(frame.Clone()).ParseFS(files, "templates/"+name+".html"))
		}
	}
	put(framed("frame.html"), "signin", "continue", "terms", "done", "signedout", "problem", "link", "password", "account", "onward", "ways")
	put(framed("desk.html"), sheets...)
	parsed["token"] = template.Must(template.Must(root.Clone()).New("token.html").ParseFS(files, "templates/token.html"))
	return parsed
}

func functions(say *catalogue.Words) template.FuncMap {
	return template.FuncMap{
		"t":      say.Text,
		"lang":   say.Tag,
		"agent":  agentNames(say),
		"asset":  asset,
		"when":   say.When,
		"brief":  say.Brief,
		"stamp":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"inc":    func(i int) int { return i + 1 },
		"tokens": func(items []PersonalToken, path string) tokenList { return tokenList{items, path} },
	}
}

// page is what the frame needs to know besides what its main part shows.
type page struct {
	Title   string
	Nonce   string // of the page's one script; "" if it has none
	Refresh string // address that the browser goes on to by itself; "" if it stays
	Admin   *Admin // set on pages for administrators
	Menu    []Chapter
	Show    any

	Scheme look.Scheme
	Switch *look.Switch
}

// text is a sentence in the language of whoever asks.
func text(r *http.Request, key string) string { return catalogue.From(r.Context()).Text(key) }

// render draws a page whole before it sends the first byte, so that a fault in
// it cannot leave half a page.
func (pages *Pages) render(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	p.Scheme, p.Switch = look.SchemeOf(r), look.SwitchOn(r, "/auth/scheme")
	var body bytes.Buffer
	if err := pages.byName[catalogue.From(r.Context()).Tag()][name].Execute(&body, p); err != nil {
		http.Error(w, text(r, "problem.internal"), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // a reader that left is no fault of ours
}

// protect sets the headers of pages for people. There is no opener policy on
// them: viewers watch the tab they opened until it closes. The referrer policy
// is not no-referrer because browsers then send "Origin: null" with forms.
func protect(h http.Header, nonce string) {
	policy := "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	if nonce != "" {
		policy += "; script-src 'nonce-" + nonce + "'"
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin")
}

func newNonce() string { return rand.Text() }

// Assets serves style sheets and pictures below /auth/assets/.
func (pages *Pages) Assets() http.Handler { return pages.assets }

func (pages *Pages) serveAssets() http.Handler {
	mux := http.NewServeMux()
	pages.look.Handle(mux, base)
	mux.Handle("GET "+base+"admin.css", file("text/css; charset=utf-8", adminStyle))
	mux.Handle("GET "+base+"admin.js", file("text/javascript; charset=utf-8", adminScript))
	return mux
}

// file serves a file of our own. Pages ask for it by its content, see asset.
func file(media string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", media)
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(body)
	})
}

// asset is the address of a file of ours, another one when its content is another.
func asset(name string) string { return base + name + "?v=" + versions[name] }

var versions = map[string]string{"admin.css": versionOf(adminStyle), "admin.js": versionOf(adminScript)}

func versionOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:6])
}
