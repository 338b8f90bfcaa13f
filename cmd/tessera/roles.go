package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/tessera-iiif/tessera/coordinator"
	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/edge/pages"
	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/internal/ops"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// serviceName names the sign-in service in URLs of IIIF documents.
const serviceName = "members"

// assemble opens everything and lists the parts to run, each after those it needs.
func (s *server) assemble(ctx context.Context) error {
	public, err := s.listen(ctx, s.settings.Listen)
	if err != nil {
		return err
	}
	s.url = browserURL(s.settings.PublicURLs, public.Addr())
	if err := s.operations(ctx); err != nil {
		return err
	}
	embedded, err := bus.StartEmbedded(bus.Config{Dir: filepath.Join(s.settings.Data, "nats"), Log: s.log})
	if err != nil {
		return err
	}
	s.opened(func() error { embedded.Close(); return nil })
	people, err := s.coordinator(ctx, embedded)
	if err != nil {
		return err
	}
	formats, err := s.worker(ctx, embedded)
	if err != nil {
		return err
	}
	return s.edge(embedded, people, formats, public)
}

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
	handler := ops.Handler(&s.health, s.metrics.Registry, s.level)
	s.parts = append(s.parts, ops.Part{Name: "operations", Run: func(ctx context.Context) error {
		return s.http(ctx, l, handler)
	}})
	return nil
}

// http serves until ctx ends, then lets requests under way finish.
func (s *server) http(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}
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

func (s *server) connect(b *bus.Embedded, role bus.Role, name string) (*bus.Conn, error) {
	conn, err := b.Connect(role, name)
	if err != nil {
		return nil, err
	}
	s.opened(func() error { conn.Close(); return nil })
	return conn, nil
}

func (s *server) edge(b *bus.Embedded, people *coordinator.Coordinator, formats []string, public net.Listener) error {
	conn, err := s.connect(b, bus.RoleEdge, "edge")
	if err != nil {
		return err
	}
	client := bus.NewClient(conn, bus.ClientConfig{})
	authority := bus.NewAuthority(conn)
	keeper := session.NewKeeper(session.Config{Authority: authority, Lease: s.settings.Lease, Fallback: authz.Access(s.settings.Access), Now: time.Now, Log: s.log})
	s.parts = append(s.parts, ops.Part{Name: "rights", Run: func(ctx context.Context) error { return keeper.Run(ctx, authority.Revisions()) }})
	var e *edge.Edge
	views := pages.New(pages.Config{
		Library: client, Policy: keeper.Policy, SiteName: s.settings.SiteName, Version: version, Log: s.log,
		Principal: func(r *http.Request) authz.Principal { return e.Principal(r) },
	})
	e, err = edge.New(edge.Config{
		Renderer: client, Library: client, Keeper: keeper, Coordinator: people, Pages: views,
		PublicURLs: s.settings.PublicURLs, TrustedProxies: s.settings.TrustedProxy,
		Limits: iiifurl.Limits{
			MaxWidth: s.settings.MaxWidth, MaxHeight: s.settings.MaxHeight, MaxArea: s.settings.MaxArea,
			Upscaling: s.settings.Upscaling, RejectOversizeBox: s.settings.RejectBox,
		},
		Formats: formats, TileSize: s.settings.TileSize, JPEGQuality: s.settings.JPEGQuality, SlashSubstitute: s.settings.SlashSub,
		ServiceName: serviceName, AuthTexts: iiif.DefaultTexts(s.settings.SiteName),
		ManifestsAsImages: s.settings.ManAccess == "as-images", IIIFTokenOpensImages: s.settings.TokenOpens, DebugHeaders: s.settings.DebugHeaders,
		CacheBytes: int64(s.settings.MemoryCache), OpenMaxAge: s.settings.OpenMaxAge, Budget: s.settings.Budget, MaxInFlight: s.settings.MaxInFlight,
		Observe: s.metrics.Observe, Tag: bus.WithRequestID, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.health.Check("rights", func(context.Context) error {
		if !keeper.Ready() || !keeper.Fresh() {
			return errors.New("the coordinator has not been heard from")
		}
		return nil
	})
	s.health.Check("worker", func(ctx context.Context) error {
		_, err := client.List(ctx, tile.Query{Limit: 1})
		return err
	})
	s.parts = append(s.parts, ops.Part{Name: "edge", Run: func(ctx context.Context) error { return s.http(ctx, public, e) }})
	return nil
}
