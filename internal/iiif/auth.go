package iiif

import (
	"cmp"
	"net/url"
)

// Auth is the sign-in service that guards one image.
type Auth struct {
	Base          string // scheme and host of the public site, without trailing slash
	Name          string // of the service, one for all images it guards: "members"
	ImageSpelling string // the image's identifier as it is to stand in URLs, escaped
	Texts         Texts
}

// Texts are what viewers show around signing in: plain English sentences, no markup.
// Empty ones are left out, but for Label, Confirm and LogoutLabel, without which
// deployed viewers fail; those fall back to [DefaultTexts] of the service's name.
type Texts struct {
	Label          string // of the service; names the institution
	Heading        string // before signing in
	Note           string // likewise, below Heading
	Confirm        string // on the button that opens the sign-in page
	FailureHeading string // when signing in did not help
	FailureNote    string // likewise, below FailureHeading
	LogoutLabel    string
}

// DefaultTexts are the texts of a service of the institution called name, which may
// be empty.
func DefaultTexts(name string) Texts {
	to, of := "", "readers who are signed in"
	if name != "" {
		to, of = " to "+name, "signed-in readers of "+name
	}
	return Texts{
		Label:          "Sign in" + to,
		Heading:        "Sign in to see this image",
		Note:           "This image may be seen by " + of + ". The sign-in page opens in a new tab and closes when you are done.",
		Confirm:        "Sign in",
		FailureHeading: "This image is not open to you yet",
		FailureNote:    "You may be signed out, your account may not include this image, or your browser may keep the sign-in from this page. Sign in again, or open the image on our own site.",
		LogoutLabel:    "Sign out" + fromName(name),
	}
}

func fromName(name string) string {
	if name == "" {
		return ""
	}
	return " of " + name
}

func (a Auth) texts() Texts {
	t, fallback := a.Texts, DefaultTexts(a.Name)
	t.Label = cmp.Or(t.Label, fallback.Label)
	t.Confirm = cmp.Or(t.Confirm, fallback.Confirm)
	t.LogoutLabel = cmp.Or(t.LogoutLabel, fallback.LogoutLabel)
	if t.Heading == "" {
		t.Note = "" // a note requires a heading
	}
	if t.FailureHeading == "" {
		t.FailureNote = ""
	}
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
