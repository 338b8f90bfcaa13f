package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"net/http"
	"testing"
)

// description is what info.json promises.
type description struct {
	Width, Height int
	Sizes         []struct{ Width, Height int }
	Tiles         []struct {
		Width        int
		ScaleFactors []int
	}
}

// TestAdvertised; every size and every tile of the coarser levels is as
// large as it was promised to be, through plan, decoder and encoder.
func TestAdvertised(t *testing.T) {
	images, data := folders(t)
	odd := gradient(1025, 769)
	writeJP2(t, images+"/untiled.jp2", odd)
	writeJP2(t, images+"/tiled.jp2", odd, "-t", "256,256", "-n", "4")
	writeJP2(t, images+"/levels.jp2", odd, "-n", "2")
	writePNG(t, images+"/plain.png", odd)
	writePNG(t, images+"/long.png", gradient(3001, 7))
	convert(t, images+"/pyramid.tif", odd, "[tile,pyramid,tile-width=256,tile-height=256]")
	convert(t, images+"/photo.jpg", odd, "[Q=90]")
	s := start(t, images, data, "--default-access", "open", "--tile-size", "256")
	for _, id := range []string{"untiled", "tiled", "levels", "plain", "long", "pyramid", "photo"} {
		t.Run(id, func(t *testing.T) {
			s.t = t
			var d description
			if err := json.Unmarshal(s.get("/iiif/3/"+id+"/info.json").body, &d); err != nil || len(d.Sizes) == 0 || len(d.Tiles) != 1 {
				t.Fatalf("%v: %+v", err, d)
			}
			for _, size := range d.Sizes {
				for _, path := range []string{"/iiif/3/%s/full/%d,%d/0/default.jpg", "/iiif/2/%s/full/%d,%d/0/default.jpg"} {
					exactly(t, s, fmt.Sprintf(path, id, size.Width, size.Height), size.Width, size.Height)
				}
				exactly(t, s, fmt.Sprintf("/iiif/2/%s/full/%d,/0/default.jpg", id, size.Width), size.Width, size.Height)
			}
			for _, factor := range d.Tiles[0].ScaleFactors {
				tilesOf(t, s, id, d, factor)
			}
		})
	}
	s.t = t
}

// tilesOf asks for the tiles of one level as viewers do.
func tilesOf(t *testing.T, s *server, id string, d description, factor int) {
	t.Helper()
	span := d.Tiles[0].Width * factor
	for y := 0; y < d.Height; y += span {
		for x := 0; x < d.Width; x += span {
			w, h := min(span, d.Width-x), min(span, d.Height-y)
			tw, th := (w+factor-1)/factor, (h+factor-1)/factor
			exactly(t, s, fmt.Sprintf("/iiif/3/%s/%d,%d,%d,%d/%d,%d/0/default.jpg", id, x, y, w, h, tw, th), tw, th)
		}
	}
}

func exactly(t *testing.T, s *server, path string, w, h int) {
	t.Helper()
	a := s.get(path)
	config, _, err := image.DecodeConfig(bytes.NewReader(a.body))
	if err != nil || a.StatusCode != http.StatusOK || config.Width != w || config.Height != h {
		t.Errorf("%s: %s, %d×%d, %v; want %d×%d", path, a.Status, config.Width, config.Height, err, w, h)
	}
}
