package e2e

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/store/s3/s3test"
)

// upload puts a file into a bucket.
func upload(t *testing.T, bucket *s3test.Bucket, key, path string) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bucket.Put(t, key, string(body))
}

// Images, manifests and shared results in object storage answer as folders do; a
// second server finds what the first one made; a replaced object is another image;
// a store that is away costs a 503 until it is back.
func TestObjectStorage(t *testing.T) {
	images, data := folders(t)
	writeJP2(t, filepath.Join(images, "maps", "squares.jp2"), squares(), "-t", "256,256")
	writePNG(t, filepath.Join(images, "plain.png"), gradient(700, 500))
	storage := s3test.Start(t)
	bucket, results := storage.Bucket(t), storage.BucketNamed(t, "results")
	for _, key := range []string{"maps/squares.jp2", "plain.png"} {
		upload(t, bucket, "masters/"+key, filepath.Join(images, key))
	}
	bucket.Put(t, "manifests/book.json", `{"@context":"http://iiif.io/api/presentation/3/context.json","id":"https://example.org/book","type":"Manifest","label":{"en":["Book"]},"items":[]}`)
	way := storage.Faults(t)
	flags := []string{
		"--default-access", "open", "--manifests", "s3://" + bucket.Name + "/manifests", "--cache", "s3://" + results.Name + "/tiles",
		"--s3-endpoint", way.Endpoint(), "--s3-access-key", s3test.AccessKey, "--s3-secret-key", s3test.SecretKey, "--s3-recheck", "0s",
	}
	place := "s3://" + bucket.Name + "/masters"
	tiles := []string{
		"/iiif/3/maps%2Fsquares/0,0,256,256/256,/0/default.jpg", "/iiif/3/maps%2Fsquares/full/100,/0/default.png",
		"/iiif/3/plain/100,100,300,200/150,/0/gray.jpg", "/iiif/2/maps%2Fsquares.jp2/512,512,256,256/128,/90/default.jpg",
	}
	folder := start(t, images, data, "--default-access", "open")
	one := start(t, place, filepath.Join(t.TempDir(), "data"), flags...)
	for _, path := range tiles {
		want, got := folder.get(path), one.get(path)
		if got.StatusCode != http.StatusOK || !bytes.Equal(want.body, got.body) {
			t.Errorf("%s: %s, %d bytes; want the %d a folder gives", path, got.Status, len(got.body), len(want.body))
		}
	}
	if got := one.get("/iiif/manifests/book"); got.StatusCode != http.StatusOK || !strings.Contains(string(got.body), `"Book"`) {
		t.Errorf("manifest: %s %s", got.Status, got.body)
	}
	if got := one.get("/iiif/3/maps%2Fmissing/info.json"); got.StatusCode != http.StatusNotFound {
		t.Errorf("missing: %s", got.Status)
	}
	// With the mark of the place, and the packet index of the one JPEG 2000 image.
	eventually(t, "results are shared", func() bool { return len(results.Keys(t)) == 2+len(tiles) })

	two := start(t, place, filepath.Join(t.TempDir(), "data"), flags...)
	for _, path := range tiles {
		got := two.get(path)
		if from := got.Header.Get("X-Tessera-Cache"); from != "store" || !bytes.Equal(got.body, folder.get(path).body) {
			t.Errorf("%s at the second server: %s, from %q", path, got.Status, from)
		}
	}
	way.Down()
	wantStatus(t, two, "/iiif/3/maps%2Fsquares/0,0,512,512/500,/0/default.jpg", http.StatusServiceUnavailable)
	way.Up()
	eventually(t, "the server recovers", func() bool {
		return two.get("/iiif/3/maps%2Fsquares/0,0,512,512/500,/0/default.jpg").StatusCode == http.StatusOK
	})

	writePNG(t, filepath.Join(images, "plain.png"), gradient(300, 200))
	upload(t, bucket, "masters/plain.png", filepath.Join(images, "plain.png"))
	eventually(t, "the replaced image is seen", func() bool {
		return strings.Contains(string(two.get("/iiif/3/plain/info.json").body), `"width":300`)
	})
}

func wantStatus(t *testing.T, s *server, path string, status int) {
	t.Helper()
	if got := s.get(path); got.StatusCode != status {
		t.Errorf("%s: %s; want %d", path, got.Status, status)
	}
}

// eventually polls for half a minute.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come true that %s", what)
		}
	}
}

// A start that object storage makes impossible names the fix, and no secret.
func TestRefusesToStartOnABadBucket(t *testing.T) {
	storage := s3test.Start(t)
	bucket := storage.Bucket(t)
	sound := []string{
		"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--ops-listen", "", "--images", "s3://" + bucket.Name,
		"--s3-endpoint", storage.Endpoint(), "--s3-access-key", s3test.AccessKey,
	}
	secret := []string{"AWS_SECRET_ACCESS_KEY=unused", "TESSERA_S3_SECRET_KEY=" + s3test.SecretKey}
	for name, c := range map[string]struct {
		args []string
		env  []string
		want string
	}{
		"no keys":         {sound[:len(sound)-2], nil, "--s3-access-key"},
		"wrong secret":    {sound, []string{"TESSERA_S3_SECRET_KEY=c4n4ry"}, "refuses the keys"},
		"no bucket":       {append(sound, "--images", "s3://not-there"), secret, "does not exist"},
		"no server":       {append(sound, "--s3-endpoint", "http://127.0.0.1:1"), secret, "does not answer"},
		"not a bucket":    {append(sound, "--images", "s3://Not_There"), secret, "s3://bucket/prefix"},
		"no result store": {append(sound, "--cache", "s3://not-there"), secret, "--cache s3://not-there"},
	} {
		t.Run(name, func(t *testing.T) {
			status, said := tessera(t, c.env, c.args...)
			if status != 2 || !strings.Contains(said, c.want) || strings.Contains(said, "goroutine") || strings.Contains(said, "c4n4ry") || strings.Contains(said, s3test.SecretKey) {
				t.Errorf("status %d, said %q, want %q in it", status, said, c.want)
			}
		})
	}
}
