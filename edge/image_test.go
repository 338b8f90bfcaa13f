package edge_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/internal/tile"
)

func TestImageHeaders(t *testing.T) {
	s := newStage(t)
	for _, row := range []struct {
		row, path string
		sent      []with
		want      map[string]string
	}{
		{"A-170..A-172", "/iiif/3/open%2FW/full/3000,/0/default.jpg", nil, map[string]string{
			"Link":         `<https://iiif.test/iiif/3/open%2FW/full/3000,2000/0/default.jpg>;rel="canonical", <http://iiif.io/api/image/3/level2.json>;rel="profile"`,
			"Content-Type": "image/jpeg", "Cache-Control": "public, max-age=86400", "Vary": "", "Set-Cookie": "",
			"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Link, Content-Length, ETag",
			"Cross-Origin-Resource-Policy": "cross-origin", "X-Content-Type-Options": "nosniff",
			"Content-Disposition": `inline; filename="open_W_full_3000_2000_0_default.jpg"`,
		}},
		{"A-173", "/iiif/3/SQ/pct:0,0,100,100/1000,/0/color.png", nil, map[string]string{
			"Link": `<https://iiif.test/iiif/3/SQ/full/max/0/default.png>;rel="canonical", <http://iiif.io/api/image/3/level2.json>;rel="profile"`, "Content-Type": "image/png",
		}},
		{"B-012", "/iiif/2/open%2FW/full/3000,/0/default.jpg", nil, map[string]string{
			"Link": `<https://iiif.test/iiif/2/open%2FW/full/3000,/0/default.jpg>;rel="canonical", <http://iiif.io/api/image/2/level2.json>;rel="profile"`,
		}},
		{"older path", "/iiif/images/open/W/full/full/0/default.jpg", nil, map[string]string{
			"Link": `<https://iiif.test/iiif/images/open/W/full/full/0/default.jpg>;rel="canonical", <http://iiif.io/api/image/2/level2.json>;rel="profile"`,
		}},
		{"A-172 no semicolon inside a URI", "/iiif/3/open%2FW;1/full/max/0/default.jpg", nil, map[string]string{
			"Link": `<https://iiif.test/iiif/3/open%2FW%3B1/full/max/0/default.jpg>;rel="canonical", <http://iiif.io/api/image/3/level2.json>;rel="profile"`,
		}},
		{"A-177 names are tame", "/iiif/3/a%20b/full/max/0/default.jpg", nil, map[string]string{
			"Content-Disposition": `inline; filename="a_b_full_max_0_default.jpg"`,
		}},
		{"A-251", "/iiif/3/SQ/full/max/0/default.jpg", []with{header("Origin", "http://iiif.io/")}, map[string]string{
			"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "",
		}},
		{"R29 restricted", "/iiif/3/members%2FW/full/max/0/default.jpg", []with{cookieOf("alice")}, map[string]string{
			"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie", "Set-Cookie": "",
		}},
		{"timings are for administrators", "/iiif/3/SQ/full/50,/0/default.jpg", []with{cookieOf("alice")}, map[string]string{
			"Server-Timing": "", "X-Tessera-Worker": "", "X-Tessera-Cache": "miss",
		}},
		{"timings", "/iiif/3/SQ/full/51,/0/default.jpg", []with{cookieOf("root")}, map[string]string{
			"X-Tessera-Worker": "worker-1", "X-Tessera-Cache": "miss",
		}},
		{"cached", "/iiif/3/SQ/full/51,/0/default.jpg", nil, map[string]string{"X-Tessera-Cache": "edge"}},
	} {
		t.Run(row.row, func(t *testing.T) {
			s.studio.put(tile.Image{ID: "open/W;1", Version: "v1", Width: 10, Height: 10})
			a := s.ask(row.path, row.sent...)
			if a.status != 200 {
				t.Fatalf("got %v", a)
			}
			for name, want := range row.want {
				if got := strings.Join(a.header.Values(name), " | "); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
	timing := s.ask("/iiif/3/SQ/full/52,/0/default.jpg", cookieOf("root")).header.Get("Server-Timing")
	for _, part := range []string{"auth;dur=", "queue;dur=", "fetch;dur=", "decode;dur=3", "encode;dur=", "total;dur="} {
		if !strings.Contains(timing, part) {
			t.Errorf("Server-Timing %q lacks %s", timing, part)
		}
	}
}

func TestConditionalRequests(t *testing.T) {
	s := newStage(t)
	const path = "/iiif/3/SQ/full/max/0/default.jpg"
	etag := s.want(200, path).header.Get("ETag")
	if len(etag) < 10 || etag[0] != '"' {
		t.Fatalf("ETag %q is not strong", etag)
	}
	for _, row := range []struct {
		name, value string
		status      int
	}{
		{"the tag", etag, 304},
		{"among others", `"a,b", W/` + etag, 304},
		{"anything", "*", 304},
		{"another", `"other"`, 200},
		{"unquoted", strings.Trim(etag, `"`), 200},
	} {
		a := s.want(row.status, path, header("If-None-Match", row.value))
		if row.status == 304 && (a.body != "" || a.header.Get("ETag") != etag || a.header.Get("Cache-Control") == "") {
			t.Errorf("%s: %v", row.name, a)
		}
	}
	if other := s.want(200, "/iiif/3/SQ/full/max/90/default.jpg").header.Get("ETag"); other == etag {
		t.Error("two images have one tag")
	}
	if equal := s.want(200, "/iiif/2/SQ/full/full/0/color.jpg").header.Get("ETag"); equal != etag {
		t.Error("equal requests have two tags")
	}
	s.want(200, path, header("Range", "bytes=0-1"))
}

func TestErrorStatuses(t *testing.T) {
	for _, row := range []struct {
		row     string
		err     error
		status  int
		message string
	}{
		{"A-270", tile.Fail(tile.Invalid, "Too wide for this format.", nil), 400, "Too wide for this format."},
		{"A-270 without a sentence", tile.Fail(tile.Invalid, "", nil), 400, "This image cannot be shown that way."},
		{"A-271", tile.Fail(tile.NotFound, "s3://bucket/key", nil), 404, "There is nothing here."},
		{"A-274", tile.Fail(tile.Unsupported, "", nil), 501, "This server cannot do that."},
		{"A-275 busy", tile.Fail(tile.Busy, "", nil), 503, "busy"},
		{"A-275 R13 nobody there", tile.Fail(tile.Unavailable, "", nil), 503, "No worker"},
		{"A-275 late", context.DeadlineExceeded, 503, "too long"},
		{"A-275 changed twice", tile.Fail(tile.Changed, "", nil), 503, "replaced"},
		{"A-275 stopped", tile.Fail(tile.Cancelled, "", nil), 503, "stopped"},
		{"A-276", tile.Fail(tile.Broken, "bad marker", errors.New("canary")), 500, "damaged"},
		{"R34", errors.New("canary: /srv/images/x.jp2"), 500, "Something went wrong"},
	} {
		t.Run(row.row, func(t *testing.T) {
			s := newStage(t)
			s.studio.render = func(context.Context, tile.Job) (tile.Result, error) { return tile.Result{}, row.err }
			a := s.want(row.status, "/iiif/3/SQ/full/max/0/default.jpg")
			if !strings.Contains(a.body, row.message) || strings.Contains(a.String(), "canary") || strings.Contains(a.body, "s3:") {
				t.Errorf("body %q, want %q", a.body, row.message)
			}
			if a.header.Get("Content-Type") != "text/plain; charset=utf-8" || a.header.Get("ETag") != "" {
				t.Errorf("A-277: %v", a)
			}
			if retry := a.header.Get("Retry-After"); (row.status == 503) != (retry == "1") {
				t.Errorf("Retry-After %q with %d", retry, a.status)
			}
			if cc := a.header.Get("Cache-Control"); row.status != 404 && cc != "no-store" {
				t.Errorf("A-278: Cache-Control %q", cc)
			}
		})
	}
}

// A source that is replaced between description and rendering is asked for again, with
// the new version's own size.
func TestChangedSource(t *testing.T) {
	s := newStage(t)
	s.studio.render = func(_ context.Context, job tile.Job) (tile.Result, error) {
		if job.Version != "v2" {
			s.studio.put(tile.Image{ID: "SQ", Version: "v2", Width: 500, Height: 400})
			return tile.Result{}, tile.Fail(tile.Changed, "", nil)
		}
		return painted(job), nil
	}
	a := s.want(200, "/iiif/3/SQ/full/max/0/default.jpg")
	if !strings.Contains(a.body, "v2") || s.studio.renders.Load() != 2 {
		t.Errorf("got %v after %d renders", a, s.studio.renders.Load())
	}
}

func TestLargeResults(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), (5<<20)/16)
	for _, row := range []struct{ name, path string }{
		{"foreseen", "/iiif/3/open%2FW/full/max/0/default.png"},
		{"surprising", "/iiif/3/open%2FW/full/1000,/0/default.jpg"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newStage(t)
			var closed sync.WaitGroup
			s.studio.render = func(_ context.Context, job tile.Job) (tile.Result, error) {
				closed.Add(1)
				r := resultOf("image/png", big)
				r.Body = closer{r.Body, closed.Done}
				return r, nil
			}
			a := s.want(200, row.path)
			if a.body != string(big) || a.header.Get("Content-Length") != "5242880" || a.header.Get("Content-Type") != "image/png" {
				t.Errorf("got %d bytes, headers %v", len(a.body), a.header)
			}
			if head := s.want(200, row.path, method("HEAD")); head.body != "" || head.header.Get("Content-Length") != "5242880" {
				t.Errorf("A-019: %v", head)
			}
			closed.Wait() // every body that was opened is closed
		})
	}
}

type closer struct {
	io.Reader
	done func()
}

func (c closer) Close() error { c.done(); return nil }

// R15: one rendering for all who ask at once; whoever leaves takes nobody along.
func TestStampede(t *testing.T) {
	s := newStage(t)
	const readers = 200
	release := make(chan struct{})
	s.studio.render = func(ctx context.Context, job tile.Job) (tile.Result, error) {
		select {
		case <-release:
			return painted(job), nil
		case <-ctx.Done():
			return tile.Result{}, ctx.Err()
		}
	}
	leader, leave := context.WithCancel(context.Background())
	path := "/iiif/3/members%2FW/0,0,512,512/512,512/0/default.jpg"
	var left, done sync.WaitGroup
	left.Go(func() { _ = s.ask(path, cookieOf("alice"), within(leader)) })
	eventually(t, "the leader's work has begun", func() bool { return s.studio.renders.Load() == 1 })
	statuses := make([]int, readers)
	for i := range readers {
		done.Go(func() { statuses[i] = s.ask(path, cookieOf("alice")).status })
	}
	outsider := s.ask(path) // rights are never shared
	leave()
	left.Wait()
	close(release)
	done.Wait()
	for _, status := range statuses {
		if status != 200 {
			t.Fatalf("a reader got %d", status)
		}
	}
	if outsider.status != 401 {
		t.Errorf("an outsider got %d", outsider.status)
	}
	// Readers that come when the leader has left before anybody joined begin anew.
	if n := s.studio.renders.Load(); n > 2 {
		t.Errorf("%d renderings", n)
	}
}

// R10: nobody's work goes on once the last reader has left.
func TestLeavingStopsWork(t *testing.T) {
	s := newStage(t)
	stopped := make(chan struct{})
	s.studio.render = func(ctx context.Context, _ tile.Job) (tile.Result, error) {
		<-ctx.Done()
		close(stopped)
		return tile.Result{}, ctx.Err()
	}
	ctx, leave := context.WithCancel(context.Background())
	var asked sync.WaitGroup
	asked.Go(func() { _ = s.ask("/iiif/3/SQ/full/max/0/default.jpg", within(ctx)) })
	eventually(t, "the work has begun", func() bool { return s.studio.renders.Load() == 1 })
	leave()
	asked.Wait()
	<-stopped
}

func TestBudget(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.Budget = 20 * time.Millisecond })
	s.studio.render = func(ctx context.Context, _ tile.Job) (tile.Result, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the remaining budget does not reach the worker")
		}
		<-ctx.Done()
		return tile.Result{}, ctx.Err()
	}
	s.want(503, "/iiif/3/SQ/full/max/0/default.jpg")
	s.want(503, "/iiif/3/open%2FW/full/max/0/default.png") // alone, for its size
}

// R9: beyond the bound nobody waits.
func TestInFlightBound(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.MaxInFlight = 1 })
	release := make(chan struct{})
	s.studio.render = func(_ context.Context, job tile.Job) (tile.Result, error) {
		<-release
		return painted(job), nil
	}
	var first sync.WaitGroup
	first.Go(func() { s.want(200, "/iiif/3/SQ/full/max/0/default.jpg") })
	eventually(t, "the first is at work", func() bool { return s.studio.renders.Load() == 1 })
	if a := s.want(503, "/iiif/3/open%2FW/info.json"); a.header.Get("Retry-After") != "1" {
		t.Errorf("got %v", a)
	}
	s.want(204, "/iiif/3/open%2FW/info.json", method("OPTIONS"))
	close(release)
	first.Wait()
	s.want(200, "/iiif/3/open%2FW/info.json")
}

func TestMemoryIsBounded(t *testing.T) {
	s := newStage(t, func(c *edge.Config) { c.CacheBytes = 1 << 20 })
	s.studio.render = func(context.Context, tile.Job) (tile.Result, error) {
		return resultOf("image/jpeg", make([]byte, 256<<10)), nil
	}
	path := func(i int) string {
		return "/iiif/3/open%2FW/full/" + strings.Repeat("1", 1+i%3) + ",/" + []string{"0", "90", "180", "270"}[i%4] + "/default.jpg"
	}
	for i := range 12 {
		s.want(200, path(i))
	}
	eventually(t, "something was evicted", func() bool {
		before := s.studio.renders.Load()
		for i := range 12 {
			s.want(200, path(i))
		}
		return s.studio.renders.Load() > before
	})
}

func within(ctx context.Context) with {
	return func(r *http.Request) { *r = *r.WithContext(ctx) }
}

// R7: what could be drawn of a damaged file is sent to who waits for it, and kept by
// nobody.
func TestDamagedIsNotKept(t *testing.T) {
	s := newStage(t)
	for _, size := range []int{9, 5 << 20} {
		s.studio.renders.Store(0)
		s.studio.render = func(context.Context, tile.Job) (tile.Result, error) {
			res := resultOf("image/png", bytes.Repeat([]byte{'x'}, size))
			res.Damaged = true
			return res, nil
		}
		for range 2 {
			a := s.ask("/iiif/3/SQ/full/52,/0/default.png")
			if a.status != http.StatusOK || len(a.body) != size || a.header.Get("Cache-Control") != "no-store" || a.header.Get("ETag") != "" {
				t.Errorf("%d bytes: %d, %d bytes, %v", size, a.status, len(a.body), a.header)
			}
		}
		if n := s.studio.renders.Load(); n < 2 {
			t.Errorf("%d bytes: made %d times for 2 requests", size, n)
		}
	}
	s.studio.render = nil
	if a := s.ask("/iiif/3/SQ/full/52,/0/default.png"); a.header.Get("X-Tessera-Cache") != "miss" || a.header.Get("ETag") == "" {
		t.Errorf("mended: %v", a.header)
	}
}
