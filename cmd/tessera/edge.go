package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/edge"
	"github.com/tessera-iiif/tessera/edge/again"
	"github.com/tessera-iiif/tessera/edge/hook"
	"github.com/tessera-iiif/tessera/edge/pages"
	"github.com/tessera-iiif/tessera/edge/roster"
	"github.com/tessera-iiif/tessera/edge/witness"
	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/ops"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// edge answers the public. people makes what /auth/* is handed to; away is the edge's
// page for when nobody answers there.
func (s *server) edge(ctx context.Context, public net.Listener, people func(away http.HandlerFunc) (http.Handler, error)) error {
	conn, err := s.connect(ctx, bus.RoleEdge)
	if err != nil {
		return err
	}
	once := bus.NewClient(conn, bus.ClientConfig{})
	workers := again.NewWorkers(once, once)
	keeper := s.keeper(conn)
	crew := roster.New(roster.Config{Workers: once, Log: s.log})
	s.parts = append(s.parts, ops.Part{Name: "roster of workers", Run: crew.Run})
	s.health.Check("worker", crew.Check)

	keys, err := s.tokens()
	if err != nil {
		return err
	}
	var tokens edge.Tokens // nil is what the edge takes for none
	if keys != nil {
		tokens = keys
	}
	var views *pages.Pages // made by the edge, which judges for it
	coordinator, err := people(func(w http.ResponseWriter, r *http.Request) { views.Away(w, r) })
	if err != nil {
		return err
	}
	look, texts, err := s.site()
	if err != nil {
		return err
	}
	asks, err := s.decisionHook()
	if err != nil {
		return err
	}
	var answered tally
	e, err := edge.New(edge.Config{
		Hook: asks, Renderer: workers, Library: workers, Keeper: keeper, Tokens: tokens, Coordinator: coordinator,
		Pages: func(judge *edge.Edge) http.Handler {
			views = pages.New(pages.Config{Library: workers, Judge: judge, Look: look, Texts: texts, Version: version, ServiceName: serviceName, Log: s.log})
			return views
		},
		PublicURLs: s.settings.PublicURLs, TrustedProxies: s.settings.TrustedProxy, ViewerOrigins: s.settings.Viewers,
		Limits: iiifurl.Limits{
			MaxWidth: s.settings.MaxWidth, MaxHeight: s.settings.MaxHeight, MaxArea: s.settings.MaxArea,
			Upscaling: s.settings.Upscaling, RejectOversizeBox: s.settings.RejectBox,
		},
		Formats: crew.Formats, TileSize: s.settings.TileSize, JPEGQuality: s.settings.JPEGQuality, SlashSubstitute: s.settings.SlashSub,
		ServiceName: serviceName, Institution: s.settings.SiteName, Texts: texts,
		ManifestsAsImages: s.settings.ManAccess == "as-images", IIIFTokenOpensImages: s.settings.TokenOpens, DebugHeaders: s.settings.DebugHeaders,
		CacheBytes: int64(s.settings.MemoryCache), OpenMaxAge: s.settings.OpenMaxAge, Budget: s.settings.Budget, MaxInFlight: s.settings.MaxInFlight,
		Observe: answered.counting(s.metrics.Observe), Seen: s.witness(conn), Tag: bus.WithRequestID, Log: s.log,
	})
	if err != nil {
		return err
	}
	if err := s.presentEdge(conn, e, keeper, &answered, keys); err != nil {
		return err
	}
	s.parts = append(s.parts, ops.Part{Name: "edge", Run: func(ctx context.Context) error {
		settle(ctx, func() bool { return keeper.Ready() && crew.Formats() != nil })
		return s.http(ctx, public, e)
	}})
	return nil
}

// witness tells coordinators a sample of what is shown and refused, where settings ask
// for one.
func (s *server) witness(conn *bus.Conn) func(session.Sighting) {
	if s.settings.AuditGrants == 0 && s.settings.AuditDenials == 0 {
		return nil
	}
	w := witness.New(witness.Config{
		Grants: s.settings.AuditGrants, Denials: s.settings.AuditDenials, Log: s.log,
		Send: func(ctx context.Context, batch []session.Sighting, dropped int64) error {
			return bus.TellSightings(ctx, conn, batch, dropped)
		},
	})
	s.parts = append(s.parts, ops.Part{Name: "witness", Run: func(ctx context.Context) error { w.Run(ctx); return nil }})
	return w.See
}

// decisionHook asks the site's own rights system, where there is one.
func (s *server) decisionHook() (edge.Hook, error) {
	if s.settings.HookURL == "" {
		return nil, nil
	}
	client, err := hook.New(hook.Config{
		URL: s.settings.HookURL, Egress: s.settings.HookEgress, Timeout: s.settings.HookTimeout,
	})
	if err != nil {
		return nil, fmt.Errorf("--decision-hook-url: %w", err)
	}
	s.opened(func() error { client.Close(); return nil })
	return client, nil
}

// settle leaves first requests where they queue while an edge that has just started
// hears of rules and workers. When it hears nothing it says so soon.
func settle(ctx context.Context, known func() bool) {
	const longest, glance = 2 * time.Second, 5 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for !known() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// keeper knows people and rules as the coordinators tell. Once it has heard them the
// edge is ready: when they fall silent, open images go on, and what is restricted ends
// with the lease.
func (s *server) keeper(conn *bus.Conn) *session.Keeper {
	authority := bus.NewAuthority(conn)
	keeper := session.NewKeeper(session.Config{
		Authority: again.NewAuthority(authority), Catalogue: authority, Lease: s.settings.Lease, Fallback: authz.Access(s.settings.Access), Now: time.Now, Log: s.log,
	})
	s.parts = append(s.parts, ops.Part{Name: "rights", Run: func(ctx context.Context) error { return keeper.Run(ctx, authority.Revisions()) }})
	s.health.Check("rights", func(context.Context) error {
		if !keeper.Ready() {
			return errors.New("no coordinator has been heard from")
		}
		return nil
	})
	s.metrics.Gauge("tessera_edge_rights_fresh", "Whether rights are recent enough to show restricted content.", func() float64 {
		if keeper.Fresh() {
			return 1
		}
		return 0
	})
	return keeper
}
