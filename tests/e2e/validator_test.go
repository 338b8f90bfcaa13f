package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"  // formats that answers are decoded from
	_ "image/jpeg" // likewise
	_ "image/png"  // likewise
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "golang.org/x/image/tiff" // likewise
)

// The community validator's cases in our own words (conformance F.3), against the
// validator's picture as JPEG 2000 and as PNG, in both versions.

type validator struct {
	*server
	prefix string // "/iiif/3/" or "/iiif/2/"
	id     string
	v3     bool
	random *rand.Rand
}

func TestValidator(t *testing.T) {
	images, data := folders(t)
	writeJP2(t, images+"/squares.jp2", squares(), "-t", "256,256", "-n", "5")
	writePNG(t, images+"/plain-squares.png", squares())
	s := start(t, images, data, "--default-access", "open", "--reject-oversize-box")
	runValidator(t, s, validatorCases)
}

// TestValidatorUpscaling: size_up, which version 2 passes where enlarging is on.
func TestValidatorUpscaling(t *testing.T) {
	images, data := folders(t)
	writeJP2(t, images+"/squares.jp2", squares(), "-t", "256,256", "-n", "5")
	writePNG(t, images+"/plain-squares.png", squares())
	s := start(t, images, data, "--default-access", "open", "--upscaling", "--max-width", "4000")
	runValidator(t, s, []validatorCase{{"size_up", "2", func(t *testing.T, v validator) {
		for range 3 {
			side := 1100 + v.random.IntN(901)
			v.scaled(t, v.sized(t, fmt.Sprintf("full/,%d/0/default.jpg", side), side, side))
		}
	}}})
}

func runValidator(t *testing.T, s *server, cases []validatorCase) {
	for _, id := range []string{"squares", "plain-squares"} {
		for _, version := range []string{"2", "3"} {
			v := validator{server: s, prefix: "/iiif/" + version + "/", id: id, v3: version == "3", random: rand.New(rand.NewPCG(7, 11))}
			for _, c := range cases {
				if c.only != "" && c.only != version {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", id, version, c.name), func(t *testing.T) {
					s.t = t
					c.run(t, v)
				})
			}
		}
	}
	s.t = t
}

func (v validator) image(t *testing.T, params string) image.Image {
	t.Helper()
	a := v.get(v.prefix + v.id + "/" + params)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s", params, a.Status, a.body)
	}
	body := a.body
	if strings.HasSuffix(params, ".webp") { // Go's decoder takes its colours for full range
		body = viaVips(t, body)
	}
	img, _, err := image.Decode(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", params, err)
	}
	return img
}

// viaVips decodes with another program than made the picture.
func viaVips(t *testing.T, body []byte) []byte {
	t.Helper()
	in, out := filepath.Join(t.TempDir(), "in.webp"), filepath.Join(t.TempDir(), "out.png")
	if err := os.WriteFile(in, body, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "vips", "copy", in, out)
	decoded, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// format checks that the bytes are of the format asked for and go by its media type.
func (v validator) format(t *testing.T, f string) {
	t.Helper()
	kinds := map[string][2]string{
		"jpg": {"image/jpeg", "\xff\xd8\xff"}, "png": {"image/png", "\x89PNG"}, "gif": {"image/gif", "GIF8"},
		"tif": {"image/tiff", "II*\x00"}, "webp": {"image/webp", "RIFF"},
	}
	a := v.get(v.prefix + v.id + "/full/" + v.max() + "/0/default." + f)
	if got := a.Header.Get("Content-Type"); got != kinds[f][0] || !bytes.HasPrefix(a.body, []byte(kinds[f][1])) {
		t.Errorf("%s: %s, %s, begins with %q", f, a.Status, got, a.body[:min(8, len(a.body))])
	}
}

func (v validator) sized(t *testing.T, params string, w, h int) image.Image {
	t.Helper()
	img := v.image(t, params)
	if got := img.Bounds().Size(); got != image.Pt(w, h) {
		t.Fatalf("%s: %v, want %d×%d", params, got, w, h)
	}
	return img
}

func (v validator) refused(t *testing.T, path string, statuses ...int) {
	t.Helper()
	a := v.get(v.prefix + path)
	for _, s := range statuses {
		if a.StatusCode == s {
			return
		}
	}
	t.Errorf("%s: %s, want %v", path, a.Status, statuses)
}

// matches tells whether the middle of a crop has the colour of a square.
func (v validator) matches(t *testing.T, img image.Image, x, y int) {
	t.Helper()
	b := img.Bounds()
	if got := img.At(b.Min.X+b.Dx()/2, b.Min.Y+b.Dy()/2); !near(got, squareColour(x, y), 6) {
		t.Errorf("square %d,%d is %v, want %v", x, y, got, squareColour(x, y))
	}
}

// scaled checks five squares of the whole picture drawn at any size.
func (v validator) scaled(t *testing.T, img image.Image) {
	t.Helper()
	b := img.Bounds()
	for range 5 {
		x, y := v.random.IntN(10), v.random.IntN(10)
		got := img.At((2*x+1)*b.Dx()/20, (2*y+1)*b.Dy()/20)
		if !near(got, squareColour(x, y), 6) {
			t.Errorf("square %d,%d is %v, want %v", x, y, got, squareColour(x, y))
		}
	}
}

// noise is what the validator sends where a parameter belongs: raw characters from
// 0 to z without ?, # and /.
func (v validator) noise(n int) string {
	var b strings.Builder
	for range n {
		c := byte(48 + v.random.IntN(75))
		if strings.IndexByte("?#/", c) >= 0 {
			c = '$'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// rotationNoise is four raw characters that are by no chance a number.
func (v validator) rotationNoise() string {
	for {
		s := v.noise(4)
		if _, err := strconv.ParseFloat(strings.TrimPrefix(s, "!"), 64); err != nil {
			return s
		}
	}
}

func corners(t *testing.T, img image.Image, want [4]color.RGBA) {
	t.Helper()
	b := img.Bounds()
	for i, p := range []image.Point{{40, 40}, {b.Dx() - 40, 40}, {b.Dx() - 40, b.Dy() - 40}, {40, b.Dy() - 40}} {
		if got := img.At(p.X, p.Y); !near(got, want[i], 6) {
			t.Errorf("corner %d is %v, want %v", i, got, want[i])
		}
	}
}

var cornerColours = [4]color.RGBA{squareColour(0, 0), squareColour(9, 0), squareColour(9, 9), squareColour(0, 9)}

func turned(n int) (c [4]color.RGBA) {
	for i := range c {
		c[i] = cornerColours[(i-n+4)%4]
	}
	return c
}

type validatorCase struct {
	name, only string
	run        func(t *testing.T, v validator)
}

var validatorCases = []validatorCase{
	{"id_basic", "", func(t *testing.T, v validator) { v.image(t, v.whole()) }},
	{"id_squares", "", func(t *testing.T, v validator) { v.scaled(t, v.sized(t, v.whole(), 1000, 1000)) }},
	{"id_escaped", "", func(t *testing.T, v validator) {
		v.refused(t, strings.ReplaceAll(v.id, "s", "%73")+"/"+v.whole(), 200)
	}},
	{"id_error_random", "", func(t *testing.T, v validator) {
		v.refused(t, "3a1f0b1e-9d7c-4a61-8e2f-6d2b9a1c0f77/"+v.whole(), 404)
	}},
	{"id_error_escapedslash", "", func(t *testing.T, v validator) { v.refused(t, "a/b/"+v.whole(), 404) }},
	{"id_error_unescaped", "", func(t *testing.T, v validator) { v.refused(t, "[frob]/"+v.whole(), 400, 404) }},
	{"info_json", "", infoJSON},
	{"region_pixels", "", func(t *testing.T, v validator) {
		for range 5 {
			x, y := v.random.IntN(10), v.random.IntN(10)
			v.matches(t, v.sized(t, fmt.Sprintf("%d,%d,74,74/%s/0/default.jpg", x*100+13, y*100+13, v.max()), 74, 74), x, y)
		}
	}},
	{"region_percent", "", func(t *testing.T, v validator) {
		for range 5 {
			x, y := v.random.IntN(10), v.random.IntN(10)
			v.matches(t, v.sized(t, fmt.Sprintf("pct:%d,%d,9,9/%s/0/default.jpg", x*10+1, y*10+1, v.max()), 90, 90), x, y)
		}
	}},
	{"region_square", "", func(t *testing.T, v validator) { v.sized(t, "square/"+v.max()+"/0/default.jpg", 1000, 1000) }},
	{"region_error_random", "", func(t *testing.T, v validator) {
		for range 20 {
			v.refused(t, v.id+"/"+v.noise(6)+"/"+v.max()+"/0/default.jpg", 400)
		}
	}},
	{"size_wc", "", func(t *testing.T, v validator) { v.scaled(t, v.sized(t, "full/531,/0/default.jpg", 531, 531)) }},
	{"size_ch", "", func(t *testing.T, v validator) { v.scaled(t, v.sized(t, "full/,677/0/default.jpg", 677, 677)) }},
	{"size_wh", "", func(t *testing.T, v validator) { v.scaled(t, v.sized(t, "full/700,412/0/default.jpg", 700, 412)) }},
	{"size_percent", "", func(t *testing.T, v validator) { v.scaled(t, v.sized(t, "full/pct:63/0/default.jpg", 630, 630)) }},
	{"size_bwh", "", func(t *testing.T, v validator) { v.scaled(t, v.sized(t, "full/!700,412/0/default.jpg", 412, 412)) }},
	{"size_region", "", func(t *testing.T, v validator) {
		for range 5 {
			x, y, n := v.random.IntN(10), v.random.IntN(10), 35+v.random.IntN(56)
			v.matches(t, v.sized(t, fmt.Sprintf("%d,%d,100,100/%d,%d/0/default.jpg", x*100, y*100, n, n), n, n), x, y)
		}
	}},
	{"size_error_random", "", func(t *testing.T, v validator) {
		for range 20 {
			v.refused(t, v.id+"/full/"+v.noise(6)+"/0/default.jpg", 400)
		}
	}},
	{"size_nofull", "3", func(t *testing.T, v validator) { v.refused(t, v.id+"/full/full/0/default.jpg", 400) }},
	{"size_noup", "3", func(t *testing.T, v validator) {
		for _, size := range []string{"1200,1300", ",1500", "1999,", "pct:200", "!2000,3000"} {
			v.refused(t, v.id+"/full/"+size+"/0/default.jpg", 400)
		}
	}},
	{"rot_error_random", "", func(t *testing.T, v validator) {
		for range 20 {
			v.refused(t, v.id+"/full/"+v.max()+"/"+v.rotationNoise()+"/default.jpg", 400)
		}
	}},
	{"rot_full_basic", "", func(t *testing.T, v validator) {
		for i, degrees := range []string{"90", "180", "270"} {
			corners(t, v.sized(t, "full/"+v.max()+"/"+degrees+"/default.jpg", 1000, 1000), turned(i+1))
		}
	}},
	{"rot_region_basic", "", func(t *testing.T, v validator) {
		v.matches(t, v.sized(t, "312,412,76,76/"+v.max()+"/180/default.jpg", 76, 76), 3, 4)
	}},
	{"rot_full_non90", "", func(t *testing.T, v validator) { v.sized(t, "full/"+v.max()+"/45/default.jpg", 1414, 1414) }},
	{"rot_region_non90", "", func(t *testing.T, v validator) {
		v.matches(t, v.image(t, "500,500,100,100/"+v.max()+"/33/default.jpg"), 5, 5)
	}},
	{"rot_mirror", "", func(t *testing.T, v validator) {
		c := cornerColours
		corners(t, v.image(t, "full/"+v.max()+"/!0/default.jpg"), [4]color.RGBA{c[1], c[0], c[3], c[2]})
	}},
	{"rot_mirror_180", "", func(t *testing.T, v validator) {
		c := cornerColours
		corners(t, v.image(t, "full/"+v.max()+"/!180/default.jpg"), [4]color.RGBA{c[3], c[2], c[1], c[0]})
	}},
	{"quality_error_random", "", func(t *testing.T, v validator) {
		for range 20 {
			v.refused(t, v.id+"/full/"+v.max()+"/0/"+v.noise(6)+".jpg", 400)
		}
	}},
	{"quality_color", "", func(t *testing.T, v validator) {
		v.scaled(t, v.image(t, "full/"+v.max()+"/0/color.jpg"))
	}},
	{"quality_grey", "", func(t *testing.T, v validator) {
		if img := v.image(t, "full/"+v.max()+"/0/gray.jpg"); img.ColorModel() != color.GrayModel {
			t.Errorf("gray is %T", img)
		}
	}},
	{"quality_bitonal", "", func(t *testing.T, v validator) {
		for format, tolerance := range map[string]uint8{"png": 0, "jpg": 2} {
			img := v.image(t, "full/"+v.max()+"/0/bitonal."+format)
			if format == "jpg" && img.ColorModel() != color.GrayModel {
				t.Errorf("bitonal is %T", img)
			}
			for y := 50; y < 1000; y += 100 {
				for x := 50; x < 1000; x += 100 {
					if g := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y; g > tolerance && g < 255-tolerance {
						t.Fatalf("bitonal %s has %d", format, g)
					}
				}
			}
		}
	}},
	{"format_error_random", "", func(t *testing.T, v validator) {
		for _, f := range []string{"bmp", "xyz", "j0g", "jpeg"} {
			v.refused(t, v.id+"/full/"+v.max()+"/0/default."+f, 400)
		}
	}},
	{"format_all", "", func(t *testing.T, v validator) {
		for _, f := range []string{"jpg", "png", "gif", "tif", "webp"} {
			v.format(t, f)
			if f == "gif" { // 256 colours cannot match 100 exactly within 6; the size and the decoder do
				v.sized(t, "full/"+v.max()+"/0/default.gif", 1000, 1000)
				continue
			}
			v.scaled(t, v.sized(t, "full/"+v.max()+"/0/default."+f, 1000, 1000))
		}
	}},
	{"baseurl_redirect", "", func(t *testing.T, v validator) {
		a := v.get(v.prefix + v.id)
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != v.url+v.prefix+v.id+"/info.json" {
			t.Errorf("%s to %s", a.Status, a.Header.Get("Location"))
		}
	}},
	{"cors", "", func(t *testing.T, v validator) {
		if got := v.get(v.prefix+v.id+"/info.json", "Origin", "http://iiif.io/").Header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%q", got)
		}
	}},
	{"jsonld", "", func(t *testing.T, v validator) {
		if got := v.get(v.prefix+v.id+"/info.json", "Accept", "application/ld+json").Header.Get("Content-Type"); !strings.HasPrefix(got, "application/ld+json") {
			t.Errorf("%q", got)
		}
	}},
	{"linkheader", "", func(t *testing.T, v validator) {
		link := v.get(v.prefix + v.id + "/full/500,/0/default.jpg").Header.Values("Link")
		want := map[bool]string{true: "http://iiif.io/api/image/3/level2.json", false: "http://iiif.io/api/image/2/level2.json"}[v.v3]
		if len(link) != 1 || !strings.Contains(link[0], "<"+want+`>;rel="profile"`) || !strings.Contains(link[0], `;rel="canonical"`) {
			t.Errorf("%q", link)
		}
	}},
}

func (v validator) max() string {
	if v.v3 {
		return "max"
	}
	return "full"
}

func (v validator) whole() string { return "full/" + v.max() + "/0/default.jpg" }

func infoJSON(t *testing.T, v validator) {
	a := v.get(v.prefix + v.id + "/info.json")
	var doc map[string]any
	if err := json.Unmarshal(a.body, &doc); err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", a.Status, err)
	}
	key, context, profile := "@id", "http://iiif.io/api/image/2/context.json", any(nil)
	if v.v3 {
		key, context, profile = "id", "http://iiif.io/api/image/3/context.json", "level2"
		if doc["type"] != "ImageService3" || doc["profile"] != profile {
			t.Errorf("type %v, profile %v", doc["type"], doc["profile"])
		}
	} else if list, ok := doc["profile"].([]any); !ok || list[0] != "http://iiif.io/api/image/2/level2.json" {
		t.Errorf("profile %v", doc["profile"])
	}
	if doc[key] != v.url+v.prefix+v.id || doc["@context"] != context || doc["protocol"] != "http://iiif.io/api/image" {
		t.Errorf("%v %v %v", doc[key], doc["@context"], doc["protocol"])
	}
	if doc["width"] != 1000.0 || doc["height"] != 1000.0 {
		t.Errorf("%v×%v", doc["width"], doc["height"])
	}
	if !v.v3 {
		return
	}
	for key, list := range map[string]string{"sizes": "width height", "tiles": "width"} {
		for _, entry := range doc[key].([]any) {
			for _, name := range strings.Fields(list) {
				if n, ok := entry.(map[string]any)[name].(float64); !ok || n < 1 || n != float64(int(n)) {
					t.Errorf("%s: %v", key, entry)
				}
			}
		}
	}
	for _, entry := range doc["tiles"].([]any) {
		factors, ok := entry.(map[string]any)["scaleFactors"].([]any)
		if !ok || len(factors) == 0 || factors[0] != 1.0 {
			t.Errorf("scaleFactors: %v", entry)
		}
	}
	for _, key := range []string{"extraQualities", "extraFormats", "extraFeatures"} {
		list, ok := doc[key].([]any)
		for _, entry := range list {
			_, text := entry.(string)
			ok = ok && text
		}
		if !ok {
			t.Errorf("%s: %v", key, doc[key])
		}
	}
}

// TestValidatorServices: F-10 of what stands in service: a list of objects with id and
// type, old names or new, and labels by language.
func TestValidatorServices(t *testing.T) {
	images, data := folders(t)
	writePNG(t, images+"/locked.png", squares())
	s := start(t, images, data, "--default-access", "login")
	var doc struct {
		Service []map[string]any `json:"service"`
	}
	a := s.get("/iiif/3/locked/info.json")
	if err := json.Unmarshal(a.body, &doc); err != nil || len(doc.Service) == 0 {
		t.Fatalf("%s: %v: %s", a.Status, err, a.body)
	}
	var check func(service map[string]any)
	check = func(service map[string]any) {
		_, id := service["id"].(string)
		_, kind := service["type"].(string)
		if !id || !kind {
			t.Errorf("service without id or type: %v", service)
		}
		if label, ok := service["label"]; ok {
			if _, ok := label.(map[string]any); !ok {
				t.Errorf("label %v is no map of languages", label)
			}
		}
		nested, _ := service["service"].([]any)
		for _, n := range nested {
			check(n.(map[string]any))
		}
	}
	for _, service := range doc.Service {
		check(service)
	}
}
