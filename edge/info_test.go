package edge_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/internal/tile"
)

const (
	ld     = "application/ld+json"
	image3 = `application/ld+json;profile="http://iiif.io/api/image/3/context.json"`
)

func TestInfoNegotiation(t *testing.T) {
	s := newStage(t)
	for _, row := range []struct{ row, path, accept, want string }{
		{"A-230", "/iiif/3/SQ/info.json", "", image3},
		{"A-231", "/iiif/3/SQ/info.json", "application/ld+json", image3},
		{"A-231 parameters", "/iiif/3/SQ/info.json", `application/ld+json; charset=utf-8;profile="a,b;c"`, image3},
		{"A-232", "/iiif/3/SQ/info.json", "application/json", "application/json"},
		{"A-233", "/iiif/3/SQ/info.json", "*/*", image3},
		{"A-233 range", "/iiif/3/SQ/info.json", "application/*", image3},
		{"A-234", "/iiif/3/SQ/info.json", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"},
		{"A-235", "/iiif/3/SQ/info.json", "application/ld+json;q=0, application/json", "application/json"},
		{"A-235 nothing fits", "/iiif/3/SQ/info.json", "image/png", image3},
		{"A-235 weights", "/iiif/3/SQ/info.json", "application/json;q=0.5, application/ld+json;q=0.8", image3},
		{"A-235 named over range", "/iiif/3/SQ/info.json", "application/json, text/plain, */*", "application/json"},
		{"A-235 bad weight", "/iiif/3/SQ/info.json", "application/json;q=NaN", "application/json"},
		{"A-237", "/iiif/3/SQ/info.json", `application/ld+json;profile="http://iiif.io/api/image/2/context.json"`, image3},
		{"B-039", "/iiif/2/SQ/info.json", "", "application/json"},
		{"B-039 range", "/iiif/2/SQ/info.json", "*/*", "application/json"},
		{"B-039 by name", "/iiif/2/SQ/info.json", "application/ld+json", ld},
		{"B-039 by name, with range", "/iiif/2/SQ/info.json", "application/ld+json, */*;q=0.1", ld},
		{"B-039 browser", "/iiif/2/SQ/info.json", "text/html,*/*;q=0.8", "application/json"},
	} {
		t.Run(row.row, func(t *testing.T) {
			var sent []with
			if row.accept != "" {
				sent = append(sent, header("Accept", row.accept))
			}
			a := s.want(200, row.path, sent...)
			if got := a.header.Get("Content-Type"); got != row.want {
				t.Errorf("Content-Type %q, want %q", got, row.want)
			}
			if vary := a.header.Get("Vary"); !strings.Contains(vary, "Accept") || !strings.Contains(vary, "Authorization") {
				t.Errorf("A-236: Vary %q", vary)
			}
		})
	}
}

func parse(t *testing.T, a answer) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatalf("%v: %v", a, err)
	}
	return doc
}

func TestInfoIDs(t *testing.T) {
	s := newStage(t)
	for _, row := range []struct{ row, path, key, want string }{
		{"A-201", "/iiif/3/SQ/info.json", "id", base + "/iiif/3/SQ"},
		{"A-005", "/iiif/3/ark:%2F12025%2F654xz321/info.json", "id", base + "/iiif/3/ark:%2F12025%2F654xz321"},
		{"A-009", "/iiif/3/open%2fW/info.json", "id", base + "/iiif/3/open%2fW"},
		{"B-031", "/iiif/2/open%2FW/info.json", "@id", base + "/iiif/2/open%2FW"},
		{"older path", "/iiif/images/open/W/info.json", "@id", base + "/iiif/images/open/W"},
		{"older path, escaped", "/iiif/images/open%2FW/info.json", "@id", base + "/iiif/images/open%2FW"},
	} {
		if doc := parse(t, s.want(200, row.path)); doc[row.key] != row.want {
			t.Errorf("%s: %v, want %s", row.row, doc[row.key], row.want)
		}
	}
}

func TestInfoCaching(t *testing.T) {
	s := newStage(t)
	open := s.want(200, "/iiif/3/SQ/info.json")
	if cc := open.header.Get("Cache-Control"); cc != "public, max-age=60" {
		t.Errorf("A-219: Cache-Control %q", cc)
	}
	etag := open.header.Get("ETag")
	s.want(304, "/iiif/3/SQ/info.json", header("If-None-Match", etag))
	if other := s.want(200, "/iiif/3/SQ/info.json", header("Accept", "application/json"), header("If-None-Match", etag)); other.header.Get("ETag") == etag {
		t.Error("two forms have one tag")
	}
	if cc := s.want(200, "/iiif/3/members%2FW/info.json").header.Get("Cache-Control"); cc != "private, no-cache" {
		t.Errorf("R29 restricted, version 3: %q", cc)
	}
	if cc := s.want(200, "/iiif/2/members%2FW/info.json", tokenOf("alice")).header.Get("Cache-Control"); cc != "private, no-cache" {
		t.Errorf("C-031 authorised: %q", cc)
	}
}

func TestInfoAuth1(t *testing.T) {
	s := newStage(t)
	reference := s.want(200, "/iiif/2/members%2FW/info.json", tokenOf("alice"))
	for _, row := range []struct {
		row, path string
		sent      []with
		status    int
	}{
		{"C-020 no token", "/iiif/2/members%2FW/info.json", nil, 401},
		{"C-020 unknown token", "/iiif/2/members%2FW/info.json", []with{tokenOf("nobody")}, 401},
		{"C-021", "/iiif/2/members%2FW/info.json", []with{tokenOf("alice")}, 200},
		{"C-022 another account could help", "/iiif/2/staff%2FW/info.json", []with{tokenOf("alice")}, 401},
		{"C-022 the right account", "/iiif/2/staff%2FW/info.json", []with{tokenOf("sam")}, 200},
		{"C-029 undefined", "/iiif/2/members%2FW/info.json", []with{header("Authorization", "Bearer undefined")}, 401},
		{"C-029 null", "/iiif/2/members%2FW/info.json", []with{header("Authorization", "Bearer null")}, 401},
		{"C-029 empty", "/iiif/2/members%2FW/info.json", []with{header("Authorization", "Bearer ")}, 401},
		{"C-029 garbage", "/iiif/2/members%2FW/info.json", []with{header("Authorization", "\x7f\xff garbage")}, 401},
		{"C-029 long", "/iiif/2/members%2FW/info.json", []with{header("Authorization", "Bearer "+strings.Repeat("x", 9000))}, 401},
		{"C-112 cookie of a same-origin viewer", "/iiif/2/members%2FW/info.json", []with{cookieOf("alice")}, 200},
		{"C-112 stale token beside a good cookie", "/iiif/2/members%2FW/info.json", []with{tokenOf("nobody"), cookieOf("alice")}, 200},
		{"personal access token", "/iiif/2/members%2FW/info.json", []with{patOf("alice")}, 200},
		{"older path", "/iiif/images/members/W/info.json", nil, 401},
		{"no login helps", "/iiif/2/closed%2FW/info.json", nil, 403},
		{"no login helps anybody", "/iiif/2/closed%2FW/info.json", []with{cookieOf("root")}, 403},
		{"open", "/iiif/2/open%2FW/info.json", nil, 200},
	} {
		t.Run(row.row, func(t *testing.T) {
			a := s.want(row.status, row.path, row.sent...)
			if got := a.header.Get("Access-Control-Allow-Origin"); got != "*" {
				t.Errorf("G.5-1: ACAO %q", got)
			}
			doc := parse(t, a)
			if row.status != 401 {
				return
			}
			if doc["@context"] != "http://iiif.io/api/image/2/context.json" || doc["service"] == nil || doc["width"] != 6000.0 {
				t.Errorf("C-020, C-028: %v", doc)
			}
			if !strings.Contains(row.path, "/images/") && strings.Contains(row.path, "members") && a.body != reference.body {
				t.Error("C-021: the document differs for those who are signed in")
			}
			for name, want := range map[string]string{"Www-Authenticate": `Bearer realm="iiif"`, "Cache-Control": "no-store", "Content-Type": "application/json", "Etag": ""} {
				if got := a.header.Get(name); got != want {
					t.Errorf("C-030, C-031: %s is %q", name, got)
				}
			}
			if !strings.Contains(a.header.Get("Vary"), "Authorization") {
				t.Errorf("C-031: Vary %q", a.header.Get("Vary"))
			}
		})
	}
}

func TestInfoAuth2(t *testing.T) {
	s := newStage(t)
	for _, path := range []string{"members", "staff", "closed"} {
		anonymous := s.want(200, "/iiif/3/"+path+"%2FW/info.json")
		if !strings.Contains(anonymous.body, base+"/auth/probe/"+path+"%2FW") {
			t.Errorf("D-003 %s: %s", path, anonymous.body)
		}
		for _, sent := range []with{cookieOf("sam"), tokenOf("sam"), patOf("sam")} {
			if diff := diffAnswers(anonymous, s.ask("/iiif/3/"+path+"%2FW/info.json", sent)); diff != "" {
				t.Errorf("D-087 %s: %s", path, diff)
			}
		}
	}
	if doc := parse(t, s.want(200, "/iiif/3/open%2FW/info.json")); doc["service"] != nil {
		t.Error("an open image has a probe")
	}
}

func TestInfoErrorsAreJSON(t *testing.T) {
	s := newStage(t)
	for _, path := range []string{
		"/iiif/3/nobody/info.json", "/iiif/2/nobody/info.json", "/iiif/3/a%00/info.json",
		"/iiif/2/closed%2FW/info.json", "/iiif/manifests/nothing.json", "/iiif/generated/nothing",
	} {
		a := s.ask(path)
		doc := parse(t, a)
		if a.header.Get("Content-Type") != "application/json" || doc["status"] != float64(a.status) || a.status < 400 {
			t.Errorf("A-277 %s: %v", path, a)
		}
	}
}

// Facts of an image are asked for again when they are no longer young, and a new
// version makes new results.
func TestInfoAges(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.InfoTTL = 2 * time.Second })
	const info, image = "/iiif/3/SQ/info.json", "/iiif/3/SQ/full/max/0/default.jpg"
	first := s.want(200, image)
	s.want(200, info)
	if n := s.studio.infos.Load(); n != 1 {
		t.Fatalf("%d questions for one young answer", n)
	}
	s.studio.put(tile.Image{ID: "SQ", Version: "v2", Width: 500, Height: 400})
	s.clock.advance(1900 * time.Millisecond)
	if s.want(200, image).body != first.body {
		t.Error("a young answer was not used")
	}
	s.clock.advance(200 * time.Millisecond)
	second := s.want(200, image, header("If-None-Match", first.header.Get("ETag")))
	if second.body == first.body || second.header.Get("ETag") == first.header.Get("ETag") {
		t.Error("invariant 5: a replaced source has the old result")
	}
	if doc := parse(t, s.want(200, info)); doc["width"] != 500.0 {
		t.Errorf("width %v of the new version", doc["width"])
	}
}

// R13, R18: while workers are away, what is in memory goes on.
func TestOutage(t *testing.T) {
	s := newStage(t)
	const image = "/iiif/3/SQ/full/max/0/default.jpg"
	s.want(200, image)
	s.studio.fail(tile.Fail(tile.Unavailable, "", nil))
	s.clock.advance(10 * time.Second)
	s.want(200, image)
	s.want(503, "/iiif/3/open%2FW/info.json")
	s.clock.advance(10 * time.Minute)
	s.want(503, image)
	s.studio.fail(nil)
	s.want(200, image)
	// That something is gone is an answer and no outage.
	s.studio.fail(tile.Fail(tile.NotFound, "", nil))
	s.clock.advance(10 * time.Second)
	s.want(404, image)
}
