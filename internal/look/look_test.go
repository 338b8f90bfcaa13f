package look

import (
	"bytes"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The grounds that accents are measured against are those of the style sheets.
func TestGroundsAreThoseOfTheStyle(t *testing.T) {
	token := func(css, name string) string {
		found := regexp.MustCompile(`--` + name + `: (#[0-9a-f]{6});`).FindStringSubmatch(css)
		if found == nil {
			t.Fatalf("no token %s", name)
		}
		return found[1]
	}
	for _, c := range []struct {
		css     string
		grounds []string
		on      Scheme
	}{{sheet, lightGrounds, Light}, {darkTokens, darkGrounds, Dark}} {
		raised, line := mustColour(token(c.css, "raised")), mustColour(token(c.css, "line"))
		mix := func(a, b uint8) uint8 { return uint8(0.78*float64(a) + 0.22*float64(b) + 0.5) }
		hovered := Accent{r: mix(raised.r, line.r), g: mix(raised.g, line.g), b: mix(raised.b, line.b)}
		want := []string{token(c.css, "ground"), token(c.css, "raised"), hovered.String()}
		if strings.Join(want, " ") != strings.Join(c.grounds, " ") {
			t.Errorf("the style has %v, accents are measured against %v", want, c.grounds)
		}
		own, err := ParseAccent(token(c.css, "accent"), c.on)
		if err != nil || own.on != token(c.css, "on-accent") {
			t.Errorf("our own: %v, %s", err, own.on)
		}
	}
}

// R62: colours that not everybody can read are refused, with what was measured.
func TestAccents(t *testing.T) {
	for _, c := range []struct {
		text string
		on   Scheme
		says string // "" is accepted
	}{
		{"#1f4e8c", Light, ""},
		{"#A00000", Light, ""},
		{"#000000", Light, ""},
		{"#ffcc00", Light, "#ffcc00 has a contrast of 1.38 to 1 on the ground of light pages, and text needs 4.5 to 1 (WCAG 2.1 AA); take a darker colour"},
		{"#777777", Light, "4.08 to 1"},
		{"#1f4e8c", Dark, "on the ground of dark pages"},
		{"#1f4e8c", Dark, "lighter colour"},
		{"#ffcc00", Dark, ""},
		{"1f4e8c", Light, "is no colour"},
		{"#1f4e8", Light, "is no colour"},
		{"#1f4e8g", Light, "is no colour"},
		{"#+f4e8c", Light, "is no colour"},
		{"", Light, "is no colour"},
		{"red;}", Light, "is no colour"},
	} {
		_, err := ParseAccent(c.text, c.on)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q on %s: %v", c.text, c.on, err)
		}
	}
}

// Whatever a site takes for light pages, what is made of it for dark ones can be read,
// and so can what stands on it.
func TestAccentsForDarkPages(t *testing.T) {
	tried := 0
	for r := 0; r < 256; r += 17 {
		for g := 0; g < 256; g += 17 {
			for b := 0; b < 256; b += 17 {
				a := Accent{r: uint8(r), g: uint8(g), b: uint8(b)}
				light, err := ParseAccent(a.String(), Light)
				if err != nil {
					continue
				}
				tried++
				dark := light.forDark()
				if _, err := ParseAccent(dark.String(), Dark); err != nil {
					t.Fatalf("%s becomes %s: %v", light, dark, err)
				}
				for _, x := range []Accent{light, dark} {
					on := mustColour(x.on)
					if ratio := contrast(x.luminance(), on.luminance()); ratio < needed {
						t.Fatalf("%s on %s: %.2f", x.on, x, ratio)
					}
				}
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d colours were tried", tried)
	}
	if got := mustColour("#8c1f4e").forDark(); got.String() != "#e597b9" {
		t.Errorf("got %s", got)
	}
}

func drawing(t *testing.T, width, height int) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	img.Set(0, 0, color.NRGBA{R: 200, A: 255})
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// webpLossless is a picture of one pixel.
var webpLossless = []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\r\x00\x00\x00/\x00\x00\x00\x10\a\x10\x11\x11\x88\x88\xfe\a\x00")

const svgHead = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 60">`

func TestLogos(t *testing.T) {
	wide := drawing(t, 300, 60)
	for name, c := range map[string]struct {
		body []byte
		says string // of the error; otherwise the type
	}{
		"png":         {wide, "image/png"},
		"webp":        {webpLossless, "image/webp"},
		"svg":         {[]byte(svgHead + `<path d="M0 0"/></svg>`), "image/svg+xml"},
		"svg, sized":  {[]byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="24px" height="24px"/>`), "image/svg+xml"},
		"gif":         {[]byte("GIF89a"), "neither PNG nor WebP nor SVG"},
		"nothing":     {nil, "neither PNG nor WebP nor SVG"},
		"page":        {[]byte("<!doctype html><p>x"), "neither PNG nor WebP nor SVG"},
		"page, svg":   {[]byte("<html><svg/></html>"), "has to begin with <svg xmlns="},
		"large":       {append(wide, make([]byte, maxLogo)...), "is larger than 256 KiB"},
		"cut":         {wide[:len(wide)-20], "is damaged"},
		"cut early":   {wide[:20], "is damaged"},
		"webp, cut":   {webpLossless[:20], "is damaged"},
		"many pixels": {drawing(t, 2001, 1), "more than 2000 pixels a side"},
		"script":      {[]byte(svgHead + `<script>alert(1)</script></svg>`), "has a script in it"},
		"Script":      {[]byte(svgHead + `<g><Script href="x"/></g></svg>`), "has a script in it"},
		"handler":     {[]byte(svgHead + `<g OnClick="x"/></svg>`), "has a script in it"},
		"no size":     {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "does not say how large it is"},
		"no end":      {[]byte(svgHead), "is no SVG that browsers can read"},
		"entities":    {[]byte(`<!DOCTYPE svg [<!ENTITY a "b">]>` + svgHead + `&a;</svg>`), "is no SVG that browsers can read"},
		"no space":    {[]byte(`<svg viewBox="0 0 1 1"/>`), "has to begin with <svg xmlns="},
	} {
		logo, err := NewLogo(c.body)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = logo.Type
		}
		if !strings.Contains(got, c.says) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestReadLogo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logo")
	if _, err := ReadLogo(path); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("absent: %v", err)
	}
	if err := os.WriteFile(path, drawing(t, 10, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadLogo(path); err != nil {
		t.Error(err)
	}
}

func mustLogo(t *testing.T, body []byte) *Logo {
	t.Helper()
	logo, err := NewLogo(body)
	if err != nil {
		t.Fatal(err)
	}
	return logo
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

// R62: what a site brings along is served so that it can do nothing but be looked at.
func TestServed(t *testing.T) {
	mux := http.NewServeMux()
	New(Config{Logo: mustLogo(t, []byte(svgHead+"</svg>")), LogoDark: mustLogo(t, drawing(t, 240, 60))}).Handle(mux, "/x/")
	for path, kind := range map[string]string{
		"/x/logo": "image/svg+xml", "/x/logo-dark": "image/png", "/x/icon": "image/svg+xml", "/x/tessera.css": "text/css; charset=utf-8",
	} {
		w := get(mux, path)
		h := w.Header()
		policy := h.Get("Content-Security-Policy")
		if w.Code != 200 || h.Get("Content-Type") != kind || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, w.Code, h)
		}
		if !strings.HasPrefix(policy, "default-src 'none';") || !strings.HasSuffix(policy, "sandbox") || strings.Contains(policy, "script") {
			t.Errorf("%s: %s", path, policy)
		}
	}
	plain := http.NewServeMux()
	New(Config{}).Handle(plain, "/x/")
	if w := get(plain, "/x/logo"); w.Code != 404 {
		t.Errorf("a logo that is not there: %d", w.Code)
	}
}

func brandOf(l *Look, s Scheme) string {
	return string(l.Functions("/x/")["brand"].(func(Scheme) template.HTML)(s))
}

func TestBrand(t *testing.T) {
	const evil = `A & B <i>"`
	crest, wordmark := mustLogo(t, drawing(t, 50, 60)), mustLogo(t, drawing(t, 240, 60))
	for name, c := range map[string]struct {
		config   Config
		scheme   Scheme
		has, not []string
	}{
		"ours":      {Config{}, System, []string{"<svg", "<span>Tessera</span>"}, []string{"<img"}},
		"named":     {Config{Name: evil}, System, []string{"<span>A &amp; B &lt;i&gt;&#34;</span>"}, []string{"<i>"}},
		"crest":     {Config{Name: evil, Logo: crest}, System, []string{`class="logo plate"`, `alt=""`, "<span>A &amp; B"}, nil},
		"wordmark":  {Config{Name: evil, Logo: wordmark}, System, []string{`alt="A &amp; B &lt;i&gt;&#34;"`}, []string{"<span>"}},
		"both":      {Config{Logo: crest, LogoDark: wordmark}, System, []string{"<picture>", "/x/logo-dark?v=", "/x/logo?v="}, []string{"plate"}},
		"both, on":  {Config{Logo: crest, LogoDark: wordmark}, Dark, []string{"/x/logo-dark?v="}, []string{"<picture>", "/x/logo?v="}},
		"both, off": {Config{Logo: crest, LogoDark: wordmark}, Light, []string{"/x/logo?v="}, []string{"<picture>", "/x/logo-dark?v="}},
	} {
		got := brandOf(New(c.config), c.scheme)
		for _, has := range c.has {
			if !strings.Contains(got, has) {
				t.Errorf("%s: no %s in %s", name, has, got)
			}
		}
		for _, not := range c.not {
			if strings.Contains(got, not) {
				t.Errorf("%s: %s in %s", name, not, got)
			}
		}
	}
	if l := New(Config{Logo: crest}); l.iconType != "image/png" {
		t.Errorf("a crest is no icon, but %s is", l.iconType)
	}
	if l := New(Config{Logo: wordmark}); l.iconType != "image/svg+xml" {
		t.Error("nobody can make out a wordmark in a tab")
	}
}

func TestStyle(t *testing.T) {
	accent, err := ParseAccent("#8c1f4e", Light)
	if err != nil {
		t.Fatal(err)
	}
	plain, own := New(Config{}), New(Config{Accent: accent})
	if plain.version == own.version {
		t.Error("another style has the same version")
	}
	for _, says := range []string{":root { --accent: #8c1f4e; --on-accent: #ffffff; }", "--accent: #e597b9; --on-accent: #10131a;", ":root[data-scheme=dark]", ":root:not([data-scheme=light])"} {
		if !bytes.Contains(own.style, []byte(says)) {
			t.Errorf("the style does not say %s", says)
		}
	}
	if !bytes.Contains(own.icon, []byte("#8c1f4e")) || bytes.Contains(own.icon, []byte(ownAccent)) {
		t.Error("the icon has our colour")
	}
	if opening, closing := bytes.Count(own.style, []byte("{")), bytes.Count(own.style, []byte("}")); opening != closing {
		t.Errorf("%d braces open and %d close", opening, closing)
	}
}
