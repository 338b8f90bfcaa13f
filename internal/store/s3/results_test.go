package s3

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/store/s3/s3test"
	"github.com/tessera-iiif/tessera/internal/tile"
)

var aKey = tile.Key{ID: "maps/1", Version: "v1", Canonical: "full/max/0/default.jpg"}

func openResults(t *testing.T, bucket *s3test.Bucket, a Account) *Results {
	t.Helper()
	r, err := OpenResults(t.Context(), ResultsConfig{Account: a, Location: Within(bucket.Name, "cache"), Patience: 5e9, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// Two workers share what one of them stored.
func TestResultsAreShared(t *testing.T) {
	bucket := server.Bucket(t)
	one, two := openResults(t, bucket, account()), openResults(t, bucket, account())
	if _, ok := two.Get(t.Context(), aKey); ok {
		t.Fatal("a hit in an empty store")
	}
	body := bytes.Repeat([]byte("tile"), 10_000)
	if err := one.Put(t.Context(), aKey, "image/jpeg", bytes.NewReader(body), int64(len(body))); err != nil {
		t.Fatal(err)
	}
	res, ok := two.Get(t.Context(), aKey)
	if !ok || res.Type != "image/jpeg" || res.Size != int64(len(body)) || res.Cache != tile.FromStore {
		t.Fatalf("%+v, %v", res, ok)
	}
	if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	other := aKey
	other.Version = "v2"
	if _, ok := two.Get(t.Context(), other); ok {
		t.Error("a hit for another version")
	}
}

// What is not a whole record of the very key is nobody's result.
func TestResultsDamagedAreMisses(t *testing.T) {
	bucket := server.Bucket(t)
	r := openResults(t, bucket, account())
	record, err := store.EncodeRecord(aKey, "image/png", strings.NewReader("pixels"), 6)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(record)
	flipped[len(flipped)-6] ^= 1
	other := aKey
	other.ID = "maps/2"
	foreign, _ := store.EncodeRecord(other, "image/png", strings.NewReader("pixels"), 6)
	for name, b := range map[string][]byte{
		"nothing": {}, "cut": record[:len(record)-1], "longer": append(slices.Clone(record), 0), "flipped": flipped,
		"another key's": foreign, "too large": make([]byte, maxRecord+1),
	} {
		bucket.Put(t, r.key(aKey), string(b))
		if _, ok := r.Get(t.Context(), aKey); ok {
			t.Errorf("%s: a hit", name)
		}
	}
	bucket.Put(t, r.key(aKey), string(record))
	if _, ok := r.Get(t.Context(), aKey); !ok {
		t.Error("a whole record: a miss")
	}
}

func TestResultsTooLargeAreNotStored(t *testing.T) {
	bucket := server.Bucket(t)
	r := openResults(t, bucket, account())
	if err := r.Put(t.Context(), aKey, "image/png", strings.NewReader(""), MaxResult+1); !errors.Is(err, store.ErrNotStored) {
		t.Errorf("Put of too much: %v", err)
	}
	long := aKey
	long.Canonical = strings.Repeat("x", 5000)
	if err := r.Put(t.Context(), long, "image/png", strings.NewReader("1"), 1); !errors.Is(err, store.ErrNotStored) {
		t.Errorf("Put under a long key: %v", err)
	}
	if err := r.Put(t.Context(), aKey, "image/png", strings.NewReader("12"), 3); err == nil {
		t.Error("Put of a body that ends early: no error")
	}
	if keys := bucket.Keys(t); !slices.Equal(keys, []string{"cache/about.txt"}) {
		t.Errorf("stored %q", keys)
	}
}
