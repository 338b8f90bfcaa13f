package decoder

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"io"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

func body(t testing.TB, out Output) []byte {
	t.Helper()
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(data)) != out.Size {
		t.Fatalf("body of %d bytes, size says %d", len(data), out.Size)
	}
	return data
}

func TestRenderTile(t *testing.T) {
	p := startPool(t, Config{})
	out, err := p.Render(t.Context(), aTile(openFile(t, tiledJP2(t))))
	if err != nil {
		t.Fatal(err)
	}
	if out.Type != "image/jpeg" || out.Decode <= 0 || out.Encode <= 0 {
		t.Errorf("output %+v", out)
	}
	im, err := jpeg.Decode(bytes.NewReader(body(t, out)))
	if err != nil {
		t.Fatal(err)
	}
	ycc, ok := im.(*image.YCbCr)
	if !ok || im.Bounds() != image.Rect(0, 0, 256, 256) || ycc.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		t.Errorf("%T of %v", im, im.Bounds())
	}
}

func TestRenderStream(t *testing.T) {
	p := startPool(t, Config{})
	path := decodertest.Compress(t, decodertest.WritePNG(t, decodertest.Texture(300, 200)), ".j2k")
	task := aTile(nil)
	task.Stream, task.Format = decodertest.Read(t, path), tile.J2K
	task.Region, task.Width, task.Height = iiifurl.Rect{W: 300, H: 200}, 300, 200
	out, err := p.Render(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if len(body(t, out)) == 0 {
		t.Error("no bytes")
	}
}

func BenchmarkTile(b *testing.B) {
	p := startPool(b, Config{})
	f := openFile(b, decodertest.JP2(b, decodertest.Texture(4096, 4096), "-t", "1024,1024", "-n", "6", "-r", "10", "-I"))
	ctx := context.Background()
	var wall, inside int64
	n := 0
	for b.Loop() {
		task := aTile(f)
		task.Region.X, task.Region.Y = n*7%15*256, n%15*256
		out, err := p.Render(ctx, task)
		if err != nil {
			b.Fatal(err)
		}
		_ = out.Body.Close()
		inside += int64(out.Decode + out.Encode)
		n++
	}
	wall = int64(b.Elapsed())
	b.ReportMetric(float64(inside)/float64(n)/1e6, "ms-in-child/op")
	b.ReportMetric(float64(wall-inside)/float64(n)/1e6, "ms-overhead/op")
}

// BenchmarkOverhead is a task with next to nothing to decode: what a child costs.
func BenchmarkOverhead(b *testing.B) {
	p := startPool(b, Config{})
	task := aTile(openFile(b, decodertest.JP2(b, decodertest.Texture(16, 16), "-n", "1")))
	task.Region, task.Width, task.Height = iiifurl.Rect{W: 16, H: 16}, 16, 16
	for b.Loop() {
		out, err := p.Render(b.Context(), task)
		if err != nil {
			b.Fatal(err)
		}
		_ = out.Body.Close()
	}
}
