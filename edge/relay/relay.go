// Package relay hands requests of people to the coordinators, over HTTP. It tells them
// whom a request came from and what it was sent to; coordinators believe that of the
// edges they are told of. Answers are passed on as they come.
//
// A request goes to a coordinator that is known to be alive, and to another when the
// first cannot be reached: always while nothing of it has been sent, else only when it
// asks without changing anything.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	dialTimeout   = 2 * time.Second
	headerTimeout = 30 * time.Second // password hashes queue for a while
	maxInFlight   = 512              // requests, more are answered 503 at once
	maxTries      = 2
)

// Config of a Relay.
type Config struct {
	Coordinators []string // http(s)://host:port, at least one
	// Away answers people when no coordinator can be reached; the status has to be 503.
	Away http.Handler
	Log  *slog.Logger
}

// Relay is the http.Handler. It expects requests as an edge hands them over: with the
// public address in URL and Host, the client in RemoteAddr, and without forwarding
// headers.
type Relay struct {
	proxy        httputil.ReverseProxy
	transport    *http.Transport
	checks       *http.Transport // not behind requests that hold every connection
	coordinators []*coordinator
	next         atomic.Uint32
	inFlight     atomic.Int64
	bodies       ledger
	bodyTime     time.Duration
	away         http.Handler
	log          *slog.Logger
}

// errAway says that no coordinator can be reached.
var errAway = errors.New("no coordinator can be reached")

// New makes a relay that takes every coordinator for alive until Run has asked.
func New(cfg Config) (*Relay, error) {
	if len(cfg.Coordinators) == 0 || cfg.Away == nil {
		return nil, errors.New("relay: coordinators, and an answer for when they are away, are needed")
	}
	r := &Relay{away: cfg.Away, log: cfg.Log, bodyTime: bodyTime}
	for _, raw := range cfg.Coordinators {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("coordinator %q: write scheme and host, such as http://coordinator-1:8080", raw)
		}
		r.coordinators = append(r.coordinators, newCoordinator(u))
	}
	r.transport, r.checks = newTransport(maxInFlight), newTransport(1)
	r.proxy = httputil.ReverseProxy{
		Rewrite: rewrite, Transport: r, ErrorHandler: r.failed, FlushInterval: -1,
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	return r, nil
}

func newTransport(conns int) *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: headerTimeout,
		MaxConnsPerHost:       conns, MaxIdleConnsPerHost: conns, IdleConnTimeout: 30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // what the client accepts is passed on
	}
}

// ServeHTTP implements http.Handler.
func (r *Relay) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	defer r.inFlight.Add(-1)
	if r.inFlight.Add(1) > maxInFlight {
		hangUp(w, q)
		r.failed(w, q, errors.New("too many requests are with the coordinators"))
		return
	}
	if q.Body != nil && q.Body != http.NoBody {
		b := &body{ledger: &r.bodies, client: sender(clientOf(q))}
		defer b.release()
		if why := b.receive(w, q, r.bodyTime); why != nil {
			hangUp(w, q)
			refuse(w, q, why)
			return
		}
		q = b.carried(q)
	}
	r.proxy.ServeHTTP(w, q)
}

// clientOf is the person's address, as the edge has found it.
func clientOf(q *http.Request) string {
	client, _, err := net.SplitHostPort(q.RemoteAddr)
	if err != nil {
		return "0.0.0.0" // nobody's address
	}
	return client
}

// rewrite says what the coordinator has to know. ReverseProxy has taken off whatever
// forwarding headers there were.
func rewrite(p *httputil.ProxyRequest) {
	in, out := p.In, p.Out
	out.Header.Set("X-Forwarded-For", clientOf(in))
	out.Header.Set("X-Forwarded-Proto", in.URL.Scheme)
	out.Header.Set("X-Forwarded-Host", in.Host)
	out.URL.RawQuery = in.URL.RawQuery // the coordinator judges it, as sent
}

// RoundTrip implements http.RoundTripper: one request, to the first coordinator that
// takes it.
func (r *Relay) RoundTrip(q *http.Request) (*http.Response, error) {
	var failures []error
	for _, c := range r.order() {
		resp, err := r.transport.RoundTrip(c.address(q))
		if err == nil {
			return resp, nil
		}
		if q.Context().Err() != nil {
			return nil, err
		}
		c.lost(r.log, err)
		failures = append(failures, err)
		if !mayRepeat(q, err) {
			break
		}
	}
	return nil, fmt.Errorf("%w: %w", errAway, errors.Join(failures...))
}

// order gives who to try, those known to be alive first, each time another of them.
func (r *Relay) order() []*coordinator {
	n := len(r.coordinators)
	first := int(r.next.Add(1)) % n
	alive, others := make([]*coordinator, 0, n), []*coordinator(nil)
	for i := range n {
		c := r.coordinators[(first+i)%n]
		if c.alive.Load() {
			alive = append(alive, c)
		} else {
			others = append(others, c) // what is known of them may be old
		}
	}
	alive = append(alive, others...)
	return alive[:min(maxTries, n)]
}

// mayRepeat tells whether a request can be given to another coordinator: when it
// surely has not reached the first, or when it changes nothing.
func mayRepeat(q *http.Request, err error) bool {
	var op *net.OpError
	notSent := errors.As(err, &op) && op.Op == "dial"
	return notSent || q.Method == http.MethodGet || q.Method == http.MethodHead || q.Method == http.MethodOptions
}

// Check is nil while a coordinator is known to be alive.
func (r *Relay) Check(context.Context) error {
	for _, c := range r.coordinators {
		if c.alive.Load() {
			return nil
		}
	}
	return errAway
}
