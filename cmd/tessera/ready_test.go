package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/ops"
)

func TestReady(t *testing.T) {
	var health ops.Health
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", health.Ready)
	server := httptest.NewServer(mux)
	address := strings.TrimPrefix(server.URL, "http://")
	ask := func() int {
		return run(t.Context(), t.Context(), environment{args: []string{"ready"}, environ: []string{"TESSERA_OPS_LISTEN=" + address}, stderr: t.Output()})
	}
	if code := ask(); code != 0 {
		t.Errorf("a process that is ready: status %d", code)
	}
	server.Close()
	if code := ask(); code != 1 {
		t.Errorf("a process that is gone: status %d", code)
	}
}
