package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Files that differ by extension alone are told apart by it, and reported at the start.
func TestAmbiguousNames(t *testing.T) {
	images, data := folders(t)
	writePNG(t, images+"/twice.png", gradient(40, 30))
	convert(t, images+"/twice.tif", gradient(80, 60), "")
	s := start(t, images, data, "--default-access", "open")
	s.eventually("the start names them", func() bool { return strings.Contains(s.stderr.String(), `"image":"twice"`) })
	for id, status := range map[string]int{"twice": 404, "twice.png": 200, "twice.tif": 200} {
		if a := s.get("/iiif/3/" + id + "/info.json"); a.StatusCode != status {
			t.Errorf("%s: %s", id, a.Status)
		}
	}
	if a := s.get("/iiif/3/twice.tif/info.json"); !strings.Contains(string(a.body), `"width":80`) {
		t.Errorf("twice.tif is %s", a.body)
	}
}

// A stored manifest comes as it is but for hosts and sign-in services (E-007, E-014).
func TestManifests(t *testing.T) {
	images, data := folders(t)
	writeJP2(t, images+"/closed.jp2", squares(), "-n", "5")
	writeJP2(t, images+"/open.jp2", squares(), "-n", "5")
	manifests := filepath.Join(t.TempDir(), "manifests")
	rules := filepath.Join(t.TempDir(), "rules.json")
	const layer = `{"@context": "http://iiif.io/api/search/1/context.json",   "x": [1.50, "é"]}` + "\n"
	body := func(id string) string {
		return `{"id": "https://old.example.org/iiif/2/` + id + `/full/full/0/default.jpg", "type": "Image", "service": [{"@id": "https://old.example.org/iiif/2/` + id + `", "@type": "ImageService2", "profile": "level2"}]}`
	}
	book := `{"@context": "http://iiif.io/api/presentation/3/context.json", "id": "https://old.example.org/iiif/manifests/book.json", "type": "Manifest", "items": [` +
		body("open") + ", " + body("closed") + `]}`
	for path, content := range map[string]string{
		filepath.Join(manifests, "book.json"): book, filepath.Join(manifests, "deep", "layer.json"): layer,
		rules: `{"items": [{"name": "open", "images": ["open"], "access": "open"}]}`,
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, images, data, "--manifests", manifests, "--initial-rules", rules)
	if a := s.get("/iiif/manifests/deep/layer.json"); a.StatusCode != http.StatusOK || string(a.body) != layer {
		t.Errorf("%s %q", a.Status, a.body)
	}
	got := s.get("/iiif/manifests/book.json")
	if got.StatusCode != http.StatusOK || got.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%s %v", got.Status, got.Header)
	}
	parts := strings.SplitN(string(got.body), `/iiif/2/closed"`, 2)
	switch {
	case strings.Contains(string(got.body), "old.example.org"):
		t.Errorf("the old host is left: %s", got.body)
	case len(parts) != 2 || strings.Contains(parts[0], "/auth/1/") || !strings.Contains(parts[1], "/auth/1/"):
		t.Errorf("a sign-in service at the wrong image: %s", got.body)
	}
}
