package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

func tiered(t *testing.T, tier authz.Tier) *stage {
	t.Helper()
	return withRules(
		t,
		authz.Rule{Name: "reduced", Images: []string{"staff/**"}, Access: authz.Groups, Groups: []string{"staff"}, Tier: &tier},
		authz.Rule{Name: "small for all", Images: []string{"closed/**"}, Access: authz.Deny, Tier: &tier},
		authz.Rule{Name: "secret", Images: []string{"secret/**"}, Access: authz.Hidden, Groups: []string{"staff"}},
	)
}

// C-023 to C-027: who may not see the image is sent to the smaller one, by version 1 of
// authorization.
func TestTierByAuth1(t *testing.T) {
	s := tiered(t, authz.Tier{Scale: 8})
	for _, prefix := range []string{"/iiif/2/", "/iiif/images/"} {
		a := s.want(302, prefix+"staff%2FW/info.json")
		if a.header.Get("Location") != base+prefix+"staff%2FW~reduced/info.json" || a.header.Get("Cache-Control") != "no-store" ||
			!strings.Contains(a.header.Get("Vary"), "Authorization") || a.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("C-023, C-025: %v", a)
		}
		small := s.want(200, strings.TrimPrefix(a.header.Get("Location"), base))
		doc := parse(t, small)
		if doc["@id"] != base+prefix+"staff%2FW~reduced" || doc["width"] != 750.0 || doc["height"] != 500.0 {
			t.Errorf("C-024: %v", doc)
		}
		if service := serviceOf(t, doc); service["profile"] != "http://iiif.io/api/auth/1/login" {
			t.Errorf("C-024: the service of the whole: %v", service)
		}
	}
	s.want(302, "/iiif/2/staff%2FW/info.json", tokenOf("alice"))
	if doc := parse(t, s.want(200, "/iiif/2/staff%2FW/info.json", tokenOf("sam"))); doc["@id"] != base+"/iiif/2/staff%2FW" || doc["width"] != 6000.0 {
		t.Errorf("C-021: %v", doc)
	}
	s.want(302, "/iiif/2/closed%2FW/info.json")
	s.want(401, "/iiif/2/staff%2FW"+pixels)
	s.want(200, "/iiif/2/staff%2FW~reduced"+pixels)
	s.want(200, "/iiif/3/closed%2FW~reduced"+pixels)
}

// D-079, D-080, R49: a probe that denies names the smaller image, which then is there.
func TestTierByAuth2(t *testing.T) {
	s := tiered(t, authz.Tier{Side: 1000})
	for _, row := range []struct {
		id     string
		sent   []with
		status float64
	}{{"staff%2FW", nil, 401}, {"staff%2FW", []with{tokenOf("alice")}, 401}, {"closed%2FW", nil, 403}} {
		doc := parse(t, s.want(200, "/auth/probe/"+row.id, row.sent...))
		list, _ := doc["substitute"].([]any)
		if doc["status"] != row.status || len(list) != 1 {
			t.Fatalf("D-079: %v", doc)
		}
		instead := list[0].(map[string]any)
		id := instead["id"].(string)
		if id != base+"/iiif/3/"+row.id+"~reduced" || instead["type"] != "ImageService3" {
			t.Errorf("D-079: %v", instead)
		}
		info := s.want(200, strings.TrimPrefix(id, base)+"/info.json")
		small := parse(t, info)
		if small["id"] != id || small["width"] != 1000.0 || small["height"] != 666.0 || small["service"] != nil {
			t.Errorf("D-079: %v", small)
		}
		if info.header.Get("Cache-Control") != "public, max-age=60" {
			t.Errorf("R29: %v", info.header)
		}
		s.want(200, strings.TrimPrefix(id, base)+pixels)
		if probe := parse(t, s.want(200, "/auth/probe/"+row.id+"~reduced")); probe["status"] != 200.0 {
			t.Errorf("D-085: %v", probe)
		}
	}
	if doc := parse(t, s.want(200, "/auth/probe/staff%2FW", tokenOf("sam"))); doc["status"] != 200.0 || doc["substitute"] != nil {
		t.Errorf("D-079 only when denied: %v", doc)
	}
}

// A tier is there only where the rule gives one; elsewhere its mark is a part of a name.
func TestTierOnlyByRule(t *testing.T) {
	s := tiered(t, authz.Tier{Scale: 8})
	s.want(404, "/iiif/3/other%2FW~reduced"+pixels, cookieOf("alice"))
	s.studio.put(tile.Image{ID: "other/W~reduced", Version: "v1", Width: 10, Height: 10})
	s.clock.advance(5e9)
	s.want(200, "/iiif/3/other%2FW~reduced"+pixels, cookieOf("alice"))
	neutral := strings.NewReplacer("secret", "xxxxxx", "absent", "xxxxxx").Replace
	for _, path := range []string{"/iiif/3/%s/info.json", "/iiif/2/%s/info.json", "/iiif/3/%s" + pixels, "/auth/probe/%s"} {
		a, b := s.ask(fmt.Sprintf(path, "secret%2FW~reduced")), s.ask(fmt.Sprintf(path, "absent%2FW~reduced"))
		a.body, b.body = neutral(a.body), neutral(b.body)
		if diff := diffAnswers(a, b); diff != "" {
			t.Errorf("R33 %s: %s", path, diff)
		}
	}
	s.setRules(rules) // without tiers
	s.want(404, "/iiif/3/staff%2FW~reduced"+pixels)
}

// R59: whatever is asked of a tier, no part of the image is shown at a larger scale.
func TestTierBoundsEveryRequest(t *testing.T) {
	for _, tier := range []authz.Tier{{Scale: 8}, {Scale: 3}, {Side: 1000}, {Scale: 2, Side: 700}, {Side: 9}} {
		t.Run(fmt.Sprintf("%+v", tier), func(t *testing.T) { tierHolds(t, tier) })
	}
}

func tierHolds(t *testing.T, tier authz.Tier) {
	s := tiered(t, tier)
	whole := tile.Image{ID: "staff/odd", Version: "v1", Format: tile.JP2, Width: 5003, Height: 3001, Levels: 4}
	s.studio.put(whole)
	var job *tile.Job
	s.studio.render = func(_ context.Context, j tile.Job) (tile.Result, error) {
		job = &j
		return painted(j), nil
	}
	width, height := tier.Size(whole.Width, whole.Height)
	answered := 0
	rapid.Check(t, func(t *rapid.T) {
		job = nil
		path := anyRequest(t, width, height)
		a := s.ask("/iiif/" + rapid.SampledFrom([]string{"2", "3"}).Draw(t, "version") + "/staff%2Fodd~reduced/" + path)
		if a.status != 200 && a.status != 400 && a.status != 501 {
			t.Fatalf("%s: %v", path, a)
		}
		if job == nil {
			return // refused, or known already
		}
		answered++
		checkScale(t, path, job.Render, whole, width, height)
	})
	if answered == 0 {
		t.Error("no request was answered")
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(s.want(200, "/iiif/3/staff%2Fodd~reduced/info.json").body), &doc); err != nil || doc["width"] != float64(width) || doc["height"] != float64(height) {
		t.Errorf("described as %v, %v", doc, err)
	}
}

// checkScale compares what is rendered with the scale of the tier.
func checkScale(t *rapid.T, path string, r iiifurl.Resolved, whole tile.Image, width, height int) {
	if r.Width*r.Height > width*height {
		t.Fatalf("%s: %d × %d pixels of a tier of %d × %d", path, r.Width, r.Height, width, height)
	}
	if r.Region.X < 0 || r.Region.Y < 0 || r.Region.W < 1 || r.Region.H < 1 || r.Region.X+r.Region.W > whole.Width || r.Region.Y+r.Region.H > whole.Height {
		t.Fatalf("%s: region %+v is not in the image", path, r.Region)
	}
	// A pixel of the answer stands for at least as much of the image as one of the tier,
	// up to the pixel to which edges are rounded.
	if r.Width*whole.Width > (r.Region.W+1)*width || r.Height*whole.Height > (r.Region.H+1)*height {
		t.Fatalf("%s: %d × %d of %+v is more than the tier's %d × %d of %d × %d", path, r.Width, r.Height, r.Region, width, height, whole.Width, whole.Height)
	}
}

// anyRequest is a request that a stubborn reader could make of an image of that size.
func anyRequest(t *rapid.T, width, height int) string {
	n := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
	region := rapid.SampledFrom([]string{"full", "square", "xywh", "xywh", "pct"}).Draw(t, "region")
	switch region {
	case "xywh":
		region = fmt.Sprintf("%d,%d,%d,%d", n("x", width), n("y", height), n("w", 6000)+1, n("h", 4000)+1)
	case "pct":
		region = fmt.Sprintf("pct:%d.%d,%d,%d.5,%d", n("x", 99), n("tenth", 9), n("y", 99), n("w", 100), n("h", 100)+1)
	}
	size := rapid.SampledFrom([]string{"max", "^max", "full", "w,", "^w,", ",h", "^,h", "w,h", "^w,h", "!w,h", "^!w,h", "pct:n", "^pct:n"}).Draw(t, "size")
	size = strings.NewReplacer(
		"pct:n", fmt.Sprintf("pct:%d", n("percent", 400)+1), "w", fmt.Sprint(n("width", 7000)+1), ",h", fmt.Sprintf(",%d", n("height", 5000)+1),
	).Replace(size)
	rotation := rapid.SampledFrom([]string{"0", "!0", "90", "22.5", "!180"}).Draw(t, "rotation")
	return region + "/" + url.PathEscape(size) + "/" + rotation + "/default.jpg"
}
