package ops

import (
	"context"
	"fmt"
	"net/http"
	"sort"
	"sync"
	"time"
)

// checkTime bounds one readiness check: a hung dependency is a failed one.
const checkTime = 2 * time.Second

// Health tells whether a process should be sent work. It is ready when every
// check passes and it is not draining.
type Health struct {
	mu       sync.Mutex
	checks   map[string]func(context.Context) error
	draining bool
}

// Check adds a named condition of readiness. f returns nil when it holds.
func (h *Health) Check(name string, f func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.checks == nil {
		h.checks = make(map[string]func(context.Context) error)
	}
	h.checks[name] = f
}

// Drain makes the process not ready for good.
func (h *Health) Drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
}

func (h *Health) snapshot() (map[string]func(context.Context) error, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	checks := make(map[string]func(context.Context) error, len(h.checks))
	for name, f := range h.checks {
		checks[name] = f
	}
	return checks, h.draining
}

// Ready answers 200 with "ready", or 503 with one line for each reason why not.
func (h *Health) Ready(w http.ResponseWriter, r *http.Request) {
	checks, draining := h.snapshot()
	var reasons []string
	if draining {
		reasons = append(reasons, "draining: shutting down")
	}
	ctx, cancel := context.WithTimeout(r.Context(), checkTime)
	defer cancel()
	for name, f := range checks {
		if err := f(ctx); err != nil {
			reasons = append(reasons, fmt.Sprintf("%s: %v", name, err))
		}
	}
	if len(reasons) == 0 {
		fmt.Fprintln(w, "ready")
		return
	}
	sort.Strings(reasons)
	w.WriteHeader(http.StatusServiceUnavailable)
	for _, reason := range reasons {
		fmt.Fprintln(w, reason)
	}
}
