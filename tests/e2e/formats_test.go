package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
)

// Every kind of source answers with right pixels.
func TestSources(t *testing.T) {
	images, data := folders(t)
	big := gradient(1025, 769) // ODD of the conformance fixtures
	gray := image.NewGray(big.Rect)
	alpha := image.NewNRGBA(big.Rect)
	deep := image.NewRGBA64(big.Rect)
	for y := range 769 {
		for x := range 1025 {
			c := big.RGBAAt(x, y)
			gray.SetGray(x, y, color.Gray{Y: c.R})
			alpha.SetNRGBA(x, y, color.NRGBA{R: c.R, G: c.G, B: c.B, A: 255})
			deep.SetRGBA64(x, y, color.RGBA64{R: uint16(c.R) * 257, G: uint16(c.G) * 257, B: uint16(c.B) * 257, A: 65535})
		}
	}
	writeJP2(t, images+"/untiled.jp2", big)
	writeJP2(t, images+"/tiled.jp2", big, "-t", "256,256", "-p", "RPCL", "-n", "4")
	writeJP2(t, images+"/lossy.jp2", big, "-I", "-r", "4")
	writeJP2(t, images+"/bare.j2k", big)
	writeJP2(t, images+"/layers.jp2", big, "-r", "20,10,1", "-p", "LRCP", "-SOP", "-EPH")
	writeJP2(t, images+"/gray-jp2.jp2", gray)
	writeJP2(t, images+"/alpha-jp2.jp2", alpha)
	writeJP2(t, images+"/deep-jp2.jp2", deep)
	writePNG(t, images+"/plain.png", big)
	writePNG(t, images+"/gray.png", gray)
	writePNG(t, images+"/deep.png", deep)
	convert(t, images+"/strips.tif", big, "")
	convert(t, images+"/pyramid.tif", big, "[tile,pyramid,tile-width=256,tile-height=256]")
	convert(t, images+"/subifd.tif", big, "[tile,pyramid,subifd,tile-width=256,tile-height=256]")
	convert(t, images+"/photo.jpg", big, "[Q=95]")
	convert(t, images+"/web.webp", big, "[Q=95]")
	s := start(t, images, data, "--default-access", "open")

	for _, id := range []string{
		"untiled", "tiled", "lossy", "bare", "layers", "gray-jp2", "alpha-jp2", "deep-jp2",
		"plain", "gray", "deep", "strips", "pyramid", "subifd", "photo", "web",
	} {
		t.Run(id, func(t *testing.T) {
			s.t = t
			isGray := strings.HasPrefix(id, "gray")
			check := func(params string, w, h int, at func(x, y int) (sx, sy int)) {
				t.Helper()
				a := s.get("/iiif/3/" + id + "/" + params)
				img, _, err := image.Decode(bytes.NewReader(a.body))
				if err != nil || a.StatusCode != http.StatusOK {
					t.Fatalf("%s: %s: %v %.80s", params, a.Status, err, a.body)
				}
				if img.Bounds().Size() != image.Pt(w, h) {
					t.Fatalf("%s: %v, want %d×%d", params, img.Bounds().Size(), w, h)
				}
				for _, p := range []image.Point{{w / 4, h / 4}, {w / 2, h / 2}, {w * 3 / 4, h * 2 / 3}} {
					sx, sy := at(p.X, p.Y)
					want := big.RGBAAt(min(sx, 1024), min(sy, 768))
					if isGray {
						want = color.RGBA{want.R, want.R, want.R, 255}
					}
					if got := img.At(p.X, p.Y); !near(got, want, 8) {
						t.Errorf("%s: at %v %v, want %v", params, p, got, want)
					}
				}
			}
			check("full/max/0/default.png", 1025, 769, func(x, y int) (int, int) { return x, y })
			check("512,256,256,256/256,256/0/default.jpg", 256, 256, func(x, y int) (int, int) { return 512 + x, 256 + y })
			check("1024,0,1,769/1,193/0/default.png", 1, 193, func(_, y int) (int, int) { return 1024, y * 4 })
			check("full/513,385/0/default.jpg", 513, 385, func(x, y int) (int, int) { return x * 2, y * 2 })
			check("full/129,97/0/default.jpg", 129, 97, func(x, y int) (int, int) { return x * 8, y * 8 })
			check("100,100,300,200/150,100/90/default.png", 100, 150, func(x, y int) (int, int) { return 100 + 2*y, 100 + 2*(99-x) })
		})
	}
	s.t = t
}

// An image that is damaged, or not what its name says, is an error of its own: a
// healthy one beside it goes on, and the log names the broken one.
func TestBrokenImages(t *testing.T) {
	images, data := folders(t)
	writeJP2(t, images+"/good.jp2", squares(), "-t", "256,256", "-n", "5")
	whole, err := os.ReadFile(images + "/good.jp2")
	if err != nil {
		t.Fatal(err)
	}
	broken := map[string][]byte{
		"truncated.jp2": whole[:len(whole)/2], "empty.jp2": nil, "text.jp2": []byte("not an image"),
		"svg.png": []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>`), "head.tif": []byte("II*\x00\x08\x00\x00\x00"),
	}
	for name, body := range broken {
		if err := os.WriteFile(images+"/"+name, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, images, data, "--default-access", "open")
	for name := range broken {
		id, _, _ := strings.Cut(name, ".")
		a := s.get("/iiif/3/" + id + "/700,700,300,300/max/0/default.jpg")
		if a.StatusCode != http.StatusInternalServerError || len(a.body) == 0 || bytes.Contains(a.body, []byte(images)) {
			t.Errorf("%s: %s %q", name, a.Status, a.body)
		}
		s.eventually("the log names "+id, func() bool { return strings.Contains(s.stderr.String(), id) })
		if a := s.get(fmt.Sprintf("/iiif/3/good/%d,0,100,100/max/0/default.jpg", len(name))); a.StatusCode != http.StatusOK {
			t.Errorf("beside %s the good image answers %s", name, a.Status)
		}
	}
}

// 100 megapixels as PNG arrive whole, with the limits as they come (R19).
func TestHundredMegapixels(t *testing.T) {
	images, data := folders(t)
	const w, h = 10_240, 9_800
	pattern := image.NewGray(image.Rect(0, 0, w, h))
	for i := range pattern.Pix {
		pattern.Pix[i] = byte(i%w/40 ^ i/w/40)
	}
	writeJP2(t, images+"/large.jp2", pattern, "-t", "1024,1024", "-n", "6", "-threads", "2")
	s := start(t, images, data, "--default-access", "open")
	a := s.get("/iiif/3/large/full/max/0/default.png")
	if a.StatusCode != http.StatusOK || int64(len(a.body)) != a.ContentLength || a.ContentLength < 1<<20 {
		t.Fatalf("%s, %d of %d bytes", a.Status, len(a.body), a.ContentLength)
	}
	img, err := png.Decode(bytes.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	got, ok := img.(*image.Gray)
	if !ok || !bytes.Equal(got.Pix, pattern.Pix) {
		t.Errorf("a picture of %v as %T differs from its source", img.Bounds(), img)
	}
}

// A large answer arrives whole over the chunked bus (R19).
func TestLargeAnswer(t *testing.T) {
	images, data := folders(t)
	const w, h = 3000, 2000
	static := image.NewRGBA(image.Rect(0, 0, w, h)) // noise does not compress
	random := rand.New(rand.NewPCG(3, 5))
	for i := range static.Pix {
		static.Pix[i] = byte(random.Uint32()) | byte(i&3/3*255) // opaque
	}
	writeJP2(t, images+"/large.jp2", static, "-t", "1024,1024", "-n", "6")
	s := start(t, images, data, "--default-access", "open")
	a := s.get("/iiif/3/large/full/max/0/default.png")
	if a.StatusCode != http.StatusOK || int64(len(a.body)) != a.ContentLength || len(a.body) < w*h*3 {
		t.Fatalf("%s, %d of %d bytes", a.Status, len(a.body), a.ContentLength)
	}
	img, _, err := image.Decode(bytes.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		x, y := random.IntN(w), random.IntN(h)
		if got, want := img.At(x, y), static.RGBAAt(x, y); !near(got, want, 0) {
			t.Fatalf("at %d,%d %v, want %v", x, y, got, want)
		}
	}
}
