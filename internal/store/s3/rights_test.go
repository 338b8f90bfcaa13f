package s3

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/store/s3/s3test"
	"github.com/tessera-iiif/tessera/internal/tile"
)

func user(t *testing.T, name string) Account {
	t.Helper()
	server.User(t, name, name+"-secret")
	return Account{Endpoint: server.Endpoint(), AccessKey: name, SecretKey: name + "-secret"}
}

// A source needs to get and to list, and a store of results to get and to put:
// nothing else, nowhere else.
func TestRightsThatSuffice(t *testing.T) {
	bucket := server.Bucket(t)
	bucket.Put(t, "masters/a.jp2", "body")
	bucket.Put(t, "other/b.jp2", "body")
	reader, writer := user(t, "reader"), user(t, "writer")

	bucket.Allow(t, "reader", map[string]string{"s3:GetObject": "masters/*", "s3:ListBucket": ""})
	s := openAs(t, bucket, reader, quietConfig)
	o, err := s.Find(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(s, o); err != nil || string(got) != "body" {
		t.Errorf("%q, %v", got, err)
	}
	_, err = s.Find(t.Context(), "missing")
	wantCode(t, err, tile.NotFound)
	_, err = s.Find(t.Context(), "missing.jp2")
	wantCode(t, err, tile.NotFound)
	if _, err := s.client.head(t.Context(), "other/b.jp2"); !errors.Is(err, errDenied) {
		t.Errorf("another prefix: %v", err)
	}
	if err := s.client.put(t.Context(), "masters/new.jp2", []byte("x"), "image/jp2"); !errors.Is(err, errDenied) {
		t.Errorf("writing with a reader's keys: %v", err)
	}
	if _, err := OpenResults(t.Context(), ResultsConfig{Account: reader, Location: Within(bucket.Name, "cache"), Log: quiet}); err == nil || !strings.Contains(err.Error(), "grant s3:PutObject") {
		t.Errorf("results with a reader's keys: %v", err)
	}

	bucket.Allow(t, "writer", map[string]string{"s3:GetObject": "cache/*", "s3:PutObject": "cache/*"})
	r := openResults(t, bucket, writer)
	if _, ok := r.Get(t.Context(), aKey); ok {
		t.Error("a hit in an empty store")
	}
	if err := r.Put(t.Context(), aKey, "image/png", strings.NewReader("pixels"), 6); err != nil {
		t.Error(err)
	}
	if _, ok := r.Get(t.Context(), aKey); !ok {
		t.Error("a miss")
	}
	if _, err := Open(t.Context(), Config{Account: writer, Location: Within(bucket.Name, "cache"), Log: quiet}); err == nil || !strings.Contains(err.Error(), "grant s3:ListBucket") {
		t.Errorf("a source with a writer's keys: %v", err)
	}
}

func quietConfig(*Config) {}

func openAs(t *testing.T, bucket *s3test.Bucket, a Account, change func(*Config)) *Source {
	t.Helper()
	c := Config{Account: a, Location: Within(bucket.Name, "masters"), Log: quiet}
	withCopies(t, 1<<20)(&c)
	change(&c)
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// What a 403 means is found out: an object that is not there, one right too few, or
// keys that are good for nothing any more.
func TestRefusalsAreToldApart(t *testing.T) {
	bucket := server.Bucket(t)
	bucket.Put(t, "masters/a.jp2", "body")
	bucket.Put(t, "masters/b.jp2", "body")
	a := user(t, "narrow")
	bucket.Allow(t, "narrow", map[string]string{"s3:GetObject": "masters/a*", "s3:ListBucket": ""})
	var lines bytes.Buffer
	s := openAs(t, bucket, a, func(c *Config) { c.Log = logTo(&lines) })
	if _, err := s.Find(t.Context(), "a.jp2"); err != nil {
		t.Error(err)
	}
	_, err := s.Find(t.Context(), "b.jp2")
	wantCode(t, err, tile.Internal)
	if !strings.Contains(lines.String(), "grant s3:GetObject") {
		t.Errorf("the log does not say what to do:\n%s", lines.String())
	}
	_, err = s.Find(t.Context(), "c.jp2")
	wantCode(t, err, tile.NotFound)

	bucket.Allow(t, "narrow", map[string]string{"s3:PutObject": "elsewhere/*"})
	lines.Reset()
	for _, id := range []string{"a.jp2", "a"} {
		_, err = s.Find(t.Context(), id)
		wantCode(t, err, tile.Unavailable)
	}
	if !strings.Contains(lines.String(), "renew the keys") {
		t.Errorf("the log does not say what to do:\n%s", lines.String())
	}
}
