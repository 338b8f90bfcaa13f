package worker

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// BenchmarkColdTile makes tiles with a real decoder child, each once, from packets and
// from the whole file, of the structures that libraries own.
func BenchmarkColdTile(b *testing.B) {
	path, err := program()
	if err != nil {
		b.Fatal(err)
	}
	pool, err := decoder.Start(b.Context(), decoder.Config{Path: path, Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = pool.Close(context.Background()) })
	from := map[string]func(*Config){
		"packets": func(c *Config) { c.Decoders, c.Remote = pool, true },
		"file":    func(c *Config) { c.Decoders, c.Limits.StreamBytes = pool, 1 },
	}
	texture := decodertest.WritePNG(b, decodertest.Texture(4096, 4096))
	for name, arguments := range map[string]string{
		"untiled RPCL lossy PLT":    "-p RPCL -I -r 14 -c [256,256],[256,256],[128,128] -n 7 -PLT",
		"untiled LRCP lossless":     "-p LRCP -c [256,256],[256,256],[128,128] -n 7",
		"tiled 1024 lossy PLT":      "-p RPCL -I -r 14 -t 1024,1024 -c [256,256],[256,256],[128,128] -n 7 -PLT",
		"untiled without precincts": "-I -r 14 -n 7",
	} {
		data := string(decodertest.Read(b, decodertest.Compress(b, texture, ".jp2", strings.Fields(arguments)...)))
		for way, change := range from {
			b.Run(name+" from "+way, func(b *testing.B) { coldTiles(b, newPlace(b, change), data) })
		}
	}
}

func coldTiles(b *testing.B, p *place, data string) {
	p.put("a.jp2", data)
	read(b, p.mustRender(coldTile(p.job("a", 0), 0)))
	before, spent := p.Packets(), processorTime(b)
	n := 0
	for b.Loop() {
		n++
		read(b, p.mustRender(coldTile(p.job("a", 0), n)))
	}
	after := p.Packets()
	b.ReportMetric(float64(processorTime(b)-spent)/1e6/float64(n), "cpu-ms/op")
	b.ReportMetric(float64(after.Bytes-before.Bytes)/float64(n), "source-B/op")
}

// coldTile is a tile of 256 pixels at scale factor 1, 2 or 4, never the same one twice:
// results are not kept.
func coldTile(job tile.Job, n int) tile.Job {
	side := 256 << (n % 3)
	columns := 4096 / side
	at := n * 7 % (columns * columns)
	job.Render.Region = iiifurl.Rect{X: at % columns * side, Y: at / columns * side, W: side, H: side}
	return job
}

// processorTime is what this process and its children have used, in nanoseconds: it says
// more than the clock on a machine that does other things too.
func processorTime(b *testing.B) (total int64) {
	b.Helper()
	threads, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		b.Fatal(err)
	}
	for _, thread := range threads {
		total += scheduled(thread)
		children, _ := os.ReadFile(filepath.Join(thread, "children"))
		for _, child := range strings.Fields(string(children)) {
			tasks, _ := filepath.Glob("/proc/" + child + "/task/*")
			for _, task := range tasks {
				total += scheduled(task)
			}
		}
	}
	return total
}

// scheduled is a thread's time; nothing where it has just ended.
func scheduled(task string) int64 {
	data, _ := os.ReadFile(filepath.Join(task, "schedstat"))
	first, _, _ := strings.Cut(string(data), " ")
	ns, _ := strconv.ParseInt(first, 10, 64)
	return ns
}
