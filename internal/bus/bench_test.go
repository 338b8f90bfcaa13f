package bus

import (
	"io"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
)

func BenchmarkRender(b *testing.B) {
	for name, size := range map[string]int{"30KB": 30_000, "8MB": 8 << 20} {
		b.Run(name, func(b *testing.B) {
			e := startServer(b)
			client := NewClient(join(b, e, RoleEdge, "edge"), ClientConfig{})
			serve(b, join(b, e, RoleWorker, "worker"), rendering(noise(size)), ServerConfig{})
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				res, err := client.Render(b.Context(), tile.Job{ID: "x"})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil {
					b.Fatal(err)
				}
				_ = res.Body.Close()
			}
		})
	}
}
