package ops

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRedaction(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, "json", new(slog.LevelVar), func(context.Context) string { return "" })
	log.Info("signed in", "password", "c4n4ry", slog.Group("request", "Cookie", "c4n4ry"), "user", "ada")
	if strings.Contains(out.String(), "c4n4ry") || !strings.Contains(out.String(), "ada") {
		t.Errorf("log says %s", out.String())
	}
}

// A line about a request carries its id, whoever wrote it and however the logger was
// made from the first.
func TestRequestIDInEveryLine(t *testing.T) {
	type key struct{}
	var out bytes.Buffer
	log := NewLogger(&out, "json", new(slog.LevelVar), func(ctx context.Context) string {
		id, _ := ctx.Value(key{}).(string)
		return id
	}).With("role", "worker")
	log.InfoContext(context.WithValue(t.Context(), key{}, "R1"), "made")
	log.Info("alone")
	lines := strings.Split(out.String(), "\n")
	if !strings.Contains(lines[0], `"request":"R1"`) || !strings.Contains(lines[0], `"role":"worker"`) || strings.Contains(lines[1], "request") {
		t.Errorf("log says %s", out.String())
	}
}

func TestReady(t *testing.T) {
	var h Health
	get := func() (int, string) {
		w := httptest.NewRecorder()
		h.Ready(w, httptest.NewRequest("GET", "/readyz", nil))
		return w.Code, w.Body.String()
	}
	failing := error(nil)
	h.Check("bus", func(context.Context) error { return failing })
	if code, _ := get(); code != 200 {
		t.Errorf("ready: %d", code)
	}
	failing = errors.New("no server")
	if code, body := get(); code != 503 || !strings.Contains(body, "bus: no server") {
		t.Errorf("failing check: %d %s", code, body)
	}
	failing = nil
	h.Drain()
	if code, body := get(); code != 503 || !strings.Contains(body, "draining") {
		t.Errorf("draining: %d %s", code, body)
	}
}

func TestReadyDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Health
		h.Check("stuck", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		start := time.Now()
		w := httptest.NewRecorder()
		h.Ready(w, httptest.NewRequest("GET", "/readyz", nil))
		if w.Code != 503 || time.Since(start) > checkTime {
			t.Errorf("%d after %v", w.Code, time.Since(start))
		}
	})
}

func TestRunStopsInReverse(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var order []string
	part := func(name string) Part {
		return Part{name, func(ctx context.Context) error { <-ctx.Done(); order = append(order, name); return nil }}
	}
	stop()
	err := Run(ctx, context.Background(), slog.New(slog.NewTextHandler(io.Discard, nil)), part("bus"), part("worker"), part("edge"))
	if err != nil || !slices.Equal(order, []string{"edge", "worker", "bus"}) {
		t.Errorf("%v, %v", order, err)
	}
}

func TestRunEndsWhenAPartFails(t *testing.T) {
	broken := errors.New("disk gone")
	err := Run(t.Context(), context.Background(), slog.New(slog.NewTextHandler(io.Discard, nil)),
		Part{"bus", func(ctx context.Context) error { <-ctx.Done(); return nil }},
		Part{"worker", func(context.Context) error { return broken }})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "worker") {
		t.Errorf("%v", err)
	}
}

func TestHandler(t *testing.T) {
	level := new(slog.LevelVar)
	m := NewMetrics()
	m.Observe("image", 200, "miss", time.Millisecond)
	h := Handler(&Health{}, m.Registry, level)
	for _, c := range []struct {
		method, path string
		code         int
		body         string
	}{
		{"GET", "/healthz", 200, "alive"},
		{"GET", "/readyz", 200, "ready"},
		{"GET", "/metrics", 200, `tessera_http_requests_total{cache="miss",kind="image",status="200"} 1`},
		{"PUT", "/log-level?level=loud", 400, "debug"},
		{"PUT", "/log-level?level=debug", 204, ""},
		{"GET", "/log-level", 200, "DEBUG"},
		{"GET", "/debug/pprof/", 200, "goroutine"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s %s: %d %q", c.method, c.path, w.Code, w.Body.String())
		}
	}
}
