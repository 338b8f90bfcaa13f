package s3

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// liar stands before the real server and changes its answers.
type liar struct {
	*httptest.Server
	lie atomic.Pointer[func(*http.Response)]
}

func newLiar(t *testing.T) *liar {
	t.Helper()
	to, err := url.Parse(server.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{}
	l.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }, // which is signed
		ModifyResponse: func(res *http.Response) error {
			if lie := l.lie.Load(); lie != nil {
				(*lie)(res)
			}
			return nil
		},
	})
	t.Cleanup(l.Close)
	return l
}

func (l *liar) tell(lie func(*http.Response)) { l.lie.Store(&lie) }

func replaceBody(res *http.Response, b []byte) {
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(b))
	res.ContentLength = int64(len(b))
	res.Header.Set("Content-Length", strconv.Itoa(len(b)))
}

// Nothing is used of an answer that is not what was asked for.
func TestLiesAreNeverUsed(t *testing.T) {
	const size = 200_000
	whole := noise(1, size)
	for name, c := range map[string]struct {
		lie  func(*http.Response)
		want tile.Code
	}{
		"all for a part": {func(r *http.Response) {
			r.StatusCode = http.StatusOK
			r.Header.Del("Content-Range")
			replaceBody(r, whole)
		}, tile.Internal},
		"200 with the bytes of the part": {func(r *http.Response) {
			r.StatusCode = http.StatusOK
			r.Header.Del("Content-Range")
		}, tile.Internal},
		"another range": {func(r *http.Response) {
			r.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", 1, chunkBytes, size))
		}, tile.Internal},
		"another size": {func(r *http.Response) {
			r.Header.Set("Content-Range", strings.Replace(r.Header.Get("Content-Range"), "/200000", "/200001", 1))
		}, tile.Internal},
		"a shorter range": {func(r *http.Response) {
			r.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", chunkBytes, chunkBytes+9, size))
			replaceBody(r, make([]byte, 10))
		}, tile.Internal},
		"more bytes": {func(r *http.Response) {
			r.Header.Del("Content-Length")
			r.ContentLength = -1
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(r.Body, strings.NewReader("more")), r.Body}
		}, tile.Internal},
		"fewer bytes": {func(r *http.Response) {
			r.Header.Del("Content-Length")
			r.ContentLength = -1
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.LimitReader(r.Body, 10), r.Body}
		}, tile.Unavailable},
		"no ETag":       {func(r *http.Response) { r.Header.Del("ETag") }, tile.Internal},
		"another ETag":  {func(r *http.Response) { r.Header.Set("ETag", `"0123"`) }, tile.Changed},
		"not found":     {func(r *http.Response) { r.StatusCode = http.StatusNotFound; replaceBody(r, nil) }, tile.Changed},
		"not the same":  {func(r *http.Response) { r.StatusCode = http.StatusPreconditionFailed; replaceBody(r, nil) }, tile.Changed},
		"out of range":  {func(r *http.Response) { r.StatusCode = http.StatusRequestedRangeNotSatisfiable; replaceBody(r, nil) }, tile.Internal},
		"server error":  {func(r *http.Response) { r.StatusCode = http.StatusInternalServerError; replaceBody(r, nil) }, tile.Unavailable},
		"slow down":     {func(r *http.Response) { r.StatusCode = http.StatusServiceUnavailable; replaceBody(r, nil) }, tile.Unavailable},
		"moved":         {func(r *http.Response) { r.StatusCode = http.StatusMovedPermanently; replaceBody(r, nil) }, tile.Unavailable},
		"empty success": {func(r *http.Response) { r.StatusCode = http.StatusNoContent; replaceBody(r, nil) }, tile.Unavailable},
		"a web page": {func(r *http.Response) {
			r.StatusCode = http.StatusOK
			r.Header = http.Header{}
			replaceBody(r, []byte("<html>"))
		}, tile.Unavailable},
		"another's page": {func(r *http.Response) { r.StatusCode = http.StatusBadGateway; replaceBody(r, []byte("<html>")) }, tile.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.put(t, "a.jp2", string(whole))
			l := newLiar(t)
			s := newPlaceOn(t, p, l.URL)
			o, err := s.Find(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			l.tell(c.lie)
			b, err := s.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			got := make([]byte, 100)
			_, err = b.ReadAt(got, chunkBytes+5)
			wantCode(t, err, c.want)
			if !bytes.Equal(got, make([]byte, 100)) {
				t.Error("bytes were given out")
			}
			_, err = b.Fetch([]store.Range{{Offset: 100_000, Length: 10_000}})
			wantCode(t, err, c.want)
			if s.copies.Stats().Bytes != 0 {
				t.Error("bytes were kept")
			}
			l.tell(func(*http.Response) {})
			recovered(t, s, o, whole)
		})
	}
}

// Without a strong version no part is read.
func TestWeakVersionsAreRefused(t *testing.T) {
	p := newPlace(t)
	p.put(t, "a.jp2", "body")
	l := newLiar(t)
	s := newPlaceOn(t, p, l.URL)
	for _, etag := range []string{`W/"0123"`, ""} {
		l.tell(func(r *http.Response) {
			r.Header.Del("ETag")
			if etag != "" {
				r.Header.Set("ETag", etag)
			}
		})
		_, err := s.Find(t.Context(), "a.jp2")
		wantCode(t, err, tile.Unsupported)
		if err == nil || !strings.Contains(err.Error(), "weak ETag") {
			t.Errorf("ETag %q: %v", etag, err)
		}
	}
}
