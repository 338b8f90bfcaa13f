package iiif

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

var (
	colourImage = tile.Image{ID: "W", Version: "v1", Format: tile.JP2, Width: 6000, Height: 4000}
	grayImage   = tile.Image{ID: "GREY", Version: "v1", Format: tile.TIFF, Width: 1025, Height: 769, Gray: true}

	archiveTexts = Texts{
		Label: en("Sign in to Test Archive"), Heading: en("Sign in"), Note: en("Members only."), Confirm: en("Sign in"),
		FailureHeading: en("Not signed in"), FailureNote: en("Ask the reading room."), LogoutLabel: en("Sign out of Test Archive"),
	}
	staff = Auth{Base: "https://iiif.test", Name: "staff", ImageSpelling: "W", Texts: archiveTexts}
)

func describe(id string, change ...func(*Description)) Description {
	d := Description{ID: id, Image: colourImage, TileSize: 512, Formats: []string{"webp", "gif", "tif"}}
	for _, c := range change {
		c(&d)
	}
	return d
}

func guarded(d *Description) { d.Auth = &staff }

func limited(l iiifurl.Limits) func(*Description) {
	return func(d *Description) { d.Limits = l }
}

func TestInfo3Golden(t *testing.T) {
	const id = "https://iiif.test/iiif/3/W"
	golden(t, "info3-open.json", Info3(describe(id)))
	golden(t, "info3-guarded.json", Info3(describe(id, guarded)))
	golden(t, "info3-limits.json", Info3(describe(id, limited(iiifurl.Limits{MaxWidth: 3000, MaxHeight: 2000, MaxArea: 4000000}))))
}

func TestInfo2Golden(t *testing.T) {
	const id = "https://iiif.test/iiif/2/W"
	golden(t, "info2-open.json", Info2(describe(id)))
	golden(t, "info2-guarded.json", Info2(describe(id, guarded)))
	golden(t, "info2-limits.json", Info2(describe(id, limited(iiifurl.Limits{MaxWidth: 3000, MaxHeight: 2000, MaxArea: 4000000}))))
}

func TestInfo3Required(t *testing.T) {
	const id = "https://iiif.test/iiif/3/ark:%2F12025%2F654xz321"
	body := Info3(describe(id))
	doc := parse(t, body)
	must(t, bytes.HasPrefix(body, []byte(`{"@context":"http://iiif.io/api/image/3/context.json",`)), "A-200", "context first: %.80s", body)
	must(t, doc.text("id") == id, "A-201", "id %s", doc.text("id"))
	must(t, doc.text("type") == "ImageService3", "A-202", "type")
	must(t, doc.text("protocol") == "http://iiif.io/api/image", "A-203", "protocol")
	must(t, doc.text("profile") == "level2", "A-204", "profile")
	must(t, doc.number("width") == 6000 && doc.number("height") == 4000, "A-205", "size")
	must(t, !doc.has("preferredFormats"), "A-161", "preferredFormats would change what viewers ask for")
	for _, gone := range []string{"license", "attribution", "logo", "@id", "@type"} {
		must(t, !doc.has(gone), "A-217", "%s is of version 2", gone)
	}
	must(t, !doc.has("service"), "A-216", "an open image needs no service")
	must(t, bytes.Equal(body, Info3(describe(id))), "A-219", "equal arguments, other bytes")
}

func TestInfo3KeepsURLsAsTheyAre(t *testing.T) {
	const id = "https://iiif.test/iiif/3/a&b<c>ü"
	body := Info3(describe(id))
	must(t, bytes.Contains(body, []byte(`"id":"`+id+`"`)), "A-201", "id is spelled otherwise: %s", body)
}

func TestInfo3Extras(t *testing.T) {
	cases := []struct {
		id        string
		change    func(*Description)
		qualities []string
		formats   []string
		upscaling bool
	}{
		{"A-136 colour", func(*Description) {}, []string{"color", "gray", "bitonal"}, []string{"webp", "gif", "tif"}, false},
		{"A-132 gray", func(d *Description) { d.Image = grayImage }, []string{"gray", "bitonal"}, []string{"webp", "gif", "tif"}, false},
		{
			"A-214 only what exceeds the profile", func(d *Description) { d.Formats = []string{"jpg", "png", "webp"} },
			[]string{"color", "gray", "bitonal"},
			[]string{"webp"},
			false,
		},
		{
			"A-214 omitted when empty", func(d *Description) { d.Formats = []string{"jpg", "png"} },
			[]string{"color", "gray", "bitonal"},
			nil, false,
		},
		{
			"A-207 upscaling by width", limited(iiifurl.Limits{Upscaling: true, MaxWidth: 8000}),
			[]string{"color", "gray", "bitonal"},
			[]string{"webp", "gif", "tif"},
			true,
		},
		{
			"A-207 upscaling by area", limited(iiifurl.Limits{Upscaling: true, MaxArea: 1e8}),
			[]string{"color", "gray", "bitonal"},
			[]string{"webp", "gif", "tif"},
			true,
		},
		{
			"A-207 upscaling without a limit", limited(iiifurl.Limits{Upscaling: true}),
			[]string{"color", "gray", "bitonal"},
			[]string{"webp", "gif", "tif"},
			false,
		},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			doc := parse(t, Info3(describe("https://iiif.test/iiif/3/W", c.change)))
			if got := doc.texts("extraQualities"); !slices.Equal(got, c.qualities) {
				t.Errorf("extraQualities %v", got)
			}
			if has := doc.has("extraFormats"); has != (c.formats != nil) || has && !slices.Equal(doc.texts("extraFormats"), c.formats) {
				t.Errorf("extraFormats %v", doc.m["extraFormats"])
			}
			want := []string{"mirroring", "rotationArbitrary", "canonicalLinkHeader", "profileLinkHeader"}
			if c.upscaling {
				want = append(want, "sizeUpscaling")
			}
			if got := doc.texts("extraFeatures"); !slices.Equal(got, want) {
				t.Errorf("extraFeatures %v, want %v", got, want)
			}
		})
	}
}

func TestLimitsAreWrittenExactly(t *testing.T) {
	cases := []struct {
		id   string
		in   iiifurl.Limits
		want map[string]int
	}{
		{"A-206 none", iiifurl.Limits{}, map[string]int{}},
		{"A-206 width alone", iiifurl.Limits{MaxWidth: 3000}, map[string]int{"maxWidth": 3000}},
		{"A-206 area alone", iiifurl.Limits{MaxArea: 4000000}, map[string]int{"maxArea": 4000000}},
		{"A-206 all", iiifurl.Limits{MaxWidth: 3000, MaxHeight: 2000, MaxArea: 4000000}, map[string]int{"maxWidth": 3000, "maxHeight": 2000, "maxArea": 4000000}},
		{"A-206 height never alone", iiifurl.Limits{MaxHeight: 2000}, map[string]int{"maxWidth": 6000, "maxHeight": 2000}},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			three := parse(t, Info3(describe("https://iiif.test/iiif/3/W", limited(c.in))))
			two := parse(t, Info2(describe("https://iiif.test/iiif/2/W", limited(c.in))))
			extras := node{t, two.list("profile")[1].(map[string]any)}
			for _, key := range []string{"maxWidth", "maxHeight", "maxArea"} {
				want, has := c.want[key]
				if three.has(key) != has || has && three.number(key) != want {
					t.Errorf("version 3: %s is %v, want %d", key, three.m[key], want)
				}
				if extras.has(key) != has || has && extras.number(key) != want {
					t.Errorf("version 2: %s is %v, want %d", key, extras.m[key], want)
				}
				must(t, !two.has(key), "B-033", "%s belongs into the profile", key)
			}
		})
	}
}

func TestInfo2Required(t *testing.T) {
	const id = "https://iiif.test/iiif/2/W"
	body := Info2(describe(id, guarded))
	doc := parse(t, body)
	must(t, bytes.HasPrefix(body, []byte(`{"@context":"http://iiif.io/api/image/2/context.json",`)), "B-030", "context: %.80s", body)
	must(t, doc.text("@id") == id && !doc.has("id"), "B-031", "id")
	must(t, doc.text("protocol") == "http://iiif.io/api/image", "B-032", "protocol")
	must(t, doc.number("width") == 6000 && doc.number("height") == 4000, "B-032", "size")
	profile := doc.list("profile")
	must(t, len(profile) == 2 && profile[0] == "http://iiif.io/api/image/2/level2.json", "B-033", "profile %v", profile)
	for _, key := range []string{"@context", "@id", "@type"} {
		must(t, !node{t, profile[1].(map[string]any)}.has(key), "B-034", "%s in the profile", key)
	}
	must(t, bytes.Equal(body, Info2(describe(id, guarded))), "A-219", "equal arguments, other bytes")
}

func TestInfo2Extras(t *testing.T) {
	extras := func(change ...func(*Description)) node {
		doc := parse(t, Info2(describe("https://iiif.test/iiif/2/W", change...)))
		return node{t, doc.list("profile")[1].(map[string]any)}
	}
	plain := extras()
	must(t, slices.Equal(plain.texts("qualities"), []string{"color", "gray"}), "B-010", "bitonal is in level 2: %v", plain.m)
	must(t, slices.Contains(plain.texts("supports"), "regionSquare"), "B-009", "square is optional in version 2")
	must(t, !slices.Contains(plain.texts("supports"), "sizeAboveFull"), "B-035", "nothing is enlarged")
	must(t, !slices.Contains(plain.texts("supports"), "sizeUpscaling"), "B-035", "a name of version 3")

	gray := extras(func(d *Description) { d.Image, d.Formats = grayImage, nil })
	must(t, slices.Equal(gray.texts("qualities"), []string{"gray"}), "A-132", "gray image lists %v", gray.m["qualities"])
	must(t, !gray.has("formats"), "B-034", "empty lists are left out")

	up := extras(limited(iiifurl.Limits{Upscaling: true, MaxWidth: 8000}))
	must(t, slices.Contains(up.texts("supports"), "sizeAboveFull"), "B-006", "enlarging is not told")
	must(t, up.number("maxWidth") == 8000, "B-006", "enlarging without a limit")
}

func TestInfo3Services(t *testing.T) {
	doc := parse(t, Info3(describe("https://iiif.test/iiif/3/W", guarded)))
	must(t, slices.Equal(doc.texts("@context"), []string{contextAuth2, contextImage3}), "D-004", "contexts %v", doc.m["@context"])
	services := doc.nodes("service")
	must(t, len(services) == 1, "D-001", "services %v", services)
	assertProbeService(t, services[0])
}

// assertProbeService checks the rows of section D.1.
func assertProbeService(t *testing.T, probe node) {
	t.Helper()
	must(t, !probe.has("@context"), "D-004", "context inside a service")
	must(t, probe.text("type") == "AuthProbeService2", "D-010", "type %v", probe.m)
	must(t, probe.text("id") == "https://iiif.test/auth/probe/W", "D-011", "probe id %v", probe.m)
	must(t, probe.text("profile") == "http://iiif.io/api/auth/2/probe", "D-007", "profile %v", probe.m)
	must(t, probe.words("errorHeading", "en") != "" && probe.words("errorNote", "en") != "", "D-010", "error texts")

	access := probe.nodes("service")
	must(t, len(access) == 1, "D-010", "access services %v", access)
	must(t, access[0].text("type") == "AuthAccessService2" && access[0].text("profile") == "active", "D-012", "%v", access[0].m)
	for _, key := range []string{"label", "heading", "note", "confirmLabel"} {
		must(t, access[0].words(key, "en") != "", "D-013", "%s is empty", key)
	}

	inner := access[0].nodes("service")
	must(t, len(inner) == 2, "D-012", "token and logout: %v", inner)
	must(t, inner[0].text("type") == "AuthAccessTokenService2", "D-014", "%v", inner[0].m)
	must(t, inner[0].words("errorHeading", "en") != "" && inner[0].words("errorNote", "en") != "", "D-014", "error texts")
	must(t, inner[1].text("type") == "AuthLogoutService2" && inner[1].words("label", "en") != "", "D-015", "%v", inner[1].m)
	for _, s := range []node{access[0], inner[0], inner[1]} {
		must(t, strings.HasPrefix(s.text("id"), "https://iiif.test/auth/2/staff/"), "D-016", "id %s", s.text("id"))
		must(t, !strings.Contains(s.text("id"), "?"), "D-017", "query in %s", s.text("id"))
	}
}

func TestInfo2Services(t *testing.T) {
	doc := parse(t, Info2(describe("https://iiif.test/iiif/2/W", guarded)))
	services := doc.nodes("service")
	must(t, len(services) == 1, "C-010", "one cookie service: %v", services)
	must(t, services[0].text("@context") == "http://iiif.io/api/auth/1/context.json", "C-001", "own context")
	must(t, !services[0].has("@type"), "C-001", "typed in a version 2 document")
	assertCookieService(t, services[0])
}

// assertCookieService checks the rows of section C.1.
func assertCookieService(t *testing.T, cookie node) {
	t.Helper()
	must(t, cookie.text("@id") == "https://iiif.test/auth/1/staff/login", "C-002", "id %v", cookie.m)
	must(t, cookie.text("profile") == "http://iiif.io/api/auth/1/login", "C-003", "profile %v", cookie.m)
	must(t, cookie.text("label") == "Sign in to Test Archive", "C-004", "label %v", cookie.m)
	for _, key := range []string{"header", "description", "confirmLabel"} {
		must(t, cookie.text(key) != "", "C-005", "%s is empty", key)
	}
	for _, key := range []string{"failureHeader", "failureDescription"} {
		must(t, cookie.text(key) != "", "C-006", "%s is empty", key)
	}
	inner := cookie.nodes("service")
	must(t, len(inner) == 2, "C-008", "token and logout: %v", inner)
	must(t, inner[0].text("@id") == "https://iiif.test/auth/1/staff/token", "C-008", "%v", inner[0].m)
	must(t, inner[0].text("profile") == "http://iiif.io/api/auth/1/token", "C-008", "%v", inner[0].m)
	must(t, inner[1].text("@id") == "https://iiif.test/auth/1/staff/logout", "C-009", "%v", inner[1].m)
	must(t, inner[1].text("profile") == "http://iiif.io/api/auth/1/logout" && inner[1].text("label") != "", "C-009", "%v", inner[1].m)
	for _, s := range append(inner, cookie) {
		must(t, !strings.Contains(s.text("@id"), "?"), "C-002", "query in %s", s.text("@id"))
	}
}
