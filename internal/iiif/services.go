package iiif

// authService1 is any service of Authentication 1.0. Its texts are plain strings:
// clients show a language map as it is.
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
		ID: Login1URL(a.Base, a.Name), Profile: profileAuth1 + "login",
		Label: t.Label, Header: t.Heading, Description: t.Note, ConfirmLabel: t.Confirm,
		FailureHeader: t.FailureHeading, FailureDescription: t.FailureNote,
		Service: []authService1{
			{ID: Token1URL(a.Base, a.Name), Profile: profileAuth1 + "token"},
			{ID: Logout1URL(a.Base, a.Name), Profile: profileAuth1 + "logout", Label: t.LogoutLabel},
		},
	}
	if f == withContext {
		s.Context = contextAuth1
		return s
	}
	s.Type, s.Service[0].Type, s.Service[1].Type = "AuthCookieService1", "AuthTokenService1", "AuthLogoutService1"
	return s
}

// authService2 is any service of Authorization Flow 2.0.
type authService2 struct {
	Context      string         `json:"@context,omitempty"`
	ID           string         `json:"id"`
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
		ErrorHeading: english(t.FailureHeading), ErrorNote: english(t.FailureNote),
		Service: []authService2{accessService(a, t)},
	}
}

func accessService(a Auth, t Texts) authService2 {
	return authService2{
		ID: Access2URL(a.Base, a.Name), Type: "AuthAccessService2", Profile: "active",
		Label: english(t.Label), Heading: english(t.Heading), Note: english(t.Note),
		ConfirmLabel: english(t.Confirm),
		Service: []authService2{
			{
				ID: Token2URL(a.Base, a.Name), Type: "AuthAccessTokenService2",
				ErrorHeading: english(t.FailureHeading), ErrorNote: english(t.FailureNote),
			},
			{
				ID: Logout2URL(a.Base, a.Name), Type: "AuthLogoutService2",
				Label: english(t.LogoutLabel),
			},
		},
	}
}
