package worker

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
)

// program builds the decoder child once for all tests here.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "tessera-decoder")
	build := exec.Command("go", "build", "-o", path, "../cmd/tessera-decoder")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the decoder: %w\n%s", err, out)
	}
	return path, nil
})

// realPlace is a place with real decoders and a result cache.
func realPlace(t *testing.T) *place {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := decoder.Start(t.Context(), decoder.Config{Path: path, Processes: 2, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close(context.Background()) })
	return newPlace(t, withResults(t), func(c *Config) { c.Decoders = pool })
}

// gradient is a picture whose colours tell where a pixel comes from.
func gradient(width, height int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x * 255 / width), uint8(y * 255 / height), 128, 255})
		}
	}
	return img
}

func encodePNG(t *testing.T, img image.Image) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (p *place) request(id, format string, region iiifurl.Rect, width, height int) tile.Job {
	p.t.Helper()
	info, err := p.Info(context.Background(), id)
	if err != nil {
		p.t.Fatalf("Info(%q) = %v", id, err)
	}
	return tile.Job{ID: id, Version: info.Version, JPEGQuality: 95, Render: iiifurl.Resolved{
		Region: region, Width: width, Height: height, Quality: iiifurl.Default, Format: format,
	}}
}

func (p *place) rendered(job tile.Job) string {
	p.t.Helper()
	res, err := p.Render(context.Background(), job)
	if err != nil {
		p.t.Fatalf("Render(%+v) = %v", job, err)
	}
	if res.Type != tile.MediaTypes[job.Render.Format] {
		p.t.Errorf("type %q for %q", res.Type, job.Render.Format)
	}
	return read(p.t, res)
}

// TestRealDecoders takes an image all the way: a PNG becomes a JPEG 2000 file, which is
// served in tiles.
func TestRealDecoders(t *testing.T) {
	p := realPlace(t)
	t.Run("tiles", func(t *testing.T) { realTiles(t, p) })
	t.Run("large", func(t *testing.T) { realLarge(t, p) })
	t.Run("damaged", func(t *testing.T) { realDamaged(t, p) })
}

func realTiles(t *testing.T, p *place) {
	p.put("flat.png", encodePNG(t, gradient(1200, 900)))
	whole := p.request("flat", "jp2", iiifurl.Rect{W: 1200, H: 900}, 1200, 900)
	p.put("maps/served.jp2", p.rendered(whole))
	info, err := p.Info(t.Context(), "maps/served")
	if err != nil || info.Format != tile.JP2 || info.Width != 1200 || info.Height != 900 || info.Levels < 3 || info.Bits != 8 || info.Gray || info.Alpha {
		t.Fatalf("Info = %+v, %v", info, err)
	}
	for _, region := range []iiifurl.Rect{{X: 256, Y: 256, W: 512, H: 512}, {W: 1200, H: 900}, {X: 1100, Y: 800, W: 100, H: 100}} {
		width, height := region.W/2, region.H/2
		job := p.request("maps/served.jp2", "jpg", region, width, height)
		img, err := jpeg.Decode(bytes.NewReader([]byte(p.rendered(job))))
		if err != nil || img.Bounds() != image.Rect(0, 0, width, height) {
			t.Fatalf("%+v: %v, %v", region, err, img.Bounds())
		}
		wantGradient(t, img, region)
		if res, err := p.Render(t.Context(), job); err != nil || res.Cache != tile.FromWorker {
			t.Errorf("again: %v, from %q", err, res.Cache)
		}
	}
}

// wantGradient compares the middle of a picture with the gradient's.
func wantGradient(t *testing.T, img image.Image, region iiifurl.Rect) {
	t.Helper()
	r, g, _, _ := img.At(img.Bounds().Dx()/2, img.Bounds().Dy()/2).RGBA()
	x, y := region.X+region.W/2, region.Y+region.H/2
	if far(int(r>>8), x*255/1200) || far(int(g>>8), y*255/900) {
		t.Errorf("%+v: middle is %d, %d; want %d, %d", region, r>>8, g>>8, x*255/1200, y*255/900)
	}
}

func far(a, b int) bool { return max(a-b, b-a) > 6 }

// A result that does not fit into memory is one file, which joined readers share and
// the cache gives back whole.
func realLarge(t *testing.T, p *place) {
	noise := image.NewNRGBA(image.Rect(0, 0, 200, 200))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise.Pix {
		noise.Pix[i] = byte(random.Uint32()) | 0xFF*byte(i%4/3)
	}
	p.put("noise.png", encodePNG(t, noise))
	job := p.request("noise", "png", iiifurl.Rect{W: 200, H: 200}, 1600, 1600)
	decodes := p.Stats().Decodes
	bodies := make([]string, 5)
	var group sync.WaitGroup
	for i := range bodies {
		group.Go(func() {
			res, err := p.Render(t.Context(), job)
			if err != nil {
				t.Error(err)
				return
			}
			bodies[i] = read(t, res)
		})
	}
	group.Wait()
	p.saver.close()
	bodies = append(bodies, p.rendered(job))
	if n := p.Stats().Decodes - decodes; n != 1 {
		t.Errorf("%d decodes; want 1", n)
	}
	for i, body := range bodies {
		if body != bodies[0] || len(body) <= memoryBody {
			t.Fatalf("body %d has %d bytes, the first %d", i, len(body), len(bodies[0]))
		}
	}
	if c, err := png.DecodeConfig(bytes.NewReader([]byte(bodies[0]))); err != nil || c.Width != 1600 || c.Height != 1600 {
		t.Errorf("%d×%d, %v", c.Width, c.Height, err)
	}
}

// R7: a file cut short is refused, wherever the cut is; and other images are unharmed.
func realDamaged(t *testing.T, p *place) {
	whole, err := os.ReadFile(filepath.Join(p.root, "maps/served.jp2"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []int{10, 3, 2} {
		id := fmt.Sprintf("cut-%d", part)
		p.put(id+".jp2", string(whole[:len(whole)-len(whole)/part]))
		o, err := p.source.Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		job := tile.Job{ID: id, Version: o.Version, JPEGQuality: 80, Render: iiifurl.Resolved{
			Region: iiifurl.Rect{X: 900, Y: 600, W: 256, H: 256}, Width: 256, Height: 256, Quality: iiifurl.Default, Format: "jpg",
		}}
		res, err := p.Render(t.Context(), job)
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
		}
		wantCode(t, err, tile.Broken)
	}
	job := p.request("maps/served", "png", iiifurl.Rect{X: 256, Y: 256, W: 256, H: 256}, 256, 256)
	p.rendered(job)
	if s := p.Stats(); s.Quarantined != 0 || s.Running != 0 {
		t.Errorf("stats %+v", s)
	}
}
