package s3test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
)

// Bucket is a bucket of its own for one test.
type Bucket struct {
	Name   string
	admin  *Admin
	client *minio.Client
}

// Bucket makes one named after the test, which may be run more than once.
func (s *Server) Bucket(t testing.TB) *Bucket {
	t.Helper()
	return s.BucketNamed(t, bucketName(t.Name(), s.buckets.Add(1)))
}

// BucketNamed makes a bucket of that name.
func (s *Server) BucketNamed(t testing.TB, name string) *Bucket {
	t.Helper()
	admin, err := NewAdmin(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	b := &Bucket{Name: name, admin: admin, client: admin.client}
	if err := b.client.MakeBucket(t.Context(), b.Name, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// bucketName makes a legal name of a test's, unique by its number.
func bucketName(test string, number int64) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(test))
	return fmt.Sprintf("b%d-%s", number, name[max(0, len(name)-40):])
}

// Put creates or replaces an object.
func (b *Bucket) Put(t testing.TB, key, body string) {
	t.Helper()
	_, err := b.client.PutObject(t.Context(), b.Name, key, strings.NewReader(body), int64(len(body)), minio.PutObjectOptions{})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
}

// Delete deletes an object.
func (b *Bucket) Delete(t testing.TB, key string) {
	t.Helper()
	if err := b.client.RemoveObject(t.Context(), b.Name, key, minio.RemoveObjectOptions{}); err != nil {
		t.Fatalf("delete %q: %v", key, err)
	}
}

// Allow grants a user rights to what each lists, "" being the bucket itself, and
// takes all others away.
func (b *Bucket) Allow(t testing.TB, user string, rights map[string]string) {
	t.Helper()
	if err := b.admin.Allow(t.Context(), b.Name, user, rights); err != nil {
		t.Fatal(err)
	}
}

// Keys lists the bucket.
func (b *Bucket) Keys(t testing.TB) (keys []string) {
	t.Helper()
	for o := range b.client.ListObjectsIter(t.Context(), b.Name, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}
