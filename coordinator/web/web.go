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

	"github.com/tessera-iiif/tessera/coordinator/catalogue"
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

// pages are parsed once; each is the frame with its own main part.
var pages = func() map[string]*template.Template {
	parsed := map[string]*template.Template{}
	frame := template.Must(template.New("frame.html").Funcs(functions).ParseFS(files, "templates/frame.html", "templates/parts.html", "templates/wait.html"))
	for _, name := range []string{"signin", "continue", "terms", "done", "signedout", "problem", "link", "password", "account", "onward", "ways"} {
		parsed[name] = template.Must(template.Must(frame.Clone()).ParseFS(files, "templates/"+name+".html"))
	}
	desk := template.Must(template.New("desk.html").Funcs(functions).ParseFS(files, "templates/desk.html", "templates/parts.html"))
	for _, name := range sheets {
		parsed[name] = template.Must(template.Must(desk.Clone()).ParseFS(files, "templates/"+name+".html"))
	}
	parsed["token"] = template.Must(template.New("token.html").Funcs(functions).ParseFS(files, "templates/token.html"))
	return parsed
}()

var functions = template.FuncMap{
	"t":      catalogue.Text,
	"mark":   look.Mark,
	"style":  func() string { return "/auth/assets/tessera.css?v=" + look.Version },
	"agent":  agentName,
	"asset":  asset,
	"when":   func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
	"brief":  func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") },
	"stamp":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"inc":    func(i int) int { return i + 1 },
	"tokens": func(items []PersonalToken, path string) tokenList { return tokenList{items, path} },
}

// page is what the frame needs to know besides what its main part shows.
type page struct {
	Title   string
	Nonce   string // of the page's one script; "" if it has none
	Refresh string // address that the browser goes on to by itself; "" if it stays
	Admin   *Admin // set on pages for administrators
	Menu    []Chapter
	Show    any
}

// render draws a page whole before it sends the first byte, so that a fault in
// it cannot leave half a page.
func render(w http.ResponseWriter, status int, name string, p page) {
	var body bytes.Buffer
	if err := pages[name].Execute(&body, p); err != nil {
		http.Error(w, catalogue.Text("problem.internal"), http.StatusInternalServerError)
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

// Assets serves style sheets and the mark below /auth/assets/.
func Assets() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/assets/tessera.css", look.ServeStyle)
	mux.HandleFunc("GET /auth/assets/mark.svg", look.ServeMark)
	mux.Handle("GET /auth/assets/admin.css", file("text/css; charset=utf-8", adminStyle))
	mux.Handle("GET /auth/assets/admin.js", file("text/javascript; charset=utf-8", adminScript))
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
func asset(name string) string { return "/auth/assets/" + name + "?v=" + versions[name] }

var versions = map[string]string{"admin.css": versionOf(adminStyle), "admin.js": versionOf(adminScript)}

func versionOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:6])
}
