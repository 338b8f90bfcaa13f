package coordinator

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tessera-iiif/tessera/internal/config"
)

// AlivePath is where a coordinator tells edges that it takes requests: 204, or 503 once
// it is to stop. It is not below /auth/, so that edges never hand it on.
const AlivePath = "/alive"

// Edges is the coordinator as edges reach it over HTTP. What they say of a request
// (X-Forwarded-For, -Proto, -Host) is believed of the networks named, and nobody else
// is answered at all: who asks directly could say anything.
type Edges struct {
	next      http.Handler
	trusted   []netip.Prefix
	sites     []origin
	draining  atomic.Bool
	strangers minutely // told of apart from addresses: neither keeps the other quiet
	addresses minutely
	log       *slog.Logger
}

// Edges makes the handler for a listener that edges connect to.
func (c *Coordinator) Edges(trusted []netip.Prefix) *Edges {
	return &Edges{next: c, trusted: trusted, sites: c.sites, log: c.log}
}

// Drain tells edges to go elsewhere. What comes nevertheless is still answered.
func (e *Edges) Drain() { e.draining.Store(true) }

// ServeHTTP implements http.Handler.
func (e *Edges) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if peer := addrOf(r.RemoteAddr); !e.trusts(peer) {
		e.turnAway(w, peer)
		return
	}
	if r.URL.Path == AlivePath {
		e.alive(w)
		return
	}
	seen, ok := e.restore(r)
	if !ok {
		e.mislead(r)
		http.Error(w, "This coordinator does not serve that address: its --public-url has to be that of the edges.", http.StatusMisdirectedRequest)
		return
	}
	e.next.ServeHTTP(w, seen)
}

func (e *Edges) alive(w http.ResponseWriter) {
	if e.draining.Load() {
		http.Error(w, "This coordinator is shutting down.", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (e *Edges) trusts(addr netip.Addr) bool {
	return addr.IsValid() && slices.ContainsFunc(e.trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// turnAway answers strangers, and tells the operator of one a minute: it may be an edge
// that was forgotten.
func (e *Edges) turnAway(w http.ResponseWriter, peer netip.Addr) {
	if e.strangers.mayTell() {
		e.log.Warn("turned away who is no edge; if it is one, name its network with --trusted-proxies", "address", peer)
	}
	http.Error(w, "This coordinator answers the edges of its cluster. Whoever runs it names their networks with --trusted-proxies.", http.StatusForbidden)
}

// mislead tells the operator that edges and coordinator disagree about their address:
// nobody can sign in, and everything looks well.
func (e *Edges) mislead(r *http.Request) {
	if !e.addresses.mayTell() {
		return
	}
	sites := make([]string, 0, len(e.sites))
	for _, s := range e.sites {
		sites = append(sites, s.String())
	}
	e.log.Warn("an edge hands on requests for an address that this coordinator does not serve: give both the same --public-url",
		"asked", last(r.Header, "X-Forwarded-Proto")+"://"+last(r.Header, "X-Forwarded-Host"), "served", sites)
}

// restore gives a request the form in which an edge of the same process hands it over:
// the public address in URL and Host, the person's address in RemoteAddr. ok is false
// when the public address is none of ours.
func (e *Edges) restore(r *http.Request) (_ *http.Request, ok bool) {
	site, err := parseOrigin(last(r.Header, "X-Forwarded-Proto") + "://" + last(r.Header, "X-Forwarded-Host"))
	if err != nil || !e.serves(site) {
		return nil, false
	}
	seen := r.Clone(r.Context())
	seen.URL.Scheme, seen.URL.Host = site.scheme, strings.TrimPrefix(site.String(), site.scheme+"://")
	seen.Host = seen.URL.Host
	seen.RemoteAddr = netip.AddrPortFrom(e.client(r), 0).String()
	for name := range seen.Header {
		if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" || name == "X-Real-Ip" {
			seen.Header.Del(name)
		}
	}
	return seen, true
}

// serves is as strict as the edges are: a public name, or where there is none, this
// machine's own.
func (e *Edges) serves(site origin) bool {
	if len(e.sites) == 0 {
		return config.IsLoopback(site.host)
	}
	return slices.Contains(e.sites, site)
}

// client walks from the nearest sender to the first that is not trusted: what stands
// before it was written by strangers.
func (e *Edges) client(r *http.Request) netip.Addr {
	addr := addrOf(r.RemoteAddr)
	nodes := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(nodes) - 1; i >= 0 && e.trusts(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(nodes[i]))
		if err != nil {
			return netip.IPv4Unspecified() // nobody's address
		}
		addr = next.Unmap().WithZone("")
	}
	return addr
}

func last(h http.Header, name string) string {
	values := h.Values(name)
	if len(values) == 0 {
		return ""
	}
	list := strings.Split(values[len(values)-1], ",")
	return strings.TrimSpace(list[len(list)-1])
}

// addrOf reads the address of host:port; the zero address is nobody's.
func addrOf(hostPort string) netip.Addr {
	ap, err := netip.ParseAddrPort(hostPort)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// minutely is when something was last logged that anybody can cause, in Unix seconds.
type minutely struct{ last atomic.Int64 }

// mayTell is true once a minute.
func (m *minutely) mayTell() bool {
	now := time.Now().Unix()
	last := m.last.Load()
	return now-last >= 60 && m.last.CompareAndSwap(last, now)
}
