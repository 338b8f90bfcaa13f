package cluster

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/tessera-iiif/tessera/internal/store/s3/s3test"
	"github.com/tessera-iiif/tessera/tests/cluster/rig"
)

// Workers read a bucket as they read a folder; edges hold no key of it.
func TestObjectStorage(t *testing.T) {
	storage := s3test.Start(t)
	bucket := storage.Bucket(t)
	picture, err := os.ReadFile(filepath.Join(imageDir, "open", "map.jp2"))
	if err != nil {
		t.Fatal(err)
	}
	bucket.Put(t, "open/map.jp2", string(picture))
	bucket.Put(t, "members/map.jp2", string(picture))
	inFolder := start(t)
	inBucket := start(t, func(cfg *rig.Config) {
		cfg.Images = "s3://" + bucket.Name
		cfg.Worker = append(cfg.Worker, "--s3-endpoint", storage.Endpoint(), "--s3-access-key", s3test.AccessKey, "--s3-secret-key", s3test.SecretKey)
	})
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
