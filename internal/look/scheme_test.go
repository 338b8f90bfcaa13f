package look

import (
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func choose(form url.Values, header ...string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, "https://iiif.test/x/scheme", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	ServeSwitch(w, r)
	return w.Result()
}

func TestSwitch(t *testing.T) {
	for scheme, want := range map[string]Scheme{"dark": Dark, "light": Light, "system": System, "": System, "evil; x=y": System} {
		response := choose(url.Values{"scheme": {scheme}, "next": {"/view/a%2Fb?x=1"}}, "Sec-Fetch-Site", "same-origin")
		if response.StatusCode != 303 || response.Header.Get("Location") != "/view/a%2Fb?x=1" {
			t.Errorf("%q: %d %v", scheme, response.StatusCode, response.Header)
		}
		back := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, cookie := range response.Cookies() {
			if !cookie.HttpOnly || !cookie.Secure || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode {
				t.Errorf("cookie %v", cookie)
			}
			if cookie.MaxAge > 0 {
				back.AddCookie(cookie)
			}
		}
		if got := SchemeOf(back); got != want {
			t.Errorf("%q is %q", scheme, got)
		}
	}
	if response := choose(url.Values{"scheme": {"dark"}}, "Sec-Fetch-Site", "cross-site"); len(response.Cookies()) != 0 {
		t.Error("another site's page chooses for a reader")
	}
}

// R34: nobody is led elsewhere by it.
func TestSwitchLeadsNowhereElse(t *testing.T) {
	for _, next := range []string{
		"", "//evil.test", "https://evil.test/", "/\\evil.test", "\\\\evil.test", "/a b", "/a\r\nSet-Cookie: x=y", "javascript:alert(1)", "evil", "/" + strings.Repeat("a", maxNext), "/%zz", "///evil.test",
	} {
		if got := choose(url.Values{"next": {next}}).Header.Get("Location"); got != "/" {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

func TestSchemeOfNonsense(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", schemeCookie+`=darker; x="y`)
	if got := SchemeOf(r); got != System {
		t.Errorf("got %q", got)
	}
}

func TestSwitchIsDrawn(t *testing.T) {
	page := template.Must(template.New("").Funcs(template.FuncMap{"t": func(key string) string { return key }}).ParseFS(Templates, "*.html"))
	draw := func(r *http.Request) string {
		var out strings.Builder
		if err := page.ExecuteTemplate(&out, "scheme", SwitchOn(r, "/x/scheme")); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	r := httptest.NewRequest(http.MethodGet, "/a?b=%22c", nil)
	r.AddCookie(&http.Cookie{Name: schemeCookie, Value: "dark"}) //nolint:gosec // sent, not set
	drawn := draw(r)
	for _, has := range []string{`action="/x/scheme"`, `value="/a?b=%22c"`, `value="dark" aria-pressed="true"`, `value="system" aria-pressed="false"`, `value="light" aria-pressed="false"`} {
		if !strings.Contains(drawn, has) {
			t.Errorf("no %s in %s", has, drawn)
		}
	}
	if drawn := draw(httptest.NewRequest(http.MethodPost, "/a", nil)); drawn != "" {
		t.Errorf("an answer to a form has a switch: %s", drawn)
	}
}
