package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/internal/ops"
)

func (s *server) listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another address with --listen or --ops-listen, or end the program that holds it", addr, err)
	}
	s.opened(func() error { return ignoreClosed(l.Close()) })
	return l, nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// browserURL is where a person at this machine finds the server.
func browserURL(configured []string, addr net.Addr) string {
	if len(configured) > 0 {
		return configured[0]
	}
	_, port, _ := net.SplitHostPort(addr.String())
	return "http://localhost:" + port
}

func (s *server) operations(ctx context.Context) error {
	if s.settings.OpsListen == "" {
		return nil
	}
	l, err := s.listen(ctx, s.settings.OpsListen)
	if err != nil {
		return err
	}
	s.serveHTTP("operations", l, ops.Handler(&s.health, s.metrics.Registry, s.level))
	return nil
}

// serveHTTP adds a part that serves until it is its turn to stop, then lets requests
// under way finish.
func (s *server) serveHTTP(name string, l net.Listener, h http.Handler) {
	s.parts = append(s.parts, ops.Part{Name: name, Run: func(ctx context.Context) error { return s.http(ctx, l, h) }})
}

// parting asks clients to come back over another connection once the process is to
// stop: they would meet the end of this one with a request on its way.
func (s *server) parting(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// newHTTPServer speaks HTTP/1.1, and HTTP/2 with who begins with it, as proxies do
// when told to: browsers want it over TLS, which the proxy has.
func newHTTPServer(h http.Handler) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler: h, Protocols: &protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 128},
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
}

func (s *server) http(ctx context.Context, l net.Listener, h http.Handler) error {
	server := newHTTPServer(s.parting(h))
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.settings.Drain)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	if ended := <-failed; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// leave adds the part that is stopped first: it says that the process is to stop, and
// gives those who send requests the time to notice.
func (s *server) leave() {
	s.parts = append(s.parts, ops.Part{Name: "readiness", Run: func(ctx context.Context) error {
		<-ctx.Done()
		s.health.Drain()
		s.draining.Store(true)
		for _, tell := range s.leaving {
			tell()
		}
		time.Sleep(s.settings.DrainDelay) // ops.Run does not wait for it after a second signal
		return nil
	}})
}
