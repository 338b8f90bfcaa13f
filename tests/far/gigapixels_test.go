package far

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
)

// TestTenGigapixels: an image of 10 gigapixels in 9,604 tiles is shown at all resolutions, in
// the memory that any other takes.
func TestTenGigapixels(t *testing.T) {
	const most = 500 << 20
	rng := rand.New(rand.NewPCG(10, 1))
	var at []block
	for range 12 {
		at = append(at, block{rng.IntN(giantTiles/blockAcross) * blockAcross, rng.IntN(giantTiles/blockAcross) * blockAcross})
	}
	images := t.TempDir()
	s := compressed(t, 2*giantSide, lossy+" -PLT")
	m := mosaic{sample: s, columns: giantTiles, rows: giantTiles, tile: giantSide, told: true, full: within(at)}
	t.Logf("%d bytes, %d×%d pixels", m.write(t, filepath.Join(images, "a.j2k")), m.width(), m.height())

	server := serve(t, images)
	var d struct {
		Sizes []struct{ Width, Height int }
		Tiles []struct {
			Width        int
			ScaleFactors []int `json:"scaleFactors"`
		}
	}
	if err := json.Unmarshal(server.get(t, "/iiif/3/a/info.json"), &d); err != nil || len(d.Tiles) == 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	for _, size := range d.Sizes {
		if size.Width > m.width()>>6 { // of which more would have to be decoded than lower resolutions
			break
		}
		server.shown(t, fmt.Sprintf("full/%d,%d", size.Width, size.Height), size.Width, size.Height)
	}
	for _, factor := range d.Tiles[0].ScaleFactors {
		span := d.Tiles[0].Width * factor
		for range 3 {
			x, y := rng.IntN(m.width()/span+1)*span, rng.IntN(m.height()/span+1)*span
			if factor <= blockAcross*giantSide/256 { // of which not all is in the file
				b := at[rng.IntN(len(at))]
				n := blockAcross * giantSide / span
				x, y = b.column*giantSide+rng.IntN(n)*span, b.row*giantSide+rng.IntN(n)*span
			}
			w, h := min(span, m.width()-x), min(span, m.height()-y)
			if w <= 0 || h <= 0 {
				continue
			}
			pw, ph := (w+factor-1)/factor, (h+factor-1)/factor
			server.shown(t, fmt.Sprintf("%d,%d,%d,%d/%d,%d", x, y, w, h, pw, ph), pw, ph)
		}
	}
	t.Logf("memory: %d MB at most", server.most.Load()>>20)
	if server.most.Load() > most {
		t.Errorf("more than %d MB", most>>20)
	}
}

// shown asks for a picture of this size.
func (s *served) shown(t *testing.T, what string, width, height int) {
	t.Helper()
	began := time.Now()
	body := s.get(t, "/iiif/3/a/"+what+"/0/default.jpg")
	took := time.Since(began)
	c, err := jpeg.DecodeConfig(bytes.NewReader(body))
	if err != nil || c.Width != width || c.Height != height {
		t.Errorf("%s: %+v, %v", what, c, err)
	}
	t.Logf("%-40s %7d bytes in %v; %d MB at most, %d of the server's own", what, len(body), took.Round(time.Millisecond), s.most.Load()>>20, s.own.Load()>>20)
}
