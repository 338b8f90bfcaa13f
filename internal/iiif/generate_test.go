package iiif

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

func pageOf(img tile.Image, auth *Auth, l iiifurl.Limits) Page {
	return Page{
		Label: img.ID, Image: img, Limits: l, Auth: auth,
		Service2: "https://iiif.test/iiif/2/" + img.ID, Service3: "https://iiif.test/iiif/3/" + img.ID,
	}
}

func atlas() Sequence {
	return Sequence{
		ID: "https://iiif.test/iiif/generated/atlas", Label: "atlas",
		Images: []Page{
			pageOf(colourImage, &staff, iiifurl.Limits{MaxArea: 128e6}),
			pageOf(tile.Image{ID: "small", Width: 200, Height: 100}, nil, iiifurl.Limits{}),
		},
	}
}

func TestGenerateGolden(t *testing.T) {
	golden(t, "generated.json", Generate(atlas()))
}

func TestGenerateShape(t *testing.T) {
	doc := parse(t, Generate(atlas()))
	must(t, slices.Equal(doc.texts("@context"), []string{contextAuth2, contextPresentation3}), "E-006", "contexts %v", doc.m["@context"])
	must(t, doc.text("type") == "Manifest" && doc.text("id") == "https://iiif.test/iiif/generated/atlas", "E-003", "%v", doc.m["id"])
	must(t, doc.words("label", "none") == "atlas", "D-006", "label %v", doc.m["label"])
	canvases := doc.nodes("items")
	must(t, len(canvases) == 2, "E-012", "denied images have their canvas: %d", len(canvases))
	for _, c := range canvases {
		annotation := c.nodes("items")[0].nodes("items")[0]
		must(t, annotation.text("motivation") == "painting" && annotation.text("target") == c.text("id"), "E-003", "%v", annotation.m)
		must(t, c.text("type") == "Canvas" && c.words("label", "none") != "", "E-003", "%v", c.m)
	}
}

func TestGenerateOpenNeedsNoAuthContext(t *testing.T) {
	m := atlas()
	m.Images = m.Images[1:]
	doc := parse(t, Generate(m))
	must(t, doc.text("@context") == contextPresentation3, "E-006", "contexts %v", doc.m["@context"])
}

func TestGenerateServices(t *testing.T) {
	canvases := parse(t, Generate(atlas())).nodes("items")
	services := func(canvas node) []node {
		annotation := canvas.nodes("items")[0].nodes("items")[0]
		return node{t, annotation.m["body"].(map[string]any)}.nodes("service")
	}
	restricted := services(canvases[0])
	must(t, len(restricted) == 2, "E-009", "both versions: %v", restricted)
	must(t, restricted[0].text("@type") == "ImageService2" && restricted[0].text("@id") == "https://iiif.test/iiif/2/W", "E-007", "%v", restricted[0].m)
	must(t, restricted[0].text("profile") == "http://iiif.io/api/image/2/level2.json", "B-033", "%v", restricted[0].m)
	must(t, restricted[1].text("type") == "ImageService3" && restricted[1].text("id") == "https://iiif.test/iiif/3/W", "E-007", "%v", restricted[1].m)
	must(t, restricted[1].text("profile") == "level2", "A-204", "%v", restricted[1].m)

	cookie := restricted[0].nodes("service")[0]
	must(t, !cookie.has("@context") && cookie.text("@type") == "AuthCookieService1", "E-003", "%v", cookie.m)
	assertCookieService(t, cookie)
	assertProbeService(t, restricted[1].nodes("service")[0])

	for _, s := range services(canvases[1]) {
		must(t, !s.has("service"), "E-001", "an open image offers a sign-in: %v", s.m)
	}
}

// What the manifest names has to be there, at the size it says, at its canonical URL.
func TestGenerateNamesAllowedSizes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDescription(t)
		p := pageOf(d.Image, nil, d.Limits)
		p.Limits.RejectOversizeBox = rapid.Bool().Draw(t, "rejectOversizeBox")
		for _, side := range []int{bodySide, thumbnailSide} {
			s := p.still(side)
			parts := strings.Split(strings.TrimPrefix(s.ID, p.Service3+"/"), "/")
			req, err := iiifurl.ParseRequest(iiifurl.V3, parts[0], parts[1], parts[2], parts[3])
			if err != nil {
				t.Fatalf("E-011: %s: %v", s.ID, err)
			}
			got, err := req.Resolve(p.Image.Source(), p.Limits)
			if err != nil {
				t.Fatalf("E-011: %s: %v", s.ID, err)
			}
			if got.Width != s.Width || got.Height != s.Height || got.Width > side || got.Height > side {
				t.Fatalf("E-011: %s says %d,%d and gives %d,%d", s.ID, s.Width, s.Height, got.Width, got.Height)
			}
			if c := p.Service3 + "/" + got.Canonical(iiifurl.V3, p.Image.Source(), p.Limits); c != s.ID {
				t.Fatalf("A-173: %s is canonically %s", s.ID, c)
			}
		}
	})
}

func TestGeneratedNeedsNoInjection(t *testing.T) {
	in := Generate(atlas())
	out, err := InjectAuth(in, func(id string, _ iiifurl.Version) *Auth {
		if strings.HasSuffix(id, "/W") {
			return &staff
		}
		return nil
	}, keep)
	if err != nil || string(out) != string(in) {
		t.Errorf("E-001: %v\n got: %s\nwant: %s", err, out, in)
	}
}

func BenchmarkInfo3(b *testing.B) {
	d := describe("https://iiif.test/iiif/3/W", guarded)
	b.ReportAllocs()
	for b.Loop() {
		Info3(d)
	}
}

func BenchmarkInjectAuth(b *testing.B) {
	m := Sequence{ID: "https://iiif.test/iiif/generated/book", Label: "book"}
	for i := range 500 {
		m.Images = append(m.Images, pageOf(tile.Image{ID: fmt.Sprintf("book%%2F%d", i), Width: 4000, Height: 6000}, nil, iiifurl.Limits{}))
	}
	in := Generate(m)
	guardAll := func(string, iiifurl.Version) *Auth { return &staff }
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, err := InjectAuth(in, guardAll, keep); err != nil {
			b.Fatal(err)
		}
	}
}
