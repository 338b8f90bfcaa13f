package iiif

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

func TestServiceURLs(t *testing.T) {
	const base, name = "https://iiif.test", "read ers?/x"
	cases := map[string][2]string{
		"C-002 login":   {Login1URL(base, name), "https://iiif.test/auth/1/read%20ers%3F%2Fx/login"},
		"C-008 token":   {Token1URL(base, name), "https://iiif.test/auth/1/read%20ers%3F%2Fx/token"},
		"C-009 logout":  {Logout1URL(base, name), "https://iiif.test/auth/1/read%20ers%3F%2Fx/logout"},
		"D-012 access":  {Access2URL(base, name), "https://iiif.test/auth/2/read%20ers%3F%2Fx/access"},
		"D-014 token":   {Token2URL(base, name), "https://iiif.test/auth/2/read%20ers%3F%2Fx/token"},
		"D-015 logout":  {Logout2URL(base, name), "https://iiif.test/auth/2/read%20ers%3F%2Fx/logout"},
		"D-011 a probe": {ProbeURL(base, "maps%2F1"), "https://iiif.test/auth/probe/maps%2F1"},
	}
	for id, c := range cases {
		t.Run(id, func(t *testing.T) {
			if c[0] != c[1] {
				t.Errorf("got %s, want %s", c[0], c[1])
			}
		})
	}
}

// C-005, D-010: what there are no words for is left out.
func TestEmptyTextsAreLeftOut(t *testing.T) {
	bare := Auth{Base: "https://iiif.test", Name: "members", ImageSpelling: "W", Texts: Texts{Label: en("L"), Confirm: en("C"), LogoutLabel: en("O")}}
	cookie := parse(t, marshal(cookieService(bare, withContext)))
	must(t, !cookie.has("header") && !cookie.has("failureHeader"), "C-005", "empty texts are left out: %v", cookie.m)
	access := parse(t, marshal(probeService(bare))).nodes("service")[0]
	must(t, !access.has("heading") && !access.has("note"), "D-013", "%v", access.m)
}

// C-007: documents that know one language get plain strings of that one, and English
// where there is none.
func TestOneLanguage(t *testing.T) {
	a := staff
	a.Language, a.Texts.Label = "de", Text{"en": "Sign in", "de": "Anmelden"}
	cookie := parse(t, marshal(cookieService(a, withContext)))
	must(t, cookie.text("label") == "Anmelden", "C-007", "%v", cookie.m)
	must(t, cookie.text("description") == "Members only.", "C-007", "%v", cookie.m)
	access := parse(t, marshal(probeService(a))).nodes("service")[0]
	must(t, access.words("label", "en") == "Sign in" && access.words("label", "de") == "Anmelden", "D-006", "%v", access.m)
}

func TestNotesComeWithHeadings(t *testing.T) {
	a := staff
	a.Texts.Heading, a.Texts.FailureHeading = nil, nil
	probe := parse(t, marshal(probeService(a)))
	access := probe.nodes("service")[0]
	must(t, !probe.has("errorNote"), "D-010", "errorNote requires errorHeading")
	must(t, !access.has("note"), "D-013", "note requires heading")
	must(t, !access.nodes("service")[0].has("errorNote"), "D-014", "errorNote requires errorHeading")
}

// C-003, D-012: the profile follows from how readers come by the right.
func TestServiceProfiles(t *testing.T) {
	for _, c := range []struct {
		kind     authz.Service
		one, two string
	}{
		{"", "login", "active"},
		{authz.SignIn, "login", "active"},
		{authz.Accept, "clickthrough", "active"},
		{authz.SignInTerms, "login", "active"},
		{authz.External, "external", "external"},
		{authz.Kiosk, "kiosk", "kiosk"},
	} {
		a := Auth{Base: "https://iiif.test", Name: "members", Kind: c.kind, ImageSpelling: "W", Texts: archiveTexts}
		one := parse(t, marshal(cookieService(a, withContext)))
		must(t, one.text("profile") == "http://iiif.io/api/auth/1/"+c.one, "C-003", "%v", one.m)
		must(t, one.text("@id") != "" && one.text("label") != "", "C-002, C-004", "%v", one.m)
		must(t, one.nodes("service")[0].text("profile") == "http://iiif.io/api/auth/1/token", "C-008", "%v", one.m)
		two := parse(t, marshal(probeService(a))).nodes("service")[0]
		must(t, two.text("profile") == c.two, "D-012", "%v", two.m)
		must(t, two.has("id") == (c.kind != authz.External), "D-012", "%v", two.m)
		must(t, two.words("label", "en") != "" && two.words("confirmLabel", "en") != "", "D-006, D-013", "%v", two.m)
		must(t, two.nodes("service")[0].text("type") == "AuthAccessTokenService2", "D-012", "%v", two.m)
	}
}

// R44: where the browser keeps a viewer apart, there is the built-in one.
func TestFailureNamesTheBuiltInViewer(t *testing.T) {
	a := Auth{Base: "https://iiif.test", Name: "members", ImageSpelling: "W", Texts: archiveTexts}
	a.Texts.FailureNote = en("Open it here: {view}")
	const want = "Open it here: https://iiif.test/view/W"
	one := parse(t, marshal(cookieService(a, withContext)))
	must(t, one.text("failureDescription") == want, "C-005", "%v", one.m)
	two := parse(t, marshal(probeService(a))).nodes("service")[0]
	must(t, two.nodes("service")[0].words("errorNote", "en") == want, "D-014", "%v", two.m)
}

func TestServiceNames(t *testing.T) {
	for _, s := range []Service{
		{Site: "members", Kind: authz.SignIn},
		{Site: "members", Kind: authz.External},
		{Site: "members", Kind: authz.Kiosk},
		{Site: "members", Kind: authz.Accept, Terms: "donor"},
		{Site: "members", Kind: authz.SignInTerms, Terms: "donor-2"},
	} {
		if got, ok := ParseService("members", s.String()); !ok || got != s {
			t.Errorf("%s: %+v", s, got)
		}
		must(t, !strings.ContainsAny(s.String(), "?#/"), "D-017", "%s", s)
	}
	for _, text := range []string{"", "member", "memberss", "members.", "members.terms", "members.terms.", "members.login", "members.other.x", "members.kiosk.x", "others"} {
		if s, ok := ParseService("members", text); ok {
			t.Errorf("%q is %+v", text, s)
		}
	}
}

func TestProbe(t *testing.T) {
	cases := []struct {
		id   string
		in   ProbeResult
		want string
	}{
		{
			"D-072",
			ProbeResult{Status: http.StatusOK},
			`{"@context":"http://iiif.io/api/auth/2/context.json","type":"AuthProbeResult2","status":200}`,
		},
		{
			"D-073",
			ProbeResult{Status: http.StatusUnauthorized, Heading: en("Sign in needed"), Note: en("Members only.")},
			`{"@context":"http://iiif.io/api/auth/2/context.json","type":"AuthProbeResult2","status":401,"heading":{"en":["Sign in needed"]},"note":{"en":["Members only."]}}`,
		},
		{
			"D-086",
			ProbeResult{ID: "https://iiif.test/auth/probe/W", Status: http.StatusOK},
			`{"@context":"http://iiif.io/api/auth/2/context.json","id":"https://iiif.test/auth/probe/W","type":"AuthProbeResult2","status":200}`,
		},
		{
			"D-079",
			ProbeResult{Status: http.StatusForbidden, Heading: en("No"), Substitute: "https://iiif.test/iiif/3/W~reduced", Preview: Text{"en": "Smaller version", "de": "Kleinere Fassung"}},
			`{"@context":"http://iiif.io/api/auth/2/context.json","type":"AuthProbeResult2","status":403,"heading":{"en":["No"]},` +
				`"substitute":[{"id":"https://iiif.test/iiif/3/W~reduced","type":"ImageService3","profile":"level2","label":{"de":["Kleinere Fassung"],"en":["Smaller version"]}}]}`,
		},
		{
			"D-079 only when denied",
			ProbeResult{Status: http.StatusOK, Substitute: "https://iiif.test/iiif/3/W~reduced"},
			`{"@context":"http://iiif.io/api/auth/2/context.json","type":"AuthProbeResult2","status":200}`,
		},
		{
			"D-082 a note requires a heading",
			ProbeResult{Status: http.StatusOK, Note: en("Welcome.")},
			`{"@context":"http://iiif.io/api/auth/2/context.json","type":"AuthProbeResult2","status":200}`,
		},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			if got := string(Probe(c.in)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
