package look

import (
	"net/http"
	"net/url"
	"strings"
)

// Scheme is how a reader wants pages.
type Scheme string

// The schemes. System leaves it to the browser, which asks the device.
const (
	System Scheme = ""
	Light  Scheme = "light"
	Dark   Scheme = "dark"
)

const (
	schemeCookie = "tessera_scheme"
	schemeAge    = 365 * 24 * 60 * 60 // seconds
	maxNext      = 2048               // bytes
)

// SchemeOf is the scheme that a reader has chosen.
func SchemeOf(r *http.Request) Scheme {
	cookie, err := r.Cookie(schemeCookie)
	if err == nil && (cookie.Value == string(Light) || cookie.Value == string(Dark)) {
		return Scheme(cookie.Value)
	}
	return System
}

// Switch is what the template "scheme" shows: a form with a button for each scheme.
type Switch struct {
	Scheme Scheme
	Path   string // where the form goes
	Next   string // page to come back to
}

// SwitchOn is the switch of the page that a request is for; nil for answers to forms,
// which cannot be come back to.
func SwitchOn(r *http.Request, path string) *Switch {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil
	}
	return &Switch{Scheme: SchemeOf(r), Path: path, Next: r.URL.RequestURI()}
}

// ServeSwitch keeps the scheme that a form asks for and goes back to its page. Pages of
// other sites change nothing. The cookie holds a word that anybody may read or set.
func ServeSwitch(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 2*maxNext)
	scheme, next := Scheme(r.PostFormValue("scheme")), r.PostFormValue("next")
	if site := r.Header.Get("Sec-Fetch-Site"); site == "" || site == "same-origin" {
		cookie := &http.Cookie{Name: schemeCookie, Value: string(scheme), Path: "/", MaxAge: schemeAge, HttpOnly: true, Secure: r.URL.Scheme == "https", SameSite: http.SameSiteLaxMode}
		if scheme != Light && scheme != Dark {
			cookie.Value, cookie.MaxAge = "", -1
		}
		http.SetCookie(w, cookie)
	}
	h := w.Header()
	h.Set("Location", ownPath(next))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}

// ownPath is a path of this host, and "/" for whatever a browser could take for anything
// else.
func ownPath(text string) string {
	u, err := url.Parse(text)
	odd := func(c rune) bool { return c <= ' ' || c == '\\' || c >= 0x7f }
	if err != nil || len(text) > maxNext || u.Scheme != "" || u.Host != "" || u.User != nil || strings.ContainsFunc(text, odd) ||
		!strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") {
		return "/"
	}
	return text
}
