package iiif

import (
	"net/url"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

// Auth is the authorization service that guards one image.
type Auth struct {
	Base          string        // scheme and host of the public site, without trailing slash
	Name          string        // of the service, one for all images it guards: "members"
	Kind          authz.Service // how readers go about it; "" stands for signing in
	ImageSpelling string        // the image's identifier as it is to stand in URLs, escaped
	Texts         Texts
	Language      string // of documents that know one; "" stands for English
}

func (a Auth) texts() Texts {
	t := a.Texts
	if len(t.Heading) == 0 {
		t.Note = nil // a note requires a heading
	}
	if len(t.FailureHeading) == 0 {
		t.FailureNote = nil
	}
	t.FailureNote = t.FailureNote.with("{view}", a.Base+"/view/"+a.ImageSpelling)
	return t
}

// The addresses of the services. base is scheme and host without trailing slash. None
// has a query: clients append their own with a question mark.

// Login1URL is the access cookie service of Authentication 1.0.
func Login1URL(base, name string) string { return base + "/auth/1/" + url.PathEscape(name) + "/login" }

// Token1URL is the token service of Authentication 1.0.
func Token1URL(base, name string) string { return base + "/auth/1/" + url.PathEscape(name) + "/token" }

// Logout1URL is the logout service of Authentication 1.0.
func Logout1URL(base, name string) string {
	return base + "/auth/1/" + url.PathEscape(name) + "/logout"
}

// Access2URL is the access service of Authorization Flow 2.0.
func Access2URL(base, name string) string {
	return base + "/auth/2/" + url.PathEscape(name) + "/access"
}

// Token2URL is the token service of Authorization Flow 2.0.
func Token2URL(base, name string) string { return base + "/auth/2/" + url.PathEscape(name) + "/token" }

// Logout2URL is the logout service of Authorization Flow 2.0.
func Logout2URL(base, name string) string {
	return base + "/auth/2/" + url.PathEscape(name) + "/logout"
}

// ProbeURL is the probe service of one image; spelling is its escaped identifier.
func ProbeURL(base, spelling string) string { return base + "/auth/probe/" + spelling }
