package edge_test

import (
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
)

func TestProbe(t *testing.T) {
	s := newStage(t)
	s.studio.put(tile.Image{ID: "open/broken", Version: "v1", Width: 1, Height: 1})
	for _, row := range []struct {
		row, id string
		sent    []with
		status  float64
	}{
		{"D-071 open", "open%2FW", nil, 200},
		{"D-071 no token", "members%2FW", nil, 401},
		{"D-072", "members%2FW", []with{tokenOf("alice")}, 200},
		{"D-073 unknown token", "members%2FW", []with{tokenOf("nobody")}, 401},
		{"D-073 garbage", "members%2FW", []with{header("Authorization", "Bearer undefined")}, 401},
		{"D-074", "closed%2FW", []with{tokenOf("alice")}, 403},
		{"D-074 anonymous", "closed%2FW", nil, 403},
		{"D-075", "staff%2FW", []with{tokenOf("alice")}, 401},
		{"D-072 member", "staff%2FW", []with{tokenOf("sam")}, 200},
		{"D-076 unknown", "nobody", nil, 404},
		{"D-076 hidden", "secret%2FW", []with{tokenOf("alice")}, 404},
		{"hidden, member", "secret%2FW", []with{tokenOf("sam")}, 200},
		{"D-083", "members%2FW", []with{cookieOf("alice")}, 200},
		{"D-076 no such address", "a/b", nil, 404},
		{"malformed", "%2E%2E", nil, 400},
	} {
		t.Run(row.row, func(t *testing.T) {
			a := s.want(200, "/auth/probe/"+row.id, append(row.sent, header("Origin", "https://viewer.test"))...)
			doc := parse(t, a)
			if doc["status"] != row.status || doc["type"] != "AuthProbeResult2" || doc["@context"] != "http://iiif.io/api/auth/2/context.json" {
				t.Errorf("D-070, D-078: %v, want status %v", doc, row.status)
			}
			if doc["id"] != base+"/auth/probe/"+row.id {
				t.Errorf("D-086: id %v", doc["id"])
			}
			if (row.status != 200) != (doc["heading"] != nil) {
				t.Errorf("D-082: heading %v with status %v", doc["heading"], row.status)
			}
			for name, want := range map[string]string{
				"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store", "Vary": "Authorization, Cookie", "Content-Type": "application/json",
			} {
				if got := a.header.Get(name); got != want {
					t.Errorf("D-084: %s is %q", name, got)
				}
			}
		})
	}
}

func TestProbeOfTrouble(t *testing.T) {
	s := newStage(t)
	s.studio.fail(tile.Fail(tile.Unavailable, "", nil))
	if doc := parse(t, s.want(200, "/auth/probe/members%2FW")); doc["status"] != 503.0 {
		t.Errorf("D-077: %v", doc)
	}
	s.studio.fail(tile.Fail(tile.Broken, "", nil))
	if doc := parse(t, s.want(200, "/auth/probe/members%2FW")); doc["status"] != 500.0 {
		t.Errorf("D-077: %v", doc)
	}
}

// D-085, C-112: what the probe and info.json say is what the image request gets, but
// for an account that lacks the right, which is told to sign in as another.
func TestAspectsAgree(t *testing.T) {
	s := newStage(t)
	for _, folder := range []string{"open", "members", "staff", "secret", "closed", "other", "absent"} {
		for _, who := range []string{"", "alice", "sam", "root"} {
			var token, cookie []with
			if who != "" {
				token, cookie = []with{tokenOf(who)}, []with{cookieOf(who)}
			}
			image := s.ask("/iiif/3/"+folder+"%2FW"+pixels, cookie...).status
			probe := int(parse(t, s.ask("/auth/probe/"+folder+"%2FW", token...))["status"].(float64))
			info := s.ask("/iiif/2/"+folder+"%2FW/info.json", token...).status
			if image == 403 && folder != "closed" {
				image = 401
			}
			if probe != image || info != image {
				t.Errorf("%s for %q: image %d, probe %d, info.json %d", folder, who, image, probe, info)
			}
		}
	}
}

func TestQueryAuth(t *testing.T) {
	s := newStage(t)
	s.shelf.documents["a.json"] = tile.Document{Body: []byte(`{}`)}
	for _, row := range []struct {
		name, header, uri string
		sent              []with
		status            int
	}{
		{"open", "X-Original-Uri", "/iiif/3/open%2FW" + pixels, nil, 204},
		{"Traefik's header", "X-Forwarded-Uri", "/iiif/2/members%2FW/full/full/0/default.jpg?x=1", []with{cookieOf("alice")}, 204},
		{"no login", "X-Original-Uri", "/iiif/3/members%2FW" + pixels, nil, 401},
		{"token opens no image", "X-Original-Uri", "/iiif/3/members%2FW" + pixels, []with{tokenOf("alice")}, 401},
		{"token opens a description", "X-Original-Uri", "/iiif/2/members%2FW/info.json", []with{tokenOf("alice")}, 204},
		{"description of version 3", "X-Original-Uri", "/iiif/3/members%2FW/info.json", nil, 204},
		{"description, another account", "X-Original-Uri", "/iiif/2/staff%2FW/info.json", []with{tokenOf("alice")}, 401},
		{"no right", "X-Original-Uri", "/iiif/3/staff%2FW" + pixels, []with{cookieOf("alice")}, 403},
		{"raw slashes", "X-Original-Uri", "/iiif/images/members/W/full/full/0/default.jpg", []with{cookieOf("alice")}, 204},
		{"hidden", "X-Original-Uri", "/iiif/3/secret%2FW" + pixels, []with{cookieOf("alice")}, 403},
		{"unknown", "X-Original-Uri", "/iiif/3/nobody" + pixels, nil, 403},
		{"malformed", "X-Original-Uri", "/iiif/3/%2E%2E/info.json", nil, 403},
		{"manifest", "X-Original-Uri", "/iiif/manifests/a.json", nil, 204},
		{"no manifest", "X-Original-Uri", "/iiif/manifests/b.json", nil, 403},
		{"not ours", "X-Original-Uri", "/secret-archive.zip", []with{cookieOf("root")}, 403},
		{"nothing", "X-Other", "x", []with{cookieOf("root")}, 403},
		{"upload", "X-Original-Uri", "/iiif/3/open%2FW" + pixels, []with{header("X-Original-Method", "PUT")}, 403},
		{"another proxy's method", "X-Original-Uri", "/iiif/3/members%2FW" + pixels, []with{header("X-Forwarded-Method", "OPTIONS")}, 401},
		{"a reader who sends the other kind", "X-Forwarded-Uri", "/iiif/3/staff%2FW" + pixels, []with{header("X-Original-Uri", "/iiif/3/open%2FW"+pixels)}, 403},
		{"and the same the other way round", "X-Original-Uri", "/iiif/3/staff%2FW" + pixels, []with{header("X-Forwarded-Uri", "/iiif/3/open%2FW"+pixels)}, 403},
		{"preflight", "X-Forwarded-Uri", "/iiif/3/members%2FW" + pixels, []with{header("X-Forwarded-Method", "OPTIONS")}, 204},
		{"a method that nginx may have passed on", "X-Original-Uri", "/iiif/3/members%2FW" + pixels, []with{header("X-Original-Method", "OPTIONS")}, 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := s.want(row.status, "/auth/query_auth", append(row.sent, header(row.header, row.uri))...)
			if cc := a.header.Get("Cache-Control"); cc != "no-store" {
				t.Errorf("Cache-Control %q", cc)
			}
		})
	}
}
