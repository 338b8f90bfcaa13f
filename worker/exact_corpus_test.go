//go:build corpus

package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/tessera-iiif/tessera/internal/jp2/corpus"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/packets"
)

// TestExactCorpus is TestExact over others' files, whole pictures with their palettes and
// profiles: from packets comes what comes from the whole file, pixel for pixel and
// refusal for refusal. R7: never other pixels.
func TestExactCorpus(t *testing.T) {
	files := corpus.Files(t)
	if files == nil {
		t.Fatalf("no corpus: set %s to a folder of JPEG 2000 files", corpus.Variable)
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := decoder.Start(t.Context(), decoder.Config{Path: path, Processes: 2, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close(context.Background()) })
	engine := newPlace(t, func(c *Config) { c.Decoders = pool; c.Remote = true })
	stock := newPlace(t, func(c *Config) { c.Decoders = pool; c.Limits.StreamBytes = 1 })
	var count corpusCount
	for i, file := range files {
		data, err := os.ReadFile(file.Path)
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("image-%d", i)
		engine.put(id+".jp2", string(data))
		stock.put(id+".jp2", string(data))
		count.compare(t, file.Name, engine, stock, id)
	}
	s := engine.Packets()
	t.Logf("%d files, %d described; %d regions equal, %d refused by both, %d by the stock decoder alone; %d made of packets",
		len(files), count.described, count.equal, count.refused, count.ours, s.Tiles)
	for _, why := range packets.Reasons() {
		t.Logf("%6d regions left to the whole file: %s", s.Fallbacks[why], why)
	}
	if count.equal == 0 || s.Tiles == 0 {
		t.Error("nothing was compared")
	}
}

// corpusCount counts what became of a corpus.
type corpusCount struct{ described, equal, refused, ours int }

func (c *corpusCount) compare(t *testing.T, name string, engine, stock *place, id string) {
	t.Helper()
	info, err := engine.Info(t.Context(), id)
	if err != nil {
		if _, err := stock.Info(t.Context(), id); err == nil {
			t.Errorf("%s: described by one alone", name)
		}
		return
	}
	c.described++
	rng := rand.New(rand.NewPCG(3, uint64(info.Width)))
	for n := range 4 {
		w, h := 1+rng.IntN(min(200, info.Width)), 1+rng.IntN(min(200, info.Height))
		region := iiifurl.Rect{X: rng.IntN(info.Width - w + 1), Y: rng.IntN(info.Height - h + 1), W: w, H: h}
		width, height := max(1, w>>n), max(1, h>>n)
		got, failed := engine.rendering(engine.request(id, "png", region, width, height))
		want, refused := stock.rendering(stock.request(id, "png", region, width, height))
		switch {
		case failed != nil && refused != nil:
			c.refused++
		case failed != nil:
			t.Errorf("%s: %+v as %d×%d: %v, but the whole file is decoded", name, region, width, height, failed)
		case refused != nil: // damage elsewhere in the file
			c.ours++
		case got != want:
			t.Errorf("%s: %+v as %d×%d: other pixels than from the whole file: %s", name, region, width, height, difference(t, got, want))
		default:
			c.equal++
		}
	}
}

// rendering is rendered, or the refusal.
func (p *place) rendering(job tile.Job) (string, error) {
	res, err := p.Render(context.Background(), job)
	if err != nil {
		return "", err
	}
	return read(p.t, res), nil
}
