package s3

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tessera-iiif/tessera/internal/store/s3/s3test"
)

// server is the real one that all tests share, each in a bucket of its own.
var server *s3test.Server

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tessera-s3-test-")
	if err == nil {
		server, err = s3test.Run(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	server.Stop()
	_ = os.RemoveAll(dir)
	// toxiproxy leaves goroutines behind connections that were cut.
	theirs := []goleak.Option{
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).write"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
	}
	if err := goleak.Find(theirs...); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var quiet = slog.New(slog.DiscardHandler)

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func account() Account {
	return Account{Endpoint: server.Endpoint(), AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey}
}

// place is a source on a bucket of its own.
type place struct {
	*Source
	bucket *s3test.Bucket
	copies *Copies
}

func newPlace(t testing.TB, change ...func(*Config)) *place {
	t.Helper()
	p := &place{bucket: server.Bucket(t)}
	copies, err := OpenCopies(t.TempDir(), 64<<20, quiet)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Account: account(), Location: Within(p.bucket.Name, "masters/now"), Copies: copies, Recheck: time.Hour, Log: quiet}
	for _, apply := range change {
		apply(&c)
	}
	p.copies = c.Copies
	if p.Source, err = Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := copies.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *place) put(t testing.TB, key, body string) {
	t.Helper()
	p.bucket.Put(t, p.where.Prefix+key, body)
}

func (p *place) remove(t testing.TB, key string) {
	t.Helper()
	p.bucket.Delete(t, p.where.Prefix+key)
}
