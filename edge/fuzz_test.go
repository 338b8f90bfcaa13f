package edge_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// FuzzServe: whatever is asked, the edge neither panics nor blames itself, and shows
// strangers nothing that is not open.
func FuzzServe(f *testing.F) {
	for _, seed := range []string{
		"/iiif/3/SQ/full/max/0/default.jpg", "/iiif/2/members%2FW/info.json", "/iiif/images/open/W/0,0,1,1/1,/!9.5/gray.png",
		"/iiif/3/secret%2FW", "/auth/probe/closed%2FW", "/iiif/manifests/a/b.json", "/iiif/generated/open", "/auth/query_auth",
		"/iiif/3/%2e%2e/info.json", "//", "/iiif/3/SQ//max/0/default.jpg", "/iiif/3/\xff/info.json", "*", "/view?manifest=x",
	} {
		f.Add(seed, "Bearer undefined", "text/html;q=0.1,*/*", "for=_x;host=\"a,b")
	}
	s := newStage(f, trustLoopback)
	s.shelf.documents["a/b.json"] = tile.Document{Body: book(base + "/iiif/3/members%2FW")}
	f.Fuzz(func(t *testing.T, path, authorization, accept, forwarded string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL, r.Host, r.RemoteAddr = u, "iiif.test", "127.0.0.1:1"
		for name, value := range map[string]string{
			"Authorization": authorization, "Accept": accept, "Forwarded": forwarded, "X-Forwarded-For": forwarded,
			"Cookie": authorization, "If-None-Match": accept, "X-Original-Uri": path, "Accept-Encoding": accept,
		} {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		s.edge.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Fatalf("%q: %d %s", path, w.Code, w.Body)
		}
		if strings.Contains(s.log.String(), "panicked") {
			t.Fatalf("%q: %s", path, s.log)
		}
		image := strings.HasPrefix(w.Header().Get("Content-Type"), "image/")
		if image && !strings.HasPrefix(w.Header().Get("Cache-Control"), "public") {
			t.Fatalf("%q: a stranger got restricted pixels: %v", path, w.Header())
		}
	})
}
