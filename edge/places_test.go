package edge_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

const (
	inRoom  = "192.0.2.77:4711"
	outside = "198.51.100.1:4711"
)

func withRules(t *testing.T, r ...authz.Rule) *stage {
	t.Helper()
	s := newStage(t)
	s.setRules(r)
	return s
}

// serviceOf is the first authorization service of a description.
func serviceOf(t *testing.T, doc map[string]any) map[string]any {
	t.Helper()
	list, _ := doc["service"].([]any)
	if len(list) == 0 {
		t.Fatalf("no service in %v", doc)
	}
	first := list[0].(map[string]any)
	if first["type"] == "AuthProbeService2" {
		return serviceOf(t, first)
	}
	return first
}

// R55: an address lets in for as long as a request comes from it, whoever sends it.
func TestWalkIn(t *testing.T) {
	s := withRules(t, authz.Rule{Name: "room", Images: []string{"other/**"}, Access: authz.Networks, Networks: []string{"192.0.2.0/24"}})
	const image, info2 = "/iiif/3/other%2FW" + pixels, "/iiif/2/other%2FW/info.json"
	inside := s.want(200, image, from(inRoom))
	if cc := inside.header.Get("Cache-Control"); cc != "private, no-cache" {
		t.Errorf("R29: %q", cc)
	}
	s.want(304, image, from(inRoom), header("If-None-Match", inside.header.Get("ETag")))
	s.want(200, image, from("[::ffff:192.0.2.9]:1"))
	s.want(403, image, from(outside), header("If-None-Match", inside.header.Get("ETag")))
	s.want(403, image, from(outside), cookieOf("sam"))
	s.want(403, image, from(outside), header("X-Forwarded-For", "192.0.2.77"))
	s.want(200, info2, from(inRoom))
	doc := parse(t, s.want(401, info2, from(outside)))
	if service := serviceOf(t, doc); service["profile"] != "http://iiif.io/api/auth/1/external" || service["label"] == "" {
		t.Errorf("C-003, C-004: %v", service)
	}
	access := serviceOf(t, parse(t, s.want(200, "/iiif/3/other%2FW/info.json", from(outside))))
	if access["profile"] != "external" || access["id"] != nil {
		t.Errorf("D-012: %v", access)
	}
	for address, want := range map[string]float64{inRoom: 200, outside: 401} {
		if doc := parse(t, s.want(200, "/auth/probe/other%2FW", from(address))); doc["status"] != want {
			t.Errorf("D-071 from %s: %v", address, doc)
		}
	}
}

// R31, R55: behind a proxy that is trusted, the address is the one it tells.
func TestWalkInBehindProxy(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	s.setRules([]authz.Rule{{Name: "room", Images: []string{"other/**"}, Access: authz.Networks, Networks: []string{"192.0.2.0/24"}}})
	const image = "/iiif/3/other%2FW" + pixels
	s.want(200, image, from("10.0.0.1:1"), header("X-Forwarded-For", "192.0.2.77"))
	s.want(403, image, from("10.0.0.1:1"), header("X-Forwarded-For", "192.0.2.77, 198.51.100.1"))
	s.want(403, image, from("10.0.0.1:1"))
}

// Groups or network: either is enough, and outside there is a sign-in to offer.
func TestGroupOrPlace(t *testing.T) {
	s := withRules(t, authz.Rule{Name: "room", Images: []string{"staff/**"}, Access: authz.Groups, Groups: []string{"staff"}, Networks: []string{"192.0.2.0/24"}})
	const image = "/iiif/3/staff%2FW" + pixels
	s.want(200, image, from(inRoom))
	s.want(200, image, from(outside), cookieOf("sam"))
	s.want(403, image, from(outside), cookieOf("alice"))
	s.want(401, image, from(outside))
	if service := serviceOf(t, parse(t, s.want(401, "/iiif/2/staff%2FW/info.json", from(outside)))); service["profile"] != "http://iiif.io/api/auth/1/login" {
		t.Errorf("C-010: %v", service)
	}
}

// R55: what is for looking at in the reading room leaves nothing behind, and a proxy
// that asks is told the same.
func TestViewOnly(t *testing.T) {
	s := withRules(t, authz.Rule{
		Name: "room", Images: []string{"staff/**"}, Access: authz.Groups, Groups: []string{"staff"},
		Networks: []string{"192.0.2.0/24"}, ViewOnly: true,
	})
	a := s.want(200, "/iiif/3/staff%2FW"+pixels, from(inRoom))
	if cc, cd := a.header.Get("Cache-Control"), a.header.Get("Content-Disposition"); cc != "no-store" || cd != "inline" {
		t.Errorf("Cache-Control %q, Content-Disposition %q", cc, cd)
	}
	info := s.want(200, "/iiif/3/staff%2FW/info.json", from(inRoom))
	doc := parse(t, info)
	if info.header.Get("Cache-Control") != "no-store" || doc["maxWidth"] != 2048.0 || strings.Contains(info.body, `"tif"`) {
		t.Errorf("described as %v", info)
	}
	stranger := header("X-Nobody", "1")
	for _, row := range []struct {
		picture string
		who     with
		status  int
	}{
		{"full/max/0/default.tif", stranger, 403},
		{"full/2049,/0/default.jpg", stranger, 400},
		{"full/2048,/0/default.webp", stranger, 200},
		{"full/4000,/0/default.tif", cookieOf("sam"), 200},
	} {
		path := "/iiif/3/staff%2FW/" + row.picture
		s.want(row.status, path, from(inRoom), row.who)
		forProxy := 403
		if row.status == 200 {
			forProxy = 204
		}
		s.want(forProxy, "/auth/query_auth", from(inRoom), row.who, header("X-Original-Uri", path))
	}
}

// R29, R56: an embargo ends at its instant and not a moment later, with nobody to tell
// the edge, and nothing that was kept outlives it.
func TestEmbargo(t *testing.T) {
	s := newStage(t)
	end := s.clock.Now().Add(30 * time.Second)
	s.setRules([]authz.Rule{
		{Name: "open for now", Images: []string{"open/**"}, Access: authz.Open, Until: end},
		{Name: "embargo", Images: []string{"other/**"}, Access: authz.Groups, Groups: []string{"staff"}, Until: end},
		{Name: "then", Images: []string{"other/**"}, Access: authz.Open},
		{Name: "closed", Images: []string{"open/**"}, Access: authz.Deny},
	})
	const embargoed, closing = "/iiif/3/other%2FW" + pixels, "/iiif/3/open%2FW" + pixels
	control := func(path string) string { return s.want(200, path).header.Get("Cache-Control") }
	s.want(401, embargoed)
	s.want(200, embargoed, cookieOf("sam"))
	etag := s.want(200, closing).header.Get("ETag")
	for path, want := range map[string]string{closing: "public, max-age=30", "/iiif/3/open%2FW/info.json": "public, max-age=30"} {
		if cc := control(path); cc != want {
			t.Errorf("R29 %s: %q, want %q", path, cc, want)
		}
	}
	s.clock.advance(29*time.Second + 500*time.Millisecond)
	s.announce(1)
	if cc := control(closing); cc != "public, no-cache" {
		t.Errorf("R29: %q half a second before the end", cc)
	}
	s.clock.advance(500*time.Millisecond - 1)
	s.want(401, embargoed)
	s.want(200, closing)
	s.clock.advance(1)
	s.want(403, closing)
	s.want(403, closing, header("If-None-Match", etag))
	s.want(200, embargoed)
	if cc := control(embargoed); cc != "public, max-age=86400" {
		t.Errorf("R29: %q after the embargo", cc)
	}
}

// R29: a manifest's services are those of the moment, and it is kept no longer.
func TestManifestAcrossEmbargo(t *testing.T) {
	s := newStage(t)
	s.shelf.documents["m.json"] = documentOf(`{"@context":"http://iiif.io/api/presentation/3/context.json","id":"x","type":"Manifest",
		"thumbnail":[{"id":"y","type":"Image","service":[{"id":"` + base + `/iiif/3/other%2FW","type":"ImageService3","profile":"level2"}]}]}`)
	end := s.clock.Now().Add(time.Second + 500*time.Millisecond)
	s.setRules([]authz.Rule{
		{Name: "embargo", Images: []string{"other/**"}, Access: authz.Login, Until: end},
		{Name: "then", Images: []string{"other/**"}, Access: authz.Open},
	})
	before := s.want(200, "/iiif/manifests/m.json")
	if !strings.Contains(before.body, "AuthProbeService2") || before.header.Get("Cache-Control") != "public, max-age=1" {
		t.Errorf("before: %v", before)
	}
	s.clock.advance(time.Second + 500*time.Millisecond)
	if after := s.want(200, "/iiif/manifests/m.json"); strings.Contains(after.body, "AuthProbeService2") || after.header.Get("Cache-Control") != "public, max-age=60" {
		t.Errorf("after: %v", after)
	}
}

// The services of terms, of a kiosk, and of groups that accept terms.
func TestServicesByRule(t *testing.T) {
	s := newStage(t)
	title := authz.Text{"en": "Terms of the donor", "de": "Bedingungen der Stifterin"}
	s.setDocument(authz.Document{
		Items: []authz.Rule{
			{Name: "gift", Images: []string{"open/**"}, Access: authz.Open, Terms: "donor"},
			{Name: "staff", Images: []string{"staff/**"}, Access: authz.Groups, Groups: []string{"staff"}, Terms: "donor"},
			{Name: "kiosk", Images: []string{"other/**"}, Access: authz.Networks, Networks: []string{"192.0.2.0/24"}, Service: authz.Kiosk},
		},
		Definitions: authz.Definitions{Terms: []authz.Terms{{Name: "donor", Version: "2", Title: title, Text: title}}},
	})
	for _, row := range []struct{ folder, one, two, name string }{
		{"open", "clickthrough", "active", "members.terms.donor"},
		{"staff", "login", "active", "members.login-terms.donor"},
		{"other", "kiosk", "kiosk", "members.kiosk"},
	} {
		one := serviceOf(t, parse(t, s.want(401, "/iiif/2/"+row.folder+"%2FW/info.json", from(outside))))
		if one["profile"] != "http://iiif.io/api/auth/1/"+row.one || one["@id"] != base+"/auth/1/"+row.name+"/login" {
			t.Errorf("C-003 %s: %v", row.folder, one)
		}
		two := serviceOf(t, parse(t, s.want(200, "/iiif/3/"+row.folder+"%2FW/info.json", from(outside))))
		if two["profile"] != row.two || two["id"] != base+"/auth/2/"+row.name+"/access" {
			t.Errorf("D-012 %s: %v", row.folder, two)
		}
	}
	access := serviceOf(t, parse(t, s.want(200, "/iiif/3/open%2FW/info.json")))
	if heading := access["heading"].(map[string]any); heading["de"] == nil || heading["fr"] != nil {
		t.Errorf("D-006: heading %v", heading)
	}
	// R57: an anonymous reader who has accepted, and one who accepted an older version.
	s.authority.visit("old", "donor@1")
	s.authority.visit("new", "donor@2")
	s.want(401, "/iiif/3/open%2FW"+pixels, cookieOf("old"))
	s.want(200, "/iiif/3/open%2FW"+pixels, cookieOf("new"))
	s.want(401, "/iiif/3/staff%2FW"+pixels, cookieOf("new"))
	s.want(401, "/iiif/3/staff%2FW"+pixels, cookieOf("sam"))
	if doc := parse(t, s.want(200, "/auth/probe/open%2FW", cookieOf("old"))); doc["status"] != 401.0 {
		t.Errorf("D-085: %v", doc)
	}
	if cc := s.want(200, "/iiif/3/open%2FW"+pixels, cookieOf("new")).header.Get("Cache-Control"); cc != "private, no-cache" {
		t.Errorf("R29: %q", cc)
	}
}
