package iiif

import (
	"net/http"
	"strings"
	"testing"
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

func TestTextsThatViewersNeed(t *testing.T) {
	bare := Auth{Base: "https://iiif.test", Name: "members", ImageSpelling: "W"}
	cookie := parse(t, marshal(cookieService(bare, withContext)))
	must(t, cookie.text("label") != "", "C-004", "Mirador fails without a label")
	must(t, cookie.nodes("service")[1].text("label") != "", "C-009", "logout without label")
	must(t, !cookie.has("header") && !cookie.has("failureHeader"), "C-005", "empty texts are left out: %v", cookie.m)

	access := parse(t, marshal(probeService(bare))).nodes("service")[0]
	must(t, access.words("label", "en") != "" && access.words("confirmLabel", "en") != "", "D-013", "%v", access.m)
	must(t, access.nodes("service")[1].words("label", "en") != "", "D-015", "logout without label")
}

func TestNotesComeWithHeadings(t *testing.T) {
	a := staff
	a.Texts.Heading, a.Texts.FailureHeading = "", ""
	probe := parse(t, marshal(probeService(a)))
	access := probe.nodes("service")[0]
	must(t, !probe.has("errorNote"), "D-010", "errorNote requires errorHeading")
	must(t, !access.has("note"), "D-013", "note requires heading")
	must(t, !access.nodes("service")[0].has("errorNote"), "D-014", "errorNote requires errorHeading")
}

func TestDefaultTexts(t *testing.T) {
	for _, name := range []string{"", "the Test Archive"} {
		texts := DefaultTexts(name)
		for what, s := range map[string]string{
			"label": texts.Label, "heading": texts.Heading, "note": texts.Note, "confirm": texts.Confirm,
			"failure heading": texts.FailureHeading, "failure note": texts.FailureNote, "logout": texts.LogoutLabel,
		} {
			if s == "" || strings.ContainsAny(s, "!<>") || strings.TrimSpace(s) != s {
				t.Errorf("%q: %s reads %q", name, what, s)
			}
		}
		must(t, strings.Contains(texts.Label, name) && strings.Contains(texts.LogoutLabel, name), "D-013", "the institution is not named")
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
			ProbeResult{Status: http.StatusUnauthorized, Heading: "Sign in needed", Note: "Members only."},
			`{"@context":"http://iiif.io/api/auth/2/context.json","type":"AuthProbeResult2","status":401,"heading":{"en":["Sign in needed"]},"note":{"en":["Members only."]}}`,
		},
		{
			"D-086",
			ProbeResult{ID: "https://iiif.test/auth/probe/W", Status: http.StatusOK},
			`{"@context":"http://iiif.io/api/auth/2/context.json","id":"https://iiif.test/auth/probe/W","type":"AuthProbeResult2","status":200}`,
		},
		{
			"D-082 a note requires a heading",
			ProbeResult{Status: http.StatusOK, Note: "Welcome."},
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

func TestProbeRefusalsHaveWords(t *testing.T) {
	for id, status := range map[string]int{"D-073": 401, "D-074": 403, "D-076": 404, "D-077": 503, "D-078": 599} {
		t.Run(id, func(t *testing.T) {
			doc := parse(t, Probe(ProbeResult{Status: status}))
			must(t, doc.number("status") == status, "D-078", "status %v", doc.m["status"])
			must(t, doc.words("heading", "en") != "" && doc.words("note", "en") != "", "D-082", "%v", doc.m)
		})
	}
}
