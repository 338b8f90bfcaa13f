package cluster

import (
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tessera-iiif/tessera/tests/cluster/rig"
)

// inBuckets is a cluster whose workers read, and share results in, object storage.
func inBuckets(cfg *rig.Config) { cfg.Buckets = true }

// Workers read a bucket as they read a folder; edges hold no key of it.
func TestObjectStorage(t *testing.T) {
	inFolder, inBucket := start(t), start(t, inBuckets)
	for _, path := range []string{tileOf("open", 256, 512), "/iiif/3/open%2Fmap/full/!300,300/0/default.png", "/iiif/3/open%2Fmap/info.json"} {
		want := get(t, inFolder.edge(0)+path, "Host", "iiif.localhost")
		for i := range inBucket.Edges() {
			got := get(t, inBucket.edge(i)+path, "Host", "iiif.localhost")
			if want.StatusCode != http.StatusOK || got.StatusCode != want.StatusCode || got.body != want.body {
				t.Errorf("%s at edge %d: %s, from a folder %s", path, i+1, got.Status, want.Status)
			}
		}
	}
	if a := get(t, inBucket.edge(0)+tileOf("members", 0, 0)); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger: %s", a.Status)
	}
}

// A replaced object is served as it is now, a deleted one no more and a new one from
// now on: because the store says so, however long what is known would hold, or, where
// it says nothing, because what is known does not hold long.
func TestReplacedObjects(t *testing.T) {
	for name, flags := range map[string][]string{
		"told by events": {"--s3-recheck", "1h"},
		"looked up":      {"--s3-recheck", "1s", "--s3-events", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, inBuckets, func(cfg *rig.Config) { cfg.Worker = append(cfg.Worker, flags...) })
			wide, narrow := filepath.Join(imageDir, "open", "map.jp2"), filepath.Join(t.TempDir(), "narrow.jp2")
			compress(t, image.NewRGBA(image.Rect(0, 0, 40, 30)), narrow)
			// With and without extension: two names, both of them known.
			for i := range c.Edges() {
				for _, id := range []string{"map", "map.jp2", "later", "later.jp2"} {
					get(t, c.edge(i)+info(id))
				}
			}
			c.put("open/map.jp2", narrow)
			c.put("open/later.jp2", wide)
			for i := range c.Edges() {
				c.eventually("the new picture is shown", func() bool { return strings.Contains(get(t, c.edge(i)+info("map")).body, `"width":40,`) })
				c.eventually("by its full name too", func() bool { return strings.Contains(get(t, c.edge(i)+info("map.jp2")).body, `"width":40,`) })
				c.eventually("what came later is found", func() bool { return get(t, c.edge(i)+info("later")).StatusCode == http.StatusOK })
				if a := get(t, c.edge(i)+"/iiif/3/open%2Fmap/full/max/0/default.png"); a.StatusCode != http.StatusOK {
					t.Errorf("the new picture's pixels: %s", a.Status)
				}
			}
			if name == "told by events" { // one of the workers indexes what nobody has asked for
				before := c.indexed()
				c.put("open/unasked.jp2", wide)
				c.eventually("what is new is indexed", func() bool { return c.indexed() == before+1 })
			}
			if err := c.Storage().Remove(t.Context(), rig.ImageBucket, "open/map.jp2"); err != nil {
				t.Fatal(err)
			}
			for i := range c.Edges() {
				c.eventually("the deleted picture is gone", func() bool { return get(t, c.edge(i)+info("map")).StatusCode == http.StatusNotFound })
			}
		})
	}
}

// An image that tells nothing of its packets is read by one worker when a viewer asks
// several for tiles at once. That workers hear of one another in time is not promised, so
// that on a busy machine not each time will do.
func TestFirstTouchIsIndexedOnce(t *testing.T) {
	c := start(t, inBuckets, func(cfg *rig.Config) { cfg.Workers, cfg.Worker = 3, append(cfg.Worker, "--s3-events", "") })
	picture, untold := image.NewRGBA(image.Rect(0, 0, 2048, 1536)), filepath.Join(t.TempDir(), "untold.jp2")
	noise := rand.NewChaCha8([32]byte{}) // so that to read it takes longer than to ask for it
	_, _ = noise.Read(picture.Pix)
	compress(t, picture, untold)
	const images = 3
	once := 0
	for i := range images {
		id := "untold" + strconv.Itoa(i)
		c.put("open/"+id+".jp2", untold)
		built, found := c.indexed(), c.counted("index_loads_total")
		c.view(id)
		built, found = c.indexed()-built, c.counted("index_loads_total")-found
		t.Logf("%s: indexed %d times, found %d times", id, built, found)
		if built == 1 && found > 0 {
			once++
		}
	}
	if once == 0 {
		t.Errorf("none of %d images was indexed once", images)
	}
}

// view asks all edges for tiles of an image at once.
func (c *cluster) view(id string) {
	c.t.Helper()
	c.eventually("it is found", func() bool { return get(c.t, c.edge(0)+info(id)).StatusCode == http.StatusOK })
	var viewer sync.WaitGroup
	for x := range 8 {
		for e := range c.Edges() {
			address := fmt.Sprintf("%s/iiif/3/open%%2F%s/%d,%d,256,256/256,/0/default.jpg", c.edge(e), id, 256*x, 256*e)
			viewer.Go(func() {
				if a := get(c.t, address); a.StatusCode != http.StatusOK {
					c.t.Errorf("%s: %s %s", address, a.Status, a.body)
				}
			})
		}
	}
	viewer.Wait()
}

// indexed counts the packet indices that workers have built.
func (c *cluster) indexed() int {
	c.t.Helper()
	return c.counted("index_builds_total")
}

// counted adds up a count of all workers.
func (c *cluster) counted(name string) (n int) {
	c.t.Helper()
	for _, p := range c.Processes() {
		if !strings.HasPrefix(p.Name, "worker") {
			continue
		}
		for line := range strings.Lines(get(c.t, p.Ops+"/metrics").body) {
			if count, ok := strings.CutPrefix(line, "tessera_worker_"+name+" "); ok {
				one, err := strconv.ParseFloat(strings.TrimSpace(count), 64)
				if err != nil {
					c.t.Fatal(err)
				}
				n += int(one)
			}
		}
	}
	return n
}

func info(id string) string { return "/iiif/3/open%2F" + id + "/info.json" }

func (c *cluster) put(key, path string) {
	c.t.Helper()
	if err := c.Storage().PutFile(c.t.Context(), rig.ImageBucket, key, path); err != nil {
		c.t.Fatal(err)
	}
}

func compress(t *testing.T, picture image.Image, path string) {
	t.Helper()
	f, err := os.Create(path + ".png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, picture); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "opj_compress", "-i", f.Name(), "-o", path, "-n", "2").CombinedOutput(); err != nil {
		t.Fatalf("opj_compress: %v\n%s", err, out)
	}
}
