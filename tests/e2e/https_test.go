package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// secureServer is a server behind a proxy that ends TLS, as most are.
type secureServer struct {
	*server
	transport http.RoundTripper // trusts the proxy
}

func startSecure(t *testing.T, flags ...string) secureServer {
	t.Helper()
	address := freeAddress(t)
	inner := &url.URL{Scheme: "http", Host: address}
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(inner)
		p.SetXForwarded()
		p.Out.Host = p.In.Host
	}})
	t.Cleanup(proxy.Close)
	images, data := folders(t)
	writeJP2(t, images+"/members.jp2", squares(), "-t", "256,256", "-n", "5")
	s := start(t, images, data, append([]string{
		"--listen", address, "--public-url", proxy.URL, "--trusted-proxies", "127.0.0.1/32",
	}, flags...)...)
	return secureServer{s, proxy.Client().Transport}
}

func (s secureServer) browser() *http.Client {
	c := stranger()
	c.Jar, _ = cookiejar.New(nil)
	c.Transport = s.transport
	return c
}

// post sends a form with headers in pairs.
func (s secureServer) post(c *http.Client, path string, form url.Values, headers ...string) *http.Response {
	s.t.Helper()
	r, _ := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp
}

var signInForm = url.Values{"email": {adminEmail}, "password": {adminPassword}, "next": {"/auth/admin/"}}

const membersTile = "/iiif/3/members/full/10,/0/default.jpg"

// R39: the cookies over https, from the coordinator through edge and proxy and back.
func TestCookiesOverHTTPS(t *testing.T) {
	for setting, want := range map[string]http.SameSite{"lax": http.SameSiteLaxMode, "none": http.SameSiteNoneMode} {
		t.Run(setting, func(t *testing.T) {
			s := startSecure(t, "--cookie-same-site", setting)
			c := s.browser()
			resp := s.post(c, "/auth/login", signInForm, "Origin", s.url)
			if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/auth/admin/" {
				t.Fatalf("sign-in: %s to %s", resp.Status, resp.Header.Get("Location"))
			}
			sent := map[string]*http.Cookie{}
			for _, cookie := range resp.Cookies() {
				sent[cookie.Name] = cookie
			}
			for name, sameSite := range map[string]http.SameSite{"__Host-tessera_session": want, "__Host-tessera_admin": http.SameSiteStrictMode} {
				cookie := sent[name]
				if cookie == nil || !cookie.Secure || !cookie.HttpOnly || cookie.Path != "/" || cookie.Domain != "" || cookie.SameSite != sameSite {
					t.Fatalf("R39: %s is %+v", name, cookie)
				}
			}
			if len(sent) != 2 {
				t.Errorf("R39: cookies %v", sent)
			}
			image, own := sent["__Host-tessera_session"].Value, sent["__Host-tessera_admin"].Value
			for _, row := range []struct {
				path, cookie string
				status       int
			}{
				{membersTile, "__Host-tessera_session=" + image, 200},
				{membersTile, "tessera_session=" + image, 401},
				{membersTile, "__Host-tessera_admin=" + own, 401},
				{membersTile, "__Host-tessera_session=" + own, 401},
				{"/auth/admin/api/v1/users", "__Host-tessera_admin=" + own, 200},
				{"/auth/admin/api/v1/users", "__Host-tessera_session=" + image, 401},
				{"/auth/admin/api/v1/users", "__Host-tessera_admin=" + image, 401},
				{"/auth/admin/", "__Host-tessera_session=" + image, 303},
			} {
				bare := stranger()
				bare.Transport = s.transport
				if a := s.do(bare, http.MethodGet, row.path, "Cookie", row.cookie); a.StatusCode != row.status {
					t.Errorf("R39: %s with %.24s: %s, want %d", row.path, row.cookie, a.Status, row.status)
				}
			}
			if a := s.do(c, http.MethodGet, "/auth/logout"); a.StatusCode != http.StatusOK || len(a.Cookies()) != 2 {
				t.Errorf("sign-out: %s, %v", a.Status, a.Cookies())
			}
			s.eventually("the cookie opens nothing after sign-out", func() bool {
				return s.do(c, http.MethodGet, membersTile, "Cookie", "__Host-tessera_session="+image).StatusCode == 401
			})
		})
	}
}

// R62: what pages of other sites make a browser send changes nothing.
func TestCrossSiteForms(t *testing.T) {
	s := startSecure(t, "--cookie-same-site", "none")
	c := s.browser()
	if resp := s.post(c, "/auth/login", signInForm, "Origin", s.url, "Sec-Fetch-Site", "same-origin"); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("sign-in: %s", resp.Status)
	}
	user := url.Values{"email": {"planted@example.org"}, "active": {"yes"}, "password": {adminPassword}}
	for name, headers := range map[string][]string{
		"another site":             {"Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site"},
		"without fetch metadata":   {"Origin", "https://evil.test"},
		"a sibling":                {"Origin", s.url, "Sec-Fetch-Site", "same-site"},
		"an opaque origin":         {"Origin", "null", "Sec-Fetch-Site", "cross-site"},
		"an opaque origin, silent": {"Origin", "null"},
		"the insecure twin":        {"Origin", strings.Replace(s.url, "https:", "http:", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/auth/admin/users", "/auth/admin/rules/edit", "/auth/admin/images/purge", "/auth/account/tokens", "/auth/login", "/auth/2/members/access"} {
				form := user
				if path == "/auth/login" || path == "/auth/2/members/access" {
					form = signInForm // that would sign the reader in as somebody of the attacker's choice
				}
				if resp := s.post(c, path, form, headers...); resp.StatusCode != http.StatusForbidden || len(resp.Cookies()) != 0 {
					t.Errorf("R62: %s: %s, cookies %v", path, resp.Status, resp.Cookies())
				}
			}
			if a := s.do(c, http.MethodDelete, "/auth/admin/api/v1/sessions/x", headers...); a.StatusCode != http.StatusForbidden {
				t.Errorf("R62: API: %s", a.Status)
			}
		})
	}
	if resp := s.post(c, "/auth/admin/users", user); resp.StatusCode != http.StatusForbidden {
		t.Errorf("R62: a form without any origin: %s", resp.Status)
	}
	if a := s.do(c, http.MethodGet, "/auth/logout", "Sec-Fetch-Dest", "image", "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusForbidden {
		t.Errorf("R62: an image signs people out: %s", a.Status)
	}
	a := s.do(c, http.MethodGet, "/auth/admin/api/v1/users")
	if a.StatusCode != http.StatusOK || strings.Contains(string(a.body), "planted@example.org") {
		t.Errorf("R62: %s %s", a.Status, a.body)
	}
	if resp := s.post(c, "/auth/admin/users", user, "Origin", s.url, "Sec-Fetch-Site", "same-origin"); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("our own form: %s", resp.Status)
	}
}
