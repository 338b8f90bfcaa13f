package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tessera-iiif/tessera/internal/tile"
)

func TestRenderRoundTrip(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	job := tile.Job{ID: "maps/*.>/ä b", Version: "v1", JPEGQuality: 85}
	timing := tile.Timing{Queue: time.Millisecond, Decode: 12 * time.Millisecond}
	limit := 1<<20 - payloadMargin
	body := make(chan []byte, 1)
	serve(t, join(t, e, RoleWorker, "worker"), worker{render: func(ctx context.Context, j tile.Job) (tile.Result, error) {
		if j != job || RequestID(ctx) != "req-1" {
			return tile.Result{}, errors.New("another job")
		}
		b := <-body
		return tile.Result{
			Type: "image/jpeg", Size: int64(len(b)), Body: io.NopCloser(bytes.NewReader(b)),
			Cache: tile.FromStore, Timing: timing,
		}, nil
	}}, ServerConfig{})

	for name, size := range map[string]int{
		"empty": 0, "tile": 30_000, "largest inline": limit, "smallest stream": limit + 1,
		"whole chunks": 16 * chunkSize, "40 MB (R19)": 40_000_000,
	} {
		t.Run(name, func(t *testing.T) {
			want := noise(size)
			body <- want
			res, err := client.Render(WithRequestID(t.Context(), "req-1"), job)
			if err != nil {
				t.Fatal(err)
			}
			if res.Type != "image/jpeg" || res.Size != int64(size) || res.Cache != tile.FromStore || res.Worker != "w1" || res.Timing != timing {
				t.Errorf("result %+v", res)
			}
			if !bytes.Equal(readAll(t, res.Body), want) {
				t.Error("body differs")
			}
		})
	}
}

func TestDocumentsRoundTrip(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	img := tile.Image{ID: "a/b", Version: "v", Format: tile.JP2, Width: 30_000, Height: 20_000, Levels: 7, Gray: true}
	doc := tile.Document{Body: noise(3 << 20), Version: "m-1"} // larger than any inline reply
	var list tile.Listing
	for i := range 1000 {
		list.Items = append(list.Items, tile.Entry{ID: fmt.Sprintf("%s/%d", strings.Repeat("long", 400), i), Format: tile.TIFF, Bytes: 7})
	}
	list.Next = "on"
	serve(t, join(t, e, RoleWorker, "worker"), worker{
		info: func(_ context.Context, id string) (tile.Image, error) {
			return img, nilIf(id == img.ID)
		},
		manifest: func(_ context.Context, path string) (tile.Document, error) {
			return doc, nilIf(path == "x/manifest.json")
		},
		list: func(_ context.Context, q tile.Query) (tile.Listing, error) {
			return list, nilIf(q == tile.Query{Prefix: "p", After: "a", Limit: 9})
		},
	}, ServerConfig{})

	if got, err := client.Info(t.Context(), img.ID); err != nil || got != img {
		t.Errorf("info %+v, %v", got, err)
	}
	got, err := client.Manifest(t.Context(), "x/manifest.json")
	if err != nil || got.Version != doc.Version || !bytes.Equal(got.Body, doc.Body) {
		t.Errorf("manifest of %d bytes, version %q, %v", len(got.Body), got.Version, err)
	}
	page, err := client.List(t.Context(), tile.Query{Prefix: "p", After: "a", Limit: 9})
	if err != nil || len(page.Items) != 1000 || page.Items[999] != list.Items[999] || page.Next != "on" {
		t.Errorf("list of %d, next %q, %v", len(page.Items), page.Next, err)
	}
}

func nilIf(ok bool) error {
	if ok {
		return nil
	}
	return errors.New("another question")
}

func TestErrorsCarryCodeAndSentenceOnly(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	cause := errors.New("open /secret/path: no such file")
	var next atomic.Pointer[error]
	serve(t, join(t, e, RoleWorker, "worker"), worker{info: func(context.Context, string) (tile.Image, error) {
		return tile.Image{}, *next.Load()
	}}, ServerConfig{})

	cases := map[string]struct {
		err     error
		code    tile.Code
		message string
	}{
		"not found": {tile.Fail(tile.NotFound, "", cause), tile.NotFound, ""},
		"changed":   {tile.Fail(tile.Changed, "", nil), tile.Changed, ""},
		"sentence":  {tile.Fail(tile.Broken, "the file ends early: größer", cause), tile.Broken, "the file ends early: größer"},
		"wrapped":   {fmt.Errorf("worker: %w", tile.Fail(tile.Busy, "try again", cause)), tile.Busy, "try again"},
		"two lines": {tile.Fail(tile.Invalid, "one\r\nTessera-Size: 1", nil), tile.Invalid, "one  Tessera-Size: 1"},
		"endless":   {tile.Fail(tile.Invalid, strings.Repeat("ä", 80_000), nil), tile.Invalid, strings.Repeat("ä", maxMessage/2)},
		"plain":     {cause, tile.Internal, ""},
		"deadline":  {context.DeadlineExceeded, tile.Timeout, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			next.Store(&c.err)
			_, err := client.Info(t.Context(), "x")
			wantCode(t, err, c.code)
			var te *tile.Error
			if !errors.As(err, &te) || te.Message != c.message {
				t.Errorf("got %v, want the sentence %q", err, c.message)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the cause crossed the bus: %v", err)
			}
		})
	}
}

// TestNoWorkerIsSaidAtOnce is R13.
func TestNoWorkerIsSaidAtOnce(t *testing.T) {
	client := NewClient(join(t, startServer(t), RoleEdge, "edge"), ClientConfig{})
	best := time.Hour
	for range 10 { // the machine may be busy: the best of some
		begin := time.Now()
		_, err := client.Info(t.Context(), "x")
		wantCode(t, err, tile.Unavailable)
		best = min(best, time.Since(begin))
	}
	if best > 50*time.Millisecond {
		t.Errorf("took %s", best)
	}
}

func TestCallerLeavingStopsTheWork(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	started, ended := make(chan struct{}), make(chan struct{})
	serve(t, join(t, e, RoleWorker, "worker"), worker{info: func(ctx context.Context, _ string) (tile.Image, error) {
		close(started)
		<-ctx.Done()
		close(ended)
		return tile.Image{}, ctx.Err()
	}}, ServerConfig{})
	ctx, leave := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := client.Info(ctx, "x")
		failed <- err
	}()
	within(t, "the job begins", started)
	leave()
	within(t, "the job's context ends", ended)
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's own error", err)
	}
}

func TestBudgetTravels(t *testing.T) {
	e := startServer(t)
	budget := make(chan time.Duration, 1)
	serve(t, join(t, e, RoleWorker, "worker"), worker{info: func(ctx context.Context, id string) (tile.Image, error) {
		deadline, _ := ctx.Deadline()
		budget <- time.Until(deadline)
		if id == "late" {
			<-ctx.Done()
			return tile.Image{}, ctx.Err()
		}
		return tile.Image{}, nil
	}}, ServerConfig{})
	conn := join(t, e, RoleEdge, "edge")

	ctx, cancel := context.WithTimeout(t.Context(), 7*time.Minute)
	defer cancel()
	if _, err := NewClient(conn, ClientConfig{}).Info(ctx, "x"); err != nil {
		t.Fatal(err)
	}
	if got := <-budget; got > 7*time.Minute || got < 6*time.Minute {
		t.Errorf("a deadline in 7 min arrived as %s", got)
	}
	if _, err := NewClient(conn, ClientConfig{Budget: 3 * time.Minute}).Info(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if got := <-budget; got > 3*time.Minute || got < 2*time.Minute {
		t.Errorf("a default budget of 3 min arrived as %s", got)
	}
	_, err := NewClient(conn, ClientConfig{Budget: 20 * time.Millisecond}).Info(t.Context(), "late")
	wantCode(t, err, tile.Timeout)
}

func TestSpentBudgetIsDroppedUnseen(t *testing.T) {
	e := startServer(t)
	conn := join(t, e, RoleEdge, "edge")
	serve(t, join(t, e, RoleWorker, "worker"), worker{info: func(context.Context, string) (tile.Image, error) {
		t.Error("a job whose budget was spent reached the worker")
		return tile.Image{}, nil
	}}, ServerConfig{})
	m := newRequest(jobs.subject(kindInfo), newToken(), "", -time.Millisecond, []byte(`{"name":"x"}`))
	reply, err := conn.tiles.nc.RequestMsg(m, patience)
	if err != nil {
		t.Fatal(err)
	}
	h, err := parseHead(reply.Header)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, h.err, tile.Timeout)
}

// TestFullServerRefusesAtOnce is R9.
func TestFullServerRefusesAtOnce(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	started, release := make(chan struct{}), make(chan struct{})
	serve(t, join(t, e, RoleWorker, "worker"), worker{info: func(_ context.Context, id string) (tile.Image, error) {
		if id == "first" {
			close(started)
			<-release
		}
		return tile.Image{ID: id}, nil
	}}, ServerConfig{Jobs: 1})
	first := make(chan error, 1)
	go func() {
		_, err := client.Info(t.Context(), "first")
		first <- err
	}()
	within(t, "the first job begins", started)
	_, err := client.Info(t.Context(), "second")
	wantCode(t, err, tile.Busy)
	close(release)
	if err := <-first; err != nil {
		t.Errorf("first job: %v", err)
	}
	if _, err := client.Info(t.Context(), "third"); err != nil {
		t.Errorf("third job: %v", err)
	}
}

func TestPanicAndBadAnswersEndOneJob(t *testing.T) {
	e := startServer(t)
	client := NewClient(join(t, e, RoleEdge, "edge"), ClientConfig{})
	body := func(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }
	serve(t, join(t, e, RoleWorker, "worker"), worker{render: func(_ context.Context, j tile.Job) (tile.Result, error) {
		switch j.ID {
		case "panic":
			panic("boom")
		case "no body":
			return tile.Result{Size: 1}, nil
		case "short":
			return tile.Result{Size: 4, Body: body("abc")}, nil
		case "long":
			return tile.Result{Size: 2, Body: body("abc")}, nil
		case "negative":
			return tile.Result{Size: -1, Body: body("abc")}, nil
		}
		return tile.Result{Size: 3, Body: body("abc")}, nil
	}}, ServerConfig{})
	for _, id := range []string{"panic", "no body", "short", "long", "negative"} {
		_, err := client.Render(t.Context(), tile.Job{ID: id})
		wantCode(t, err, tile.Internal)
	}
	res, err := client.Render(t.Context(), tile.Job{ID: "good"})
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, res.Body); string(got) != "abc" {
		t.Errorf("body %q", got)
	}
}

func TestRequestTooLargeIsInvalid(t *testing.T) {
	client := NewClient(join(t, startServer(t), RoleEdge, "edge"), ClientConfig{})
	_, err := client.Info(t.Context(), strings.Repeat("x", 2<<20))
	wantCode(t, err, tile.Invalid)
}
