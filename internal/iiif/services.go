package iiif

import "github.com/tessera-iiif/tessera/pkg/authz"

// authService1 is any service of Authentication 1.0. Its texts are plain strings:
// clients show a language map as it is (C-007).
type authService1 struct {
	Context            string         `json:"@context,omitempty"`
	ID                 string         `json:"@id"`
	Type               string         `json:"@type,omitempty"`
	Profile            string         `json:"profile"`
	Label              string         `json:"label,omitempty"`
	Header             string         `json:"header,omitempty"`
	Description        string         `json:"description,omitempty"`
	ConfirmLabel       string         `json:"confirmLabel,omitempty"`
	FailureHeader      string         `json:"failureHeader,omitempty"`
	FailureDescription string         `json:"failureDescription,omitempty"`
	Service            []authService1 `json:"service,omitempty"`
}

// form is how a service says what it is: documents of the version 2 family give each
// service the context of its own API, those of the version 3 family give it a type
// and have its context at the top.
type form int

const (
	withContext form = iota
	withType
)

const profileAuth1 = "http://iiif.io/api/auth/1/"

// cookieService is the access cookie service of a, with token and logout in it.
func cookieService(a Auth, f form) authService1 {
	t := a.texts()
	s := authService1{
		ID: Login1URL(a.Base, a.Name), Profile: profileAuth1 + profile1(a.Kind),
		Label: t.Label.in(a.Language), Header: t.Heading.in(a.Language), Description: t.Note.in(a.Language), ConfirmLabel: t.Confirm.in(a.Language),
		FailureHeader: t.FailureHeading.in(a.Language), FailureDescription: t.FailureNote.in(a.Language),
		Service: []authService1{
			{ID: Token1URL(a.Base, a.Name), Profile: profileAuth1 + "token"},
			{ID: Logout1URL(a.Base, a.Name), Profile: profileAuth1 + "logout", Label: t.LogoutLabel.in(a.Language)},
		},
	}
	if f == withContext {
		s.Context = contextAuth1
		return s
	}
	s.Type, s.Service[0].Type, s.Service[1].Type = "AuthCookieService1", "AuthTokenService1", "AuthLogoutService1"
	return s
}

// profile1 is the pattern of Authentication 1.0 that a kind of service follows.
func profile1(kind authz.Service) string {
	switch kind {
	case authz.Accept:
		return "clickthrough"
	case authz.External, authz.Kiosk:
		return string(kind)
	}
	return "login"
}

// profile2 is likewise that of Authorization Flow 2.0.
func profile2(kind authz.Service) string {
	switch kind {
	case authz.External, authz.Kiosk:
		return string(kind)
	}
	return "active"
}

// authService2 is any service of Authorization Flow 2.0.
type authService2 struct {
	Context      string         `json:"@context,omitempty"`
	ID           string         `json:"id,omitempty"`
	Type         string         `json:"type"`
	Profile      string         `json:"profile,omitempty"`
	Label        languageMap    `json:"label,omitempty"`
	Heading      languageMap    `json:"heading,omitempty"`
	Note         languageMap    `json:"note,omitempty"`
	ConfirmLabel languageMap    `json:"confirmLabel,omitempty"`
	ErrorHeading languageMap    `json:"errorHeading,omitempty"`
	ErrorNote    languageMap    `json:"errorNote,omitempty"`
	Service      []authService2 `json:"service,omitempty"`
}

// probeService is the probe of a's image with the access service in it.
func probeService(a Auth) authService2 {
	t := a.texts()
	return authService2{
		ID: ProbeURL(a.Base, a.ImageSpelling), Type: "AuthProbeService2",
		// The specification knows no profile here, but Mirador 4 reads one from every
		// service of an image and fails where it finds none.
		Profile:      "http://iiif.io/api/auth/2/probe",
		ErrorHeading: t.FailureHeading.languages(), ErrorNote: t.FailureNote.languages(),
		Service: []authService2{accessService(a, t)},
	}
}

func accessService(a Auth, t Texts) authService2 {
	access := authService2{
		ID: Access2URL(a.Base, a.Name), Type: "AuthAccessService2", Profile: profile2(a.Kind),
		Label: t.Label.languages(), Heading: t.Heading.languages(), Note: t.Note.languages(),
		ConfirmLabel: t.Confirm.languages(),
		Service: []authService2{
			{
				ID: Token2URL(a.Base, a.Name), Type: "AuthAccessTokenService2",
				ErrorHeading: t.FailureHeading.languages(), ErrorNote: t.FailureNote.languages(),
			},
			{
				ID: Logout2URL(a.Base, a.Name), Type: "AuthLogoutService2",
				Label: t.LogoutLabel.languages(),
			},
		},
	}
	if a.Kind == authz.External {
		access.ID = "" // there is no page to open
		access.Service = access.Service[:1]
	}
	return access
}
