// Package egress makes HTTP clients for addresses that somebody else chose, such as
// those a provider's discovery document names: they reach public addresses and what the
// operator has allowed, and nothing else of the network they stand in.
//
// The address is checked when it is dialled, after the name was resolved, so a name that
// changes its mind between look-up and use gains nothing; redirects are dialled alike.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// ErrForbidden is the error of a request to an address that is not allowed. Its text
// says which, and how the operator allows it.
var ErrForbidden = errors.New("the address is not public")

// ErrClear is the error of a request that would go out in clear text.
var ErrClear = errors.New("an https address is wanted")

// Config of a client.
type Config struct {
	Allow    Allow // what may be called beside public addresses
	Loopback bool  // this machine may be called too, and without TLS: for development

	Timeout  time.Duration // of a request with its answer; default 8 s
	MaxBytes int64         // of an answer; default 1 MiB
}

const (
	defaultTimeout  = 8 * time.Second
	defaultMaxBytes = 1 << 20
	dialTimeout     = 4 * time.Second
	maxRedirects    = 3
	maxHeaders      = 64 << 10
	connsPerHost    = 16
)

// NewClient makes a client. It sends no proxy's environment, no cookies, and follows
// redirects of GET alone. Errors of forbidden addresses are ErrForbidden.
func NewClient(c Config) *http.Client {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	g := guard{allow: c.Allow, loopback: c.Loopback}
	transport := &http.Transport{
		DialContext:            g.dial,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  c.Timeout,
		MaxResponseHeaderBytes: maxHeaders,
		MaxConnsPerHost:        connsPerHost,
		IdleConnTimeout:        30 * time.Second,
		ForceAttemptHTTP2:      true,
	}
	return &http.Client{
		Transport:     &bounded{guard: g, next: transport, max: c.MaxBytes},
		CheckRedirect: checkRedirect,
		Timeout:       c.Timeout,
	}
}

// checkRedirect: what was posted, a code or a client's secret, is never sent on.
func checkRedirect(r *http.Request, via []*http.Request) error {
	switch {
	case via[0].Method != http.MethodGet:
		return http.ErrUseLastResponse
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case via[0].URL.Scheme == "https" && r.URL.Scheme != "https":
		return errors.New("a redirect leads away from https")
	}
	return nil
}

// guard decides what may be dialled.
type guard struct {
	allow    Allow
	loopback bool
}

func (g guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	if isLocalhost(host) {
		address = net.JoinHostPort("localhost", port) // RFC 6761, 6.3: such names are this machine
	}
	if !g.allow.host(host) {
		dialer.ControlContext = func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
			return g.check(host, resolved)
		}
	}
	return dialer.DialContext(ctx, network, address)
}

// check judges the address a name was resolved to.
func (g guard) check(host, resolved string) error {
	at, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrForbidden, host)
	}
	addr := at.Addr().WithZone("")
	switch {
	case IsPublic(addr), g.allow.addr(addr), g.loopback && addr.Unmap().IsLoopback():
		return nil
	}
	return fmt.Errorf("%w: %s is %s; if it is meant, name it with --egress-allow", ErrForbidden, host, addr)
}

// secure tells whether a request may go out: in clear text only within this machine.
func (g guard) secure(r *http.Request) error {
	host := r.URL.Hostname()
	if r.URL.Scheme == "https" || r.URL.Scheme == "http" && g.loopback && isLoopback(host) {
		return nil
	}
	return fmt.Errorf("%s://%s: %w", r.URL.Scheme, host, ErrClear)
}

func isLocalhost(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return isLocalhost(host) || err == nil && addr.Unmap().IsLoopback()
}
