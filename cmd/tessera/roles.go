package main

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/tessera-iiif/tessera/edge/relay"
	"github.com/tessera-iiif/tessera/internal/bus"
	"github.com/tessera-iiif/tessera/internal/config"
	"github.com/tessera-iiif/tessera/internal/ops"
)

// serviceName names the sign-in service in URLs of IIIF documents.
const serviceName = "members"

// everything runs every role in one process, joined by an in-process bus: what a laptop
// tests is what a cluster runs.
func (s *server) everything(ctx context.Context) error {
	public, err := s.open(ctx)
	if err != nil {
		return err
	}
	embedded, err := bus.StartEmbedded(bus.Config{Dir: filepath.Join(s.settings.Data, "nats"), Log: s.log})
	if err != nil {
		return err
	}
	s.opened(func() error { embedded.Close(); return nil })
	s.join = func(_ context.Context, role bus.Role) (*bus.Conn, error) { return embedded.Connect(role, string(role)) }
	people, err := s.coordinator(ctx)
	if err != nil {
		return err
	}
	if err := s.worker(ctx); err != nil {
		return err
	}
	inProcess := func(http.HandlerFunc) (http.Handler, error) { return people, nil }
	if err := s.edge(ctx, public, inProcess); err != nil {
		return err
	}
	// Last, because a made-up password is told once: nothing may keep it from being told.
	return s.firstStart(ctx, people)
}

// onlyEdge hands people to coordinators over HTTP.
func (s *server) onlyEdge(ctx context.Context) error {
	public, err := s.open(ctx)
	if err != nil {
		return err
	}
	return s.edge(ctx, public, s.relay)
}

func (s *server) onlyWorker(ctx context.Context) error {
	if err := s.operations(ctx); err != nil {
		return err
	}
	return s.worker(ctx)
}

// onlyCoordinator answers edges, and nobody else, over HTTP.
func (s *server) onlyCoordinator(ctx context.Context) error {
	inner, err := s.open(ctx)
	if err != nil {
		return err
	}
	people, err := s.coordinator(ctx)
	if err != nil {
		return err
	}
	edges := people.Edges(s.settings.TrustedProxy)
	s.leaving = append(s.leaving, edges.Drain)
	s.serveHTTP("coordinator's pages", inner, edges)
	return s.firstStart(ctx, people)
}

// open takes the process's addresses before anything else: a port that is taken is the
// commonest mistake, and soonest found.
func (s *server) open(ctx context.Context) (net.Listener, error) {
	l, err := s.listen(ctx, s.settings.Listen)
	if err != nil {
		return nil, err
	}
	s.url = browserURL(s.settings.PublicURLs, l.Addr())
	if s.role == config.Coordinator {
		s.url = browserURL(nil, l.Addr())
	}
	return l, s.operations(ctx)
}

// dial joins the cluster.
func (s *server) dial(ctx context.Context, role bus.Role) (*bus.Conn, error) {
	return bus.Dial(ctx, bus.DialConfig{
		URL: strings.Join(s.settings.NATS, ","), Name: s.settings.Name, Role: role,
		Creds: s.settings.NATSCreds, CA: s.settings.NATSCA, Log: s.log,
	})
}

// connect joins the bus for as long as the process lives.
func (s *server) connect(ctx context.Context, role bus.Role) (*bus.Conn, error) {
	conn, err := s.join(ctx, role)
	if err != nil {
		return nil, err
	}
	s.opened(func() error { conn.Close(); return nil })
	s.measureBus(role, conn)
	if s.role != config.Serve {
		s.health.Check("bus", conn.Check)
	}
	return conn, nil
}

// measureBus shows what passes between the process and the bus.
func (s *server) measureBus(role bus.Role, conn *bus.Conn) {
	count := func(name, help string, f func(bus.Stats) int64) {
		s.metrics.Count("tessera_bus_"+name+"_total", help, map[string]string{"role": string(role)}, func() float64 { return float64(f(conn.Stats())) })
	}
	count("reconnects", "Times the NATS server was lost or left.", func(b bus.Stats) int64 { return b.Reconnects })
	count("slow_consumer", "Times this process was too slow and lost messages.", func(b bus.Stats) int64 { return b.SlowConsumers })
	count("events_dropped", "Events that came faster than they could be taken in.", func(b bus.Stats) int64 { return b.Dropped })
	count("messages_received", "Messages from the bus.", func(b bus.Stats) int64 { return b.In })
	count("messages_sent", "Messages to the bus.", func(b bus.Stats) int64 { return b.Out })
	count("received_bytes", "Bytes from the bus.", func(b bus.Stats) int64 { return b.InBytes })
	count("sent_bytes", "Bytes to the bus.", func(b bus.Stats) int64 { return b.OutBytes })
}

// relay hands people to the coordinators named. away answers while there are none.
func (s *server) relay(away http.HandlerFunc) (http.Handler, error) {
	r, err := relay.New(relay.Config{Coordinators: s.settings.Coordinators, Away: away, Log: s.log})
	if err != nil {
		return nil, err
	}
	// No condition of readiness: open images and known sessions go on without.
	s.metrics.Gauge("tessera_edge_coordinator_reached", "Whether a coordinator can be reached over HTTP.", func() float64 {
		if r.Check(context.Background()) != nil {
			return 0
		}
		return 1
	})
	s.parts = append(s.parts, ops.Part{Name: "relay", Run: r.Run})
	return r, nil
}
