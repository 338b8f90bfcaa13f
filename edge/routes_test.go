package edge_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

func TestAddresses(t *testing.T) {
	s := newStage(t)
	s.studio.put(tile.Image{ID: "urn:sici:%3C69", Version: "v1", Width: 10, Height: 10})
	s.studio.put(tile.Image{ID: "open/a/b", Version: "v1", Width: 10, Height: 10})
	s.setRules(slices.Concat(rules, []authz.Rule{allOpen}))
	for _, row := range []struct {
		row, path string
		status    int
	}{
		{"A-001", "/iiif/3/SQ/full/max/0/default.jpg", 200},
		{"A-002", "/iiif/3/SQ/info.json", 200},
		{"A-003", "/iiif/3/SQ", 303},
		{"A-004", "/iiif/3/SQ/", 303},
		{"A-005", "/iiif/3/ark:%2F12025%2F654xz321/full/max/0/default.jpg", 200},
		{"A-006", "/iiif/3/http:%2F%2Fexample.com%2F%3F54%23a/full/max/0/default.jpg", 200},
		{"A-006 no cleaning", "/iiif/3/http:%2f%2Fexample.com%2F%3F54%23a/info.json", 200},
		{"A-007", "/iiif/3/urn:sici:%253C69/info.json", 200},
		{"A-008", "/iiif/3/%53Q/info.json", 200},
		{"A-010", "/iiif/3/a/b/full/max/0/default.jpg", 404},
		{"A-010 older path", "/iiif/images/open/a/b/full/full/0/default.jpg", 200},
		{"A-010 older path, info", "/iiif/images/open/a/b/info.json", 200},
		{"A-011", "/iiif/3/[frob]/full/max/0/default.jpg", 404},
		{"A-012", "/iiif/3/b7b2f9f0-0d8e-4c3f-8c0e-000000000000/info.json", 404},
		{"A-012 image", "/iiif/3/b7b2f9f0-0d8e-4c3f-8c0e-000000000000/full/max/0/default.jpg", 404},
		{"A-013 dots", "/iiif/3/../full/max/0/default.jpg", 400},
		{"A-013 escaped dots", "/iiif/3/%2E%2E/info.json", 400},
		{"A-013 dots inside", "/iiif/3/a%2F..%2Fb/info.json", 400},
		{"A-013 nul", "/iiif/3/%00/info.json", 400},
		{"A-013 long", "/iiif/3/" + strings.Repeat("a", 5000) + "/info.json", 400},
		{"A-014", "/iiif/3/SQ/full/max/0", 404},
		{"A-016", "/iiif/3/SQ/full/max/0/default.jpg?t=123", 200},
		{"A-022 region", "/iiif/3/SQ/FULL/max/0/default.jpg", 400},
		{"A-022 format", "/iiif/3/SQ/full/max/0/default.JPG", 400},
		{"A-036", "/iiif/3/SQ/0,0,0,10/max/0/default.jpg", 400},
		{"A-040 empty region", "/iiif/3/SQ//max/0/default.jpg", 400},
		{"A-158", "/iiif/3/SQ/full/max/0/default.bmp", 400},
		{"A-158 jp2 not offered here", "/iiif/3/SQ/full/max/0/default.jp2", 400},
		{"A-159", "/iiif/3/SQ/full/max/0/default", 400},
		{"A-274", "/iiif/3/SQ/full/%5E2000,/0/default.jpg", 501},
		{"B-001", "/iiif/2/SQ/full/full/0/default.jpg", 200},
		{"A-090", "/iiif/3/SQ/full/full/0/default.jpg", 400},
		{"unknown family", "/iiif/4/SQ/info.json", 404},
		{"unknown path", "/wp-login.php", 404},
		{"nothing", "/iiif/", 404},
	} {
		t.Run(row.row, func(t *testing.T) {
			a := s.ask(row.path)
			if a.status != row.status {
				t.Fatalf("%s: got %v, want %d", row.path, a, row.status)
			}
			if a.header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("A-250: no CORS header on %v", a)
			}
			if a.status >= 400 && strings.Contains(a.body, "<") {
				t.Errorf("A-277: %q is no plain sentence", a.body)
			}
		})
	}
}

// A byte that should have been escaped must not turn %2F into a slash.
func TestRawBytesKeepEscapes(t *testing.T) {
	s := newStage(t)
	s.studio.put(tile.Image{ID: "open/ü", Version: "v1", Width: 10, Height: 10})
	a := s.want(200, "/iiif/3/open%2Fü/info.json")
	if !strings.Contains(a.body, `"id":"https://iiif.test/iiif/3/open%2Fü"`) {
		t.Errorf("spelling not echoed: %s", a.body)
	}
}

func TestBaseRedirect(t *testing.T) {
	s := newStage(t)
	for _, row := range []struct{ row, path, location string }{
		{"A-003", "/iiif/3/SQ", base + "/iiif/3/SQ/info.json"},
		{"A-009", "/iiif/3/open%2fW", base + "/iiif/3/open%2fW/info.json"},
		{"2.1", "/iiif/2/SQ/", base + "/iiif/2/SQ/info.json"},
		{"older path", "/iiif/images/open/W", base + "/iiif/images/open/W/info.json"},
		{"R33 of what is hidden it tells nothing", "/iiif/3/secret%2FW", base + "/iiif/3/secret%2FW/info.json"},
	} {
		a := s.want(http.StatusSeeOther, row.path)
		if got := a.header.Get("Location"); got != row.location || a.body != "" {
			t.Errorf("%s: Location %q, body %q", row.row, got, a.body)
		}
	}
}

func TestMethods(t *testing.T) {
	s := newStage(t)
	paths := []string{
		"/iiif/3/SQ/info.json", "/iiif/2/members%2FW/info.json", "/iiif/3/nobody/info.json", "/iiif/3/SQ",
		"/iiif/3/secret%2FW/full/max/0/default.jpg", "/iiif/manifests/x.json", "/iiif/generated/open", "/auth/probe/members%2FW",
	}
	for _, path := range paths {
		a := s.want(http.StatusNoContent, path, method("OPTIONS"), header("Origin", "https://viewer.test"),
			header("Access-Control-Request-Method", "GET"), header("Access-Control-Request-Headers", "authorization"))
		for name, value := range map[string]string{
			"Access-Control-Allow-Origin":  "*",
			"Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
			"Access-Control-Allow-Headers": "Authorization, Content-Type, Accept",
			"Access-Control-Max-Age":       "86400",
		} {
			if a.header.Get(name) != value {
				t.Errorf("A-252, A-253 %s: %s is %q", path, name, a.header.Get(name))
			}
		}
		for _, m := range []string{"POST", "PUT", "DELETE", "PATCH", "TRACE"} {
			if a := s.want(http.StatusMethodNotAllowed, path, method(m)); a.header.Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("A-021 %s %s: Allow is %q", m, path, a.header.Get("Allow"))
			}
		}
	}
	if n := s.studio.infos.Load() + s.studio.renders.Load(); n != 0 {
		t.Errorf("A-020: preflights asked workers %d times", n)
	}
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	s := newStage(t)
	for _, path := range []string{
		"/iiif/3/SQ/full/max/0/default.jpg", "/iiif/3/SQ/info.json", "/iiif/2/members%2FW/info.json",
		"/iiif/3/nobody/info.json", "/iiif/3/SQ/full/0,/0/default.jpg", "/auth/probe/members%2FW",
	} {
		_ = s.ask(path) // warm, so that both are answered from the same place
		get, head := s.ask(path), s.ask(path, method("HEAD"))
		get.header.Del("X-Request-Id")
		head.header.Del("X-Request-Id")
		if head.body != "" {
			t.Errorf("A-019 %s: HEAD has a body", path)
		}
		if diff := diffAnswers(answer{get.status, get.header, ""}, head); diff != "" {
			t.Errorf("A-019 %s: %s", path, diff)
		}
	}
}

func TestOthersPages(t *testing.T) {
	s := newStage(t)
	for path, handler := range map[string]string{
		"/": "pages", "/view?manifest=x": "pages", "/view/open%2FW": "pages", "/assets/a.js": "pages",
		"/robots.txt": "pages", "/favicon.ico": "pages",
		"/auth/login": "coordinator", "/auth/1/members/token": "coordinator", "/auth/admin/": "coordinator",
	} {
		if a := s.want(200, path); a.header.Get("X-Handler") != handler {
			t.Errorf("%s went to %q, want %q", path, a.header.Get("X-Handler"), handler)
		}
	}
	if a := s.want(200, "/auth/login", method("POST")); !strings.Contains(a.body, "POST https://iiif.test/auth/login") {
		t.Errorf("sign-in form: %s", a.body)
	}
	s.want(http.StatusMethodNotAllowed, "/", method("POST"))
	if a := s.want(200, "/view/open%2FW", cookieOf("alice")); !strings.Contains(a.body, `reader "alice"`) {
		t.Errorf("the pages do not know the reader: %s", a.body)
	}
}

func TestOthersAnswers(t *testing.T) {
	var kind, cache string
	var status int
	s := newStage(t, func(c *edge.Config) {
		c.Observe = func(k string, st int, ca string, _ time.Duration) { kind, status, cache = k, st, ca }
		c.Coordinator = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "first ")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Errorf("flush: %v", err)
			}
			_, _ = io.WriteString(w, "second")
		})
	})
	if a := s.want(http.StatusTeapot, "/auth/admin/events"); a.body != "first second" {
		t.Errorf("got %v", a)
	}
	if kind != "auth" || status != http.StatusTeapot || cache != "" {
		t.Errorf("observed %s %d %q", kind, status, cache)
	}
	for _, row := range []struct {
		path, kind, cache string
		status            int
	}{
		{"/iiif/3/SQ/full/max/0/default.jpg", "image", "miss", 200},
		{"/iiif/3/SQ/full/max/0/default.jpg", "image", "edge", 200},
		{"/iiif/2/members%2FW/info.json", "info", "", 401},
		{"/auth/probe/SQ", "probe", "", 200},
		{"/iiif/manifests/x", "manifest", "", 404},
		{"/", "page", "", 200},
		{"/x", "none", "", 404},
	} {
		if s.want(row.status, row.path); kind != row.kind || cache != row.cache || status != row.status {
			t.Errorf("%s: observed %s %d %q", row.path, kind, status, cache)
		}
	}
}

func TestPanicsAreAnswered(t *testing.T) {
	s := newStage(t, func(c *edge.Config) {
		c.Pages = always(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("kaput") }))
	})
	a := s.want(http.StatusInternalServerError, "/")
	if strings.Contains(a.body, "kaput") || !strings.Contains(a.body, a.header.Get("X-Request-Id")) {
		t.Errorf("R34: %v", a)
	}
	if !strings.Contains(s.log.String(), "kaput") {
		t.Error("the panic is not in the log")
	}
}

func TestRequestIDs(t *testing.T) {
	s := newStage(t, trustLoopback)
	const sane = "trace-0123456789"
	if got := s.ask("/", header("X-Request-Id", sane), from("127.0.0.1:1")).header.Get("X-Request-Id"); got != sane {
		t.Errorf("a trusted proxy's id became %q", got)
	}
	for name, a := range map[string]answer{
		"stranger":  s.ask("/", header("X-Request-Id", sane)),
		"line feed": s.ask("/", header("X-Request-Id", "trace-012345678\n"), from("127.0.0.1:1")),
		"too long":  s.ask("/", header("X-Request-Id", strings.Repeat("a", 65)), from("127.0.0.1:1")),
	} {
		if got := a.header.Get("X-Request-Id"); got == sane || len(got) != 26 {
			t.Errorf("%s: id is %q", name, got)
		}
	}
}
