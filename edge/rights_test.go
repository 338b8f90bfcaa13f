package edge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

const pixels = "/full/max/0/default.jpg"

// What each credential is worth for each kind of request.
func TestCredentials(t *testing.T) {
	s := newStage(t)
	lenient := newStage(t, func(c *edge.Config) { c.IIIFTokenOpensImages = true })
	for _, row := range []struct {
		row    string
		s      *stage
		path   string
		sent   []with
		status int
	}{
		{"C-110", s, "/iiif/2/members%2FW" + pixels, []with{cookieOf("alice")}, 200},
		{"C-111 no cookie", s, "/iiif/2/members%2FW" + pixels, nil, 401},
		{"C-111 unknown cookie", s, "/iiif/2/members%2FW" + pixels, []with{cookieOf("nobody")}, 401},
		{"C-111 signed in without right", s, "/iiif/2/staff%2FW" + pixels, []with{cookieOf("alice")}, 403},
		{"A-273", s, "/iiif/3/staff%2FW" + pixels, []with{cookieOf("alice")}, 403},
		{"A-272", s, "/iiif/3/staff%2FW" + pixels, nil, 401},
		{"member", s, "/iiif/3/staff%2FW" + pixels, []with{cookieOf("sam")}, 200},
		{"login cannot help", s, "/iiif/3/closed%2FW" + pixels, nil, 403},
		{"administrators get no bypass", s, "/iiif/3/staff%2FW" + pixels, []with{cookieOf("root")}, 403},
		{"C-032 access token", s, "/iiif/2/members%2FW" + pixels, []with{tokenOf("alice")}, 401},
		{"D-087 access token", s, "/iiif/3/members%2FW" + pixels, []with{tokenOf("alice")}, 401},
		{"by setting, an access token", lenient, "/iiif/3/members%2FW" + pixels, []with{tokenOf("alice")}, 200},
		{"personal access token", s, "/iiif/3/members%2FW" + pixels, []with{patOf("alice")}, 200},
		{"scheme in any case", s, "/iiif/3/members%2FW" + pixels, []with{header("Authorization", "bEARER tpat_alice")}, 200},
		{"R37 a cookie's value as token", s, "/iiif/3/members%2FW" + pixels, []with{header("Authorization", "Bearer cookie-alice")}, 401},
		{"R37 a cookie's value as token, for info.json", s, "/iiif/2/members%2FW/info.json", []with{header("Authorization", "Bearer cookie-alice")}, 401},
		{"R37 a token as cookie", s, "/iiif/3/members%2FW" + pixels, []with{header("Cookie", "__Host-tessera_session=iiif-alice")}, 401},
		{"R37 a personal token as cookie", s, "/iiif/3/members%2FW" + pixels, []with{header("Cookie", "__Host-tessera_session=tpat_alice")}, 401},
		{"cookie among others", s, "/iiif/3/members%2FW" + pixels, []with{header("Cookie", `a=b; __Host-tessera_session=cookie-alice; c="d"`)}, 200},
		{"cookie of plain http", s, "/iiif/3/members%2FW" + pixels, []with{header("Cookie", "tessera_session=cookie-alice")}, 401},
		{"no rule names it", s, "/iiif/3/other%2FW" + pixels, nil, 401},
		{"no rule names it, signed in", s, "/iiif/3/other%2FW" + pixels, []with{cookieOf("alice")}, 200},
		{"A-279 malformed before everything", s, "/iiif/3/secret%2FW/full/max/0/default", nil, 400},
		{"A-279 impossible sizes are for those who may see", s, "/iiif/3/members%2FW/7000,0,1,1/max/0/default.jpg", nil, 401},
		{"A-037", s, "/iiif/3/members%2FW/7000,0,1,1/max/0/default.jpg", []with{cookieOf("alice")}, 400},
		{"hidden", s, "/iiif/3/secret%2FW" + pixels, []with{cookieOf("alice")}, 404},
		{"hidden, member", s, "/iiif/3/secret%2FW" + pixels, []with{cookieOf("sam")}, 200},
	} {
		t.Run(row.row, func(t *testing.T) {
			a := row.s.want(row.status, row.path, row.sent...)
			if row.status == 401 && a.header.Get("Www-Authenticate") != `Bearer realm="iiif"` {
				t.Errorf("C-030: %v", a)
			}
			if a.header.Get("Location") != "" || a.header.Get("Set-Cookie") != "" {
				t.Errorf("C-111: %v", a)
			}
		})
	}
}

func TestTokensOfAnotherService(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.ServiceName = "elsewhere" })
	s.want(401, "/iiif/2/members%2FW/info.json", tokenOf("alice"))
	s.want(200, "/iiif/2/members%2FW/info.json", cookieOf("alice"))
}

// C-033, D-087: a token of one flow is worth nothing in the other.
func TestTokensOfTheOtherFlow(t *testing.T) {
	s := newStage(t)
	auth1, auth2 := header("Authorization", "Bearer iiif-alice"), header("Authorization", "Bearer iiif2-alice")
	for _, path := range []string{"/iiif/2/members%2FW/info.json", "/iiif/images/members/W/info.json"} {
		s.want(200, path, auth1)
		s.want(401, path, auth2)
		s.want(200, path, auth2, cookieOf("alice"))
	}
	for _, c := range []struct {
		token  with
		status float64
	}{{auth1, 401}, {auth2, 200}} {
		if doc := parse(t, s.want(200, "/auth/probe/members%2FW", c.token)); doc["status"] != c.status {
			t.Errorf("D-087: the probe says %v, want %v", doc["status"], c.status)
		}
	}
}

func TestCookieOverPlainHTTP(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.PublicURLs = nil })
	s.want(200, "/iiif/3/members%2FW"+pixels, host("localhost:8080"), header("Cookie", "tessera_session=cookie-alice"))
	s.want(401, "/iiif/3/members%2FW"+pixels, host("localhost:8080"), cookieOf("alice"))
}

// R28: what an insider has warmed up shows an outsider nothing, however it is asked.
func TestWarmCacheIsNoWayAround(t *testing.T) {
	s := newStage(t)
	paths := []string{
		"/iiif/3/staff%2FW" + pixels, "/iiif/3/staff%2FW/0,0,512,512/512,512/0/default.jpg", "/iiif/3/staff%2FW/full/200,/0/gray.png",
		"/iiif/3/staff%2FW/full/200,/!90/bitonal.webp", "/iiif/2/staff%2FW/full/full/0/default.jpg", "/iiif/images/staff/W/full/full/0/default.jpg",
	}
	tags := make(map[string]string)
	for _, path := range paths {
		tags[path] = s.want(200, path, cookieOf("sam")).header.Get("ETag")
		s.want(304, path, cookieOf("sam"), header("If-None-Match", tags[path]))
	}
	infoTag := s.want(200, "/iiif/2/staff%2FW/info.json", cookieOf("sam")).header.Get("ETag")
	renders, infos := s.studio.renders.Load(), s.studio.infos.Load()
	for _, outsider := range []struct {
		name   string
		sent   with
		status int
	}{{"nobody", header("X-Nobody", "1"), 401}, {"alice", cookieOf("alice"), 403}, {"token", tokenOf("sam"), 401}} {
		for _, path := range paths {
			for _, extra := range []with{
				header("If-None-Match", tags[path]), header("If-None-Match", "*"), header("Range", "bytes=0-99"),
				header("Cache-Control", "only-if-cached"), method("HEAD"), header("If-Range", tags[path]),
			} {
				a := s.want(outsider.status, path, outsider.sent, extra)
				if a.header.Get("ETag") != "" || a.header.Get("X-Tessera-Cache") != "" || a.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s: %v", outsider.name, path, a)
				}
			}
		}
	}
	s.want(401, "/iiif/2/staff%2FW/info.json", header("If-None-Match", infoTag))
	if s.studio.renders.Load() != renders || s.studio.infos.Load() != infos {
		t.Errorf("outsiders cost %d renderings and %d questions", s.studio.renders.Load()-renders, s.studio.infos.Load()-infos)
	}
}

// R33: hidden is unknown, byte for byte, everywhere.
func TestHiddenIsUnknown(t *testing.T) {
	s := newStage(t)
	// The other image is on a path of equal length that no rule hides and nothing is at.
	hide := func(path string) (hidden, unknown string) {
		return fmt.Sprintf(path, "secret%2FW"), fmt.Sprintf(path, "absent%2FW")
	}
	paths := []string{
		"/iiif/3/%s" + pixels, "/iiif/2/%s" + pixels, "/iiif/images/%s" + pixels, "/iiif/3/%s/info.json", "/iiif/2/%s/info.json",
		"/iiif/images/%s/info.json", "/iiif/3/%s", "/iiif/3/%s/", "/auth/probe/%s", "/iiif/generated/%s", "/iiif/3/%s.jp2/info.json",
	}
	same := func(what string, a, b answer) {
		t.Helper()
		neutral := strings.NewReplacer("secret", "xxxxxx", "absent", "xxxxxx").Replace
		a.body, b.body = neutral(a.body), neutral(b.body)
		for _, h := range []answer{a, b} {
			if l := h.header.Get("Location"); l != "" {
				h.header.Set("Location", neutral(l))
			}
		}
		if diff := diffAnswers(a, b); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	everybody := map[string]with{"nobody": header("X-Nobody", "1"), "alice": cookieOf("alice"), "token": tokenOf("alice"), "admin": cookieOf("root")}
	for name, sent := range everybody {
		for _, path := range paths {
			hidden, unknown := hide(path)
			for _, m := range []string{"GET", "HEAD", "OPTIONS", "POST"} {
				same(name+" "+m+" "+path, s.ask(hidden, sent, method(m)), s.ask(unknown, sent, method(m)))
			}
			same(name+" conditional "+path, s.ask(hidden, sent, header("If-None-Match", "*")), s.ask(unknown, sent, header("If-None-Match", "*")))
		}
	}
	uri := func(u string) with { return header("X-Original-Uri", u) }
	hidden, unknown := hide("/iiif/3/%s" + pixels)
	same("query_auth", s.ask("/auth/query_auth", uri(hidden)), s.ask("/auth/query_auth", uri(unknown)))
	for _, outage := range []error{tile.Fail(tile.Unavailable, "", nil), tile.Fail(tile.Busy, "", nil)} {
		s.studio.fail(outage)
		s.clock.advance(time.Minute - time.Second)
		for _, path := range paths {
			hidden, unknown := hide(path)
			same("while workers are away "+path, s.ask(hidden), s.ask(unknown))
		}
		s.studio.fail(nil)
		s.announce(1)
	}
}

// Not even a worker that knows every name gets a hidden image shown.
func TestHiddenBeforeAnyAnswer(t *testing.T) {
	s := newStage(t)
	s.studio.everything = true
	for _, path := range []string{"/iiif/3/secret%2FW" + pixels, "/iiif/3/secret%2FW/info.json", "/iiif/2/secret%2FW/info.json"} {
		s.want(404, path, cookieOf("alice"))
	}
}

// Both cost the same: one question to a worker, which then is remembered as long.
func TestHiddenCostsAsMuchAsUnknown(t *testing.T) {
	s := newStage(t)
	cost := func(path string) int64 {
		before := s.studio.infos.Load()
		s.want(404, path)
		return s.studio.infos.Load() - before
	}
	for range 3 {
		for range 2 {
			if h, u := cost("/iiif/3/secret%2FW/info.json"), cost("/iiif/3/absent%2FW/info.json"); h != u {
				t.Errorf("hidden cost %d questions, unknown %d", h, u)
			}
		}
		s.clock.advance(3 * time.Second)
	}
}

// A right that is taken away is gone with the next request.
func TestRevocation(t *testing.T) {
	s := newStage(t)
	path := "/iiif/3/members%2FW" + pixels
	etag := s.want(200, path, cookieOf("alice")).header.Get("ETag")
	s.setRules([]authz.Rule{{Name: "closed", Images: []string{"**"}, Access: authz.Deny}})
	s.want(403, path, cookieOf("alice"))
	s.want(403, path, cookieOf("alice"), header("If-None-Match", etag))
}

// R24: when the coordinators have been silent for longer than the lease, restricted
// content is refused and open content goes on.
func TestLease(t *testing.T) {
	s := newStage(t)
	s.want(200, "/iiif/3/members%2FW"+pixels, cookieOf("alice"))
	s.authority.change(func(a *authority) { a.silent = true })
	s.clock.advance(61 * time.Second)
	if a := s.want(503, "/iiif/3/members%2FW"+pixels, cookieOf("alice")); a.header.Get("Retry-After") != "1" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %v", a)
	}
	s.want(503, "/iiif/3/members%2FW"+pixels)
	s.want(503, "/iiif/2/members%2FW/info.json", tokenOf("alice"))
	s.want(503, "/iiif/3/members%2FW/info.json")
	s.want(200, "/iiif/3/open%2FW"+pixels, cookieOf("alice"))
	s.want(200, "/iiif/3/open%2FW/info.json")
	s.want(404, "/iiif/3/secret%2FW"+pixels)
	if doc := parse(t, s.want(200, "/auth/probe/members%2FW", tokenOf("alice"))); doc["status"] != 503.0 {
		t.Errorf("D-077: %v", doc)
	}
}

// Before any rules are known not even open images can be told from others.
func TestBeforeFirstRights(t *testing.T) {
	s := newStage(t, func(c *edge.Config) {
		c.Keeper = session.NewKeeper(session.Config{Fallback: authz.Open, Lease: time.Minute, Now: time.Now})
	})
	for _, path := range []string{"/iiif/3/SQ" + pixels, "/iiif/3/SQ/info.json", "/iiif/2/secret%2FW/info.json", "/iiif/manifests/a.json", "/iiif/generated/open"} {
		s.want(503, path)
	}
	if n := s.studio.infos.Load() + s.studio.renders.Load() + int64(len(s.shelf.reads())); n != 0 {
		t.Errorf("workers were asked %d times", n)
	}
}

// Who cannot be asked about is not taken for a stranger: a login would not help.
func TestUnknownCredentialWhileAuthorityIsSilent(t *testing.T) {
	s := newStage(t)
	s.authority.change(func(a *authority) { a.silent = true })
	s.want(503, "/iiif/3/members%2FW"+pixels, cookieOf("alice"))
	s.want(401, "/iiif/3/members%2FW"+pixels)
	s.want(200, "/iiif/3/open%2FW"+pixels, cookieOf("alice"))
}

func TestSlashSubstitute(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.SlashSubstitute = "!" })
	a := s.want(200, "/iiif/3/open!W/info.json")
	if doc := parse(t, a); doc["id"] != base+"/iiif/3/open!W" {
		t.Errorf("A-009: %v", doc["id"])
	}
	s.want(401, "/iiif/3/members!W"+pixels)
	s.want(401, "/iiif/3/members%21W"+pixels)
	s.want(404, "/iiif/3/secret!W"+pixels)
	s.want(400, "/iiif/3/open!..!secret!W"+pixels)
	if doc := s.want(200, "/iiif/3/members!W/info.json"); !strings.Contains(doc.body, base+"/auth/probe/members!W") {
		t.Errorf("probe of %s", doc.body)
	}
	if doc := parse(t, s.want(200, "/auth/probe/members!W", tokenOf("alice"))); doc["status"] != 200.0 {
		t.Errorf("probe: %v", doc)
	}
}

func TestSecretsStayOutOfLogs(t *testing.T) {
	s := newStage(t)
	s.studio.fail(tile.Fail(tile.Internal, "", nil))
	s.want(500, "/iiif/3/members%2FW"+pixels, cookieOf("canary"), tokenOf("canary"), patOf("canary"))
	if log := s.log.String(); !strings.Contains(log, "members%2FW") || strings.Contains(log, "canary") {
		t.Errorf("R34: %s", log)
	}
}
