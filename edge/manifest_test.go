package edge_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// book is a Presentation 3 manifest whose images have the given image service ids.
func book(services ...string) []byte {
	var canvases []string
	for _, id := range services {
		kind := "ImageService3"
		if !strings.Contains(id, "/iiif/3/") {
			kind = "ImageService2"
		}
		canvases = append(canvases, fmt.Sprintf(`{"id":"%s/c","type":"Canvas","items":[{"type":"AnnotationPage","items":[{"type":"Annotation","motivation":"painting","body":{"id":"%s/full/max/0/default.jpg","type":"Image","service":[{"id":"%s","type":"%s","profile":"level2"}]}}]}]}`, id, id, id, kind))
	}
	return []byte(`{"@context":"http://iiif.io/api/presentation/3/context.json","id":"http://localhost:8080/iiif/manifests/book.json","type":"Manifest","items":[` + strings.Join(canvases, ",") + `]}`)
}

func TestManifestServices(t *testing.T) {
	s := newStage(t)
	s.shelf.documents["a/book.json"] = tile.Document{Body: book(
		"http://localhost:8080/iiif/3/open%2FW", "https://iiif.test/iiif/3/members%2FW", "http://localhost/iiif/2/staff%2FW",
		"http://127.0.0.1/iiif/images/closed/W", "https://elsewhere.test/iiif/3/members%2FW",
	)}
	for _, path := range []string{"/iiif/manifests/a/book.json", "/iiif/manifests/a%2Fbook.json"} {
		a := s.want(200, path)
		_ = parse(t, a)
		for id, guarded := range map[string]bool{
			base + "/iiif/3/open%2FW": false, base + "/iiif/3/members%2FW": true, base + "/iiif/2/staff%2FW": true,
			base + "/iiif/images/closed/W": true, "https://elsewhere.test/iiif/3/members%2FW": false,
		} {
			plain := fmt.Sprintf(`"service":[{"id":"%s","type":"ImageService%s","profile":"level2"}]`, id, map[bool]string{true: "3", false: "2"}[strings.Contains(id, "/iiif/3/")])
			if strings.Contains(a.body, plain) == guarded || !strings.Contains(a.body, `"id":"`+id+`"`) {
				t.Errorf("E-001 %s: guarded must be %v in %s", id, guarded, a.body)
			}
		}
		if strings.Contains(a.body, "localhost") {
			t.Errorf("a loopback address is left in %s", a.body)
		}
	}
}

// R33: a document tells no more of a hidden image than of one that does not exist.
func TestManifestOfHiddenImage(t *testing.T) {
	s := newStage(t)
	s.shelf.documents["hidden.json"] = tile.Document{Body: book(base + "/iiif/3/secret%2FW")}
	s.shelf.documents["absent.json"] = tile.Document{Body: book(base + "/iiif/3/absent%2FW")}
	compare := func(what string) {
		t.Helper()
		hidden, absent := s.want(200, "/iiif/manifests/hidden.json").body, s.want(200, "/iiif/manifests/absent.json").body
		if strings.ReplaceAll(hidden, "secret", "absent") != absent {
			t.Errorf("%s:\n%s\n%s", what, hidden, absent)
		}
	}
	compare("by default images need a login")
	s.setRules(slices.Concat(rules, []authz.Rule{allOpen}))
	compare("by default images are open")
}

func TestManifestHeaders(t *testing.T) {
	s := newStage(t)
	s.shelf.documents["p3.json"] = tile.Document{Body: book(strings.Split(strings.Repeat(base+"/iiif/3/open%2FW ", 10)[:len(base+"/iiif/3/open%2FW ")*10-1], " ")...)}
	s.shelf.documents["p2.json"] = tile.Document{Body: []byte(`{"@context":"http://iiif.io/api/presentation/2/context.json","@type":"sc:Manifest"}`)}
	const p3 = `application/ld+json;profile="http://iiif.io/api/presentation/3/context.json"`
	for _, row := range []struct{ row, path, accept, want string }{
		{"E-014", "/iiif/manifests/p3.json", "", p3},
		{"E-014 JSON", "/iiif/manifests/p3.json", "application/json", "application/json"},
		{"E-014 browser", "/iiif/manifests/p3.json", "text/html,*/*;q=0.8", "application/json"},
		{"Presentation 2", "/iiif/manifests/p2.json", "", "application/json"},
		{"Presentation 2 by name", "/iiif/manifests/p2.json", "application/ld+json", "application/ld+json"},
	} {
		a := s.want(200, row.path, header("Accept", row.accept))
		if got := a.header.Get("Content-Type"); got != row.want {
			t.Errorf("%s: %q", row.row, got)
		}
		if a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Cache-Control") != "public, max-age=60" || !strings.Contains(a.header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%s: %v", row.row, a.header)
		}
	}
	plain := s.want(200, "/iiif/manifests/p3.json")
	s.want(304, "/iiif/manifests/p3.json", header("If-None-Match", plain.header.Get("ETag")))
	for encoding, packed := range map[string]bool{"gzip, br": true, "*": true, "gzip;q=0, *": false, "br": false, "": false} {
		a := s.want(200, "/iiif/manifests/p3.json", header("Accept-Encoding", encoding))
		if got := a.header.Get("Content-Encoding") == "gzip"; got != packed {
			t.Errorf("%q: gzip is %v", encoding, got)
			continue
		}
		if (a.header.Get("ETag") == plain.header.Get("ETag")) == packed {
			t.Errorf("%q: tags do not tell forms apart", encoding)
		}
		if packed && unpack(t, a.body) != plain.body {
			t.Errorf("%q: another document", encoding)
		}
	}
}

func unpack(t *testing.T, body string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestManifestPaths(t *testing.T) {
	s := newStage(t)
	s.shelf.documents["broken.json"] = tile.Document{Body: []byte(`{"a":`)}
	for path, status := range map[string]int{
		"/iiif/manifests/nothing.json": 404, "/iiif/manifests/": 404, "/iiif/manifests/..%2Fx": 400, "/iiif/manifests/a/../b": 400,
		"/iiif/manifests/%00": 400, "/iiif/manifests/broken.json": 500, "/iiif/manifests/a//b": 404,
	} {
		s.want(status, path)
	}
}

func TestManifestAges(t *testing.T) {
	s := newStage(t)
	s.shelf.documents["a.json"] = tile.Document{Body: book(base + "/iiif/3/members%2FW")}
	guarded := s.want(200, "/iiif/manifests/a.json").body
	s.want(200, "/iiif/manifests/a.json")
	if n := len(s.shelf.reads()); n != 1 {
		t.Errorf("%d reads of one young document", n)
	}
	s.setRules([]authz.Rule{allOpen})
	if s.want(200, "/iiif/manifests/a.json").body == guarded {
		t.Error("the services are those of rules no longer in force")
	}
	s.shelf.mu.Lock()
	s.shelf.documents["a.json"] = tile.Document{Body: []byte(`{"v":2}`)}
	s.shelf.mu.Unlock()
	s.clock.advance(3 * time.Second)
	if body := s.want(200, "/iiif/manifests/a.json").body; body != `{"v":2}` {
		t.Errorf("after its time: %s", body)
	}
}

func TestManifestsAsImages(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.ManifestsAsImages = true })
	for _, folder := range []string{"open", "members", "staff", "secret", "closed"} {
		s.shelf.documents[folder+"/m.json"] = tile.Document{Body: []byte(`{}`)}
	}
	for _, row := range []struct {
		path   string
		sent   with
		status int
	}{
		{"open/m.json", header("X-Nobody", "1"), 200},
		{"members/m.json", header("X-Nobody", "1"), 401},
		{"members/m.json", cookieOf("alice"), 200},
		{"members/m.json", patOf("alice"), 200},
		{"members/m.json", tokenOf("alice"), 401},
		{"staff/m.json", cookieOf("alice"), 403},
		{"secret/m.json", cookieOf("alice"), 404},
		{"secret/m.json", cookieOf("sam"), 200},
		{"closed/m.json", cookieOf("sam"), 403},
		{"members/n.json", header("X-Nobody", "1"), 404},
	} {
		a := s.want(row.status, "/iiif/manifests/"+row.path, row.sent)
		if row.status == 200 && row.path != "open/m.json" && a.header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("R29 %s: %v", row.path, a.header)
		}
	}
	before := len(s.shelf.reads())
	s.clock.advance(3 * time.Second)
	if diff := diffAnswers(s.ask("/iiif/manifests/secret/m.json"), s.ask("/iiif/manifests/absent/m.json")); diff != "" {
		t.Errorf("R33: %s", diff)
	}
	if asked := s.shelf.reads()[before:]; len(asked) != 2 || slices.Contains(asked, "secret/m.json") {
		t.Errorf("R33: the storage was asked for %v, so time could tell", asked)
	}
}

// canvases lists the ids of the version 3 image services of a generated manifest.
func canvases(t *testing.T, a answer) (ids []string, guarded int) {
	t.Helper()
	var doc struct {
		Items []struct {
			Items []struct {
				Items []struct {
					Body struct {
						Service []struct {
							ID      string            `json:"id"`
							Service []json.RawMessage `json:"service"`
						} `json:"service"`
					} `json:"body"`
				} `json:"items"`
			} `json:"items"`
		} `json:"items"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatal(err)
	}
	for _, c := range doc.Items {
		for _, service := range c.Items[0].Items[0].Body.Service {
			if service.ID != "" {
				ids = append(ids, strings.TrimPrefix(service.ID, base+"/iiif/3/"))
				guarded += len(service.Service)
			}
		}
	}
	return ids, guarded
}

func TestGenerated(t *testing.T) {
	s := newStage(t)
	for _, id := range []string{"mix/a", "mix/b", "mix/broken", "mix/gone", "secret/x/1"} {
		s.shelf.entries = append(s.shelf.entries, tile.Entry{ID: id})
		s.studio.put(tile.Image{ID: id, Version: "v1", Width: 100, Height: 50})
	}
	s.studio.mu.Lock()
	delete(s.studio.images, "mix/gone")
	s.studio.mu.Unlock()
	s.setRules(slices.Concat(rules, []authz.Rule{{Name: "mixed", Images: []string{"mix/b"}, Access: authz.Login}, allOpen}))
	for _, row := range []struct {
		name, path string
		sent       with
		want       string
		guarded    int
	}{
		{"one image", "open%2FW", header("X-Nobody", "1"), "open%2FW", 0},
		{"raw slashes", "open/W", header("X-Nobody", "1"), "open%2FW", 0},
		{"folder", "mix", header("X-Nobody", "1"), "mix%2Fa mix%2Fb mix%2Fbroken", 1},
		{"folder with slash", "mix/", header("X-Nobody", "1"), "mix%2Fa mix%2Fb mix%2Fbroken", 1},
		{"hidden, member", "secret/x", cookieOf("sam"), "secret%2Fx%2F1", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := s.want(200, "/iiif/generated/"+row.path, row.sent)
			ids, guarded := canvases(t, a)
			if strings.Join(ids, " ") != row.want || guarded != row.guarded {
				t.Errorf("canvases %v, %d guarded", ids, guarded)
			}
			private := a.header.Get("Cache-Control") == "private, no-cache"
			if private != (row.guarded > 0) {
				t.Errorf("R29: %v", a.header)
			}
		})
	}
	s.want(404, "/iiif/generated/secret/x")
	s.want(404, "/iiif/generated/nothing")
	s.want(404, "/iiif/generated/")
	s.want(400, "/iiif/generated/../x")
	s.studio.fail(tile.Fail(tile.Unavailable, "", nil))
	s.clock.advance(10 * time.Minute)
	s.announce(1)
	s.want(503, "/iiif/generated/mix")
}

func TestGeneratedIsBounded(t *testing.T) {
	s := newStage(t)
	s.setRules([]authz.Rule{allOpen})
	for i := range 1200 {
		id := fmt.Sprintf("many/%04d", i)
		s.shelf.entries = append(s.shelf.entries, tile.Entry{ID: id})
		s.studio.put(tile.Image{ID: id, Version: "v1", Width: 100, Height: 50})
	}
	if ids, _ := canvases(t, s.want(200, "/iiif/generated/many")); len(ids) != 1000 || ids[999] != "many%2F0999" {
		t.Errorf("%d canvases", len(ids))
	}
}

// A set of rules that is not in force any more, and what was made ready under it, go
// from memory.
func TestOldRulesAreLetGo(t *testing.T) {
	s := newStage(t)
	s.shelf.documents["a.json"] = tile.Document{Body: book(base + "/iiif/3/open%2FW")}
	s.want(200, "/iiif/manifests/a.json")
	s.want(404, "/iiif/manifests/b.json")
	old := weak.Make(s.keeper.Policy())
	s.setRules(slices.Concat(rules, []authz.Rule{allOpen}))
	s.want(404, "/iiif/manifests/c.json")
	if n := s.edge.DocumentsKept(); n != 1 {
		t.Errorf("%d documents are remembered", n)
	}
	eventually(t, "the old rules are collected", func() bool {
		runtime.GC()
		return old.Value() == nil
	})
	runtime.KeepAlive(s)
}
