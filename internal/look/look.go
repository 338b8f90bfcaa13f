// Package look holds what every page shares: the style sheet, the mark, and what a site
// has set in their place; and how a reader wants them, light or dark.
package look

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"strings"
)

//go:embed tessera.css
var sheet string

//go:embed dark.css
var darkTokens string

//go:embed mark.svg
var mark string

// Templates has what the pages of all roles have in common. They want a function "t" that
// gives the text of a key.
//
//go:embed scheme.html
var Templates embed.FS

// Config is what a site may have of its own. Zero values stand for ours.
type Config struct {
	Name       string
	Accent     Accent // on light pages
	AccentDark Accent // on dark ones; made from Accent where there is none
	Logo       *Logo
	LogoDark   *Logo // on dark pages, in the place of Logo
}

// Look is how the pages of a site look. Safe for concurrent use.
type Look struct {
	name           string
	style, icon    []byte
	iconType       string
	logo, logoDark *Logo
	version        string
}

const ownName = "Tessera"

// New puts the style of a site together.
func New(c Config) *Look {
	l := &Look{name: cmp.Or(c.Name, ownName), logo: c.Logo, logoDark: c.LogoDark, iconType: "image/svg+xml"}
	if c.Logo == nil {
		l.logoDark = nil
	}
	accents, dark, tint := "", darkTokens, ownAccent
	if c.Accent != (Accent{}) {
		tint = c.Accent.String()
		accents = ":root { " + c.Accent.tokens() + " }\n"
		if c.AccentDark == (Accent{}) {
			c.AccentDark = c.Accent.forDark()
		}
	}
	if c.AccentDark != (Accent{}) {
		dark += c.AccentDark.tokens() + "\n"
	}
	l.style = []byte(sheet + accents +
		"@media (prefers-color-scheme: dark) { :root:not([data-scheme=light]) {\n" + dark + "} }\n" +
		":root[data-scheme=dark] { color-scheme: dark;\n" + dark + "}\n")
	l.version = versionOf(l.style)
	l.icon = []byte(strings.ReplaceAll(mark, ownAccent, tint))
	if c.Logo.fitsIcon() {
		l.icon, l.iconType = c.Logo.body, c.Logo.Type
	}
	return l
}

func versionOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:6])
}

// Name of the site.
func (l *Look) Name() string { return l.name }

// Functions are for templates of pages whose assets are below base, such as "/assets/".
// "site" is the name, "brand" what stands for the site at the top of a page of a scheme,
// "style" and "icon" are addresses, and "switch" is what the template "scheme" wants.
func (l *Look) Functions(base string) template.FuncMap {
	return template.FuncMap{
		"site":     l.Name,
		"brand":    func(s Scheme) template.HTML { return l.brand(base, s) },
		"style":    func() string { return base + "tessera.css?v=" + l.version },
		"icon":     func() string { return base + "icon?v=" + versionOf(l.icon) },
		"icontype": func() string { return l.iconType },
	}
}

// brand is the mark with the name. A logo that is about as wide as a line of text has the
// name in it already, for everybody but those who cannot see it.
func (l *Look) brand(base string, s Scheme) template.HTML {
	name := template.HTMLEscapeString(l.name)
	if l.logo == nil {
		return template.HTML(mark + "<span>" + name + "</span>") //nolint:gosec // our own file
	}
	alt, beside := "", "<span>"+name+"</span>"
	if l.logo.isWide() {
		alt, beside = name, ""
	}
	return template.HTML(l.picture(base, s, alt) + beside) //nolint:gosec // escaped above
}

// picture is the logo in a scheme. Without one for dark pages the logo stands on a light
// plate there: most are drawn for paper.
func (l *Look) picture(base string, s Scheme, alt string) string {
	img := func(path, class string, logo *Logo) string {
		return `<img class="` + class + `" src="` + base + path + "?v=" + versionOf(logo.body) + `" alt="` + alt + `">`
	}
	switch {
	case l.logoDark == nil:
		return img("logo", "logo plate", l.logo)
	case s == Light:
		return img("logo", "logo", l.logo)
	case s == Dark:
		return img("logo-dark", "logo", l.logoDark)
	}
	return `<picture><source media="(prefers-color-scheme: dark)" srcset="` + base + "logo-dark?v=" + versionOf(l.logoDark.body) + `">` +
		img("logo", "logo", l.logo) + `</picture>`
}

// Handle serves style sheet, icon and logos below base.
func (l *Look) Handle(mux *http.ServeMux, base string) {
	mux.HandleFunc("GET "+base+"tessera.css", func(w http.ResponseWriter, _ *http.Request) {
		serve(w, "text/css; charset=utf-8", l.style)
	})
	mux.HandleFunc("GET "+base+"icon", l.ServeIcon)
	for path, logo := range map[string]*Logo{"logo": l.logo, "logo-dark": l.logoDark} {
		if logo != nil {
			mux.HandleFunc("GET "+base+path, func(w http.ResponseWriter, _ *http.Request) { serve(w, logo.Type, logo.body) })
		}
	}
}

// ServeIcon answers with what browsers show in the tab.
func (l *Look) ServeIcon(w http.ResponseWriter, _ *http.Request) { serve(w, l.iconType, l.icon) }

// harmless is the policy of what a site brings along: a drawing that is opened by itself
// is a document, and must neither run nor fetch anything, nor be of our origin.
const harmless = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"

// serve answers with a file that pages ask for by its version.
func serve(w http.ResponseWriter, mediaType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Security-Policy", harmless)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "public, max-age=86400")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body) // a reader that left is no fault of ours
}
