//go:build soak

package decoder

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
)

// TestMemoryPlateau: R8: over 200,000 mixed tasks the memory of a child does not grow.
// No child is replaced for its size or age, which would hide that it does.
func TestMemoryPlateau(t *testing.T) {
	const tasks, sampled = 200_000, 1000
	p := startPool(t, Config{MaxTasks: 2 * tasks, MaxResident: 1 << 40})
	jp2 := openFile(t, decodertest.JP2(t, decodertest.Texture(2048, 2048), "-t", "512,512", "-n", "5"))
	png := openFile(t, decodertest.WritePNG(t, decodertest.Texture(700, 500)))
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	var sizes []int
	for i := range tasks {
		task := mixed(random, jp2, png)
		out, err := p.Render(t.Context(), task)
		if err != nil {
			t.Fatalf("task %d, %+v: %v", i, task, err)
		}
		_ = body(t, out)
		if i%sampled == 0 {
			sizes = append(sizes, resident(t, childOf(t, os.Getpid())))
			t.Logf("after %d tasks: %d KiB", i, sizes[len(sizes)-1])
		}
	}
	half := sizes[len(sizes)/2:]
	third, fourth := median(half[:len(half)/2]), median(half[len(half)/2:])
	if fourth > third+third/20 {
		t.Errorf("grew from %d to %d KiB over the last half", third, fourth)
	}
}

func mixed(random *rand.Rand, jp2, png *os.File) Task {
	task := aTile(jp2)
	task.Reduce = random.IntN(4)
	side := 128 << task.Reduce
	task.Region = iiifurl.Rect{X: random.IntN(2048 - side), Y: random.IntN(2048 - side), W: side, H: side}
	task.Width, task.Height = 1+random.IntN(128), 1+random.IntN(128)
	switch random.IntN(20) {
	case 0:
		task.File, task.Format, task.Reduce = png, tile.PNG, 0
		task.Region = iiifurl.Rect{W: 700, H: 500}
	case 1:
		task.Degrees = float64(random.IntN(360))
	case 2:
		task.Quality = iiifurl.Gray
	}
	task.Output = []string{"jpg", "jpg", "jpg", "png", "webp"}[random.IntN(5)]
	return task
}

func resident(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile("/proc/" + itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			return atoi(t, string(bytes.Fields(value)[0]))
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

func median(values []int) int {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
