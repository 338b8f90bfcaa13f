package coordinator

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tessera-iiif/tessera/internal/catalogue"
)

func TestParseOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://viewer.test":                 "https://viewer.test",
		"https://viewer.test/":                "https://viewer.test",
		"HTTPS://Viewer.TEST:443":             "https://viewer.test",
		"http://viewer.test:80":               "http://viewer.test",
		"http://viewer.test:443":              "http://viewer.test:443",
		"http://localhost:8080":               "http://localhost:8080",
		"http://127.0.0.1:3000":               "http://127.0.0.1:3000",
		"http://[::1]:3000":                   "http://[::1]:3000",
		"https://xn--bcher-kva.de":            "https://xn--bcher-kva.de",
		"":                                    "",
		"null":                                "",
		"*":                                   "",
		"viewer.test":                         "",
		"//viewer.test":                       "",
		"https:viewer.test":                   "",
		"https:///viewer.test":                "",
		"https://":                            "",
		"https://viewer.test//":               "",
		"https://viewer.test/path":            "",
		"https://viewer.test?":                "",
		"https://viewer.test?q":               "",
		"https://viewer.test#":                "",
		"https://viewer.test#f":               "",
		"https://u@viewer.test":               "",
		"https://u:p@viewer.test":             "",
		"https://viewer.test:":                "",
		"https://viewer.test:0":               "",
		"https://viewer.test:080":             "",
		"https://viewer.test:65536":           "",
		"https://bücher.de":                   "",
		"https://viewer test":                 "",
		"https://viewer%2etest":               "",
		"https://view'er.test":                "",
		"https://.test":                       "",
		"https://a..test":                     "",
		"http://[fe80::1%25eth0]":             "",
		"ftp://viewer.test":                   "",
		"file:///etc/passwd":                  "",
		"javascript:alert(1)":                 "",
		"data:text/html,x":                    "",
		"https://viewer.test\n":               "",
		"https://a\\@viewer.test":             "",
		"https://" + strings.Repeat("a", 400): "",
	} {
		o, err := parseOrigin(text)
		if (err == nil) != (want != "") || o.String() != want {
			t.Errorf("C-052 %q: %q, %v; want %q", text, o, err, want)
		}
	}
}

func TestSameSite(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"https://viewer.example.org", "https://iiif.example.org", true},
		{"https://example.org", "https://iiif.example.org:8443", true},
		{"http://viewer.example.org", "https://iiif.example.org", false},
		{"https://example.org", "https://example.com", false},
		{"https://one.github.io", "https://two.github.io", false},
		{"https://a.co.uk", "https://b.co.uk", false},
		{"http://localhost:3000", "http://localhost:8080", true},
		{"http://127.0.0.1:3000", "http://127.0.0.1:8080", true},
		{"http://127.0.0.1", "http://127.0.0.2", false},
		{"http://10.0.0.1", "http://11.0.0.1", false},
		{"https://org", "https://example.org", false},
	} {
		a, errA := parseOrigin(test.a)
		b, errB := parseOrigin(test.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if a.sameSite(b) != test.want || b.sameSite(a) != test.want {
			t.Errorf("%s and %s: want %v", test.a, test.b, test.want)
		}
	}
	if (origin{}).sameSite(origin{}) {
		t.Error("no origin is of the same site as nothing")
	}
}

func TestNextPath(t *testing.T) {
	for _, good := range []string{
		"/", "/view/maps%2F1890%2Fsheet-04", "/view?manifest=https://example.org/m.json", "/auth/admin/#rules", "/a/b//c", "/%C3%BC",
	} {
		if got := nextPath(good); got != good {
			t.Errorf("R43 %q became %q", good, got)
		}
	}
	for _, bad := range []string{
		"", "view", "//", "//?", "///", "//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test", "/\\/evil.test", "https:evil.test",
		"https://evil.test", "https:///evil.test", "javascript:alert(1)", "//user@evil.test", "@evil.test", ".evil.test",
		"/%2Fevil.test", "/%2f%2fevil.test", "/%5Cevil.test", "/%5cevil.test", "/%252Fevil.test", "/%255Cevil.test",
		"%2F%2Fevil.test", "/a\r\nSet-Cookie: x=y", "/a%0d%0aSet-Cookie:x", "/a%0Ab", "/\t/evil.test", "/%09/evil.test",
		" /evil", "/\x00", "/%00", "/ü", "/a b", "/%zz", "/" + strings.Repeat("a", 3000),
	} {
		if got := nextPath(bad); got != "/" {
			t.Errorf("R43 %q became %q", bad, got)
		}
	}
}

func FuzzParseOrigin(f *testing.F) {
	for _, seed := range []string{"https://viewer.test", "http://[::1]:3000/", "https://u@v", "null", "HTTP://A:80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseOrigin(text)
		if err != nil {
			if o != (origin{}) {
				t.Fatalf("%q: %v with %v", text, err, o)
			}
			return
		}
		again, err := parseOrigin(o.String())
		if err != nil || again != o {
			t.Fatalf("%q: %q does not round-trip: %v", text, o, err)
		}
		u, err := url.Parse(o.String())
		if err != nil || u.Path != "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
			t.Fatalf("%q became %q", text, o)
		}
	})
}

func FuzzNextPath(f *testing.F) {
	for _, seed := range []string{"/", "//evil", "/\\evil", "https:evil", "/%2Fevil", "/a?b=//c", "/a\r\nb"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://iiif.example.org/auth/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		next := nextPath(text)
		if strings.ContainsAny(next, "\\\r\n\t\x00 ") || strings.HasPrefix(next, "//") || !strings.HasPrefix(next, "/") {
			t.Fatalf("%q became %q", text, next)
		}
		u, err := base.Parse(next)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme {
			t.Fatalf("%q leads to %v: %v", text, u, err)
		}
	})
}

func FuzzTokenRequest(f *testing.F) {
	f.Add("17", "https://viewer.test")
	f.Add("</script><script>alert(1)</script>", "https://viewer.test")
	f.Add("\u2028", "javascript:alert(1)")
	f.Fuzz(func(t *testing.T, messageID, from string) {
		req, err := parseTokenRequest(url.Values{"messageId": {messageID}, "origin": {from}})
		if err != nil {
			return
		}
		if req.messageID != messageID || len(messageID) > maxMessageID || !utf8.ValidString(messageID) || req.viewer == (origin{}) {
			t.Fatalf("%q from %q became %+v", messageID, from, req)
		}
		for _, v := range []protocol{auth1{}, auth2{}} {
			script := string(encode(v.failure(req.messageID, missing, voice{catalogue.Bundled(), catalogue.Bundled().Default(), "https://iiif.test"})))
			if strings.ContainsAny(script, "<>&\u2028\u2029") {
				t.Fatalf("unfit for a script: %s", script)
			}
		}
	})
}
